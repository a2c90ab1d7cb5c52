"""Test the server on a real, local Ray Serve instance."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import ray_session
import spacy
import srsly
from pages import free_port
from spacy.cli import app
from support import RAY, ROOT
from typer.testing import CliRunner

import spacy_bert_ner.cli  # noqa: F401, its commands
from spacy_bert_ner.errors import BertNerError

ray = pytest.importorskip("ray")
serve = pytest.importorskip("ray.serve")
from ray.serve.schema import ServeDeploySchema  # noqa: E402

from spacy_bert_ner.serving.app import application, build  # noqa: E402
from spacy_bert_ner.serving.server import options_in  # noqa: E402

pytestmark = [*RAY, pytest.mark.filterwarnings(r"ignore::UserWarning:ray\..*")]

TEXTS = ["Kevin Durant lives in New York", "New York and Kevin", "the lives .", "", "Zoë 🙂 Kevin in New York"]
SECRET = "xq7marker"
MOST = {"max_texts": 8, "max_characters": 200, "max_bytes": 3000, "max_batch_size": 16, "batch_wait": 0.02}


@pytest.fixture(scope="module")
def pipeline(tagger, tmp_path_factory):
    nlp = spacy.blank("en", meta={"name": "names", "version": "1.2.3"})
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}, "thresholds": {"geo": 0.01}})
    nlp.initialize()
    folder = tmp_path_factory.mktemp("pipeline") / "bert"
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def session(pipeline):
    """Run two servers: one without a token, and one that requires a token and is always busy."""
    port, metrics = free_port(), ray_session.running().metrics
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config={"log_level": "INFO"})
        serve.run(application({"pipeline": str(pipeline), **MOST}), name="open", route_prefix="/")
        locked = build({"pipeline": str(pipeline), "token_env": "TESTS_TOKEN", "max_waiting": 1, "batch_wait": 1}, {})
        serve.run(locked, name="locked", route_prefix="/locked")
        yield {"port": port, "metrics": metrics}
    finally:
        serve.shutdown()


def send(session, path="/v1/entities", body=None, method=None, **headers):
    """Send a request and return the status, headers and JSON content of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", session["port"], timeout=60)
    try:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(method or ("GET" if body is None else "POST"), path, content, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, json.loads(text)
    finally:
        connection.close()


@pytest.fixture(scope="module")
def expected(pipeline):
    nlp = spacy.load(pipeline)

    def entities(text):
        return [
            {"start": e.start_char, "end": e.end_char, "text": e.text, "label": e.label_, "score": e._.score}
            for e in nlp(text).ents
        ]

    return entities


def close(found, wanted):
    """Check that entities are equal and scores are almost equal. Scores vary slightly with the batch."""
    assert [{**e, "score": 0} for e in found] == [{**e, "score": 0} for e in wanted]
    assert [e["score"] for e in found] == pytest.approx([e["score"] for e in wanted], abs=1e-5)


def test_texts_get_their_entities(session, expected):
    assert len(expected(TEXTS[0])) >= 2
    status, headers, answer = send(session, body={"texts": TEXTS}, X_Request_ID="mine-1")
    assert (status, answer["request_id"], headers["x-request-id"]) == (200, "mine-1", "mine-1")
    assert len(answer["documents"]) == 5
    for text, document in zip(TEXTS, answer["documents"], strict=True):
        close(document["entities"], expected(text))
        assert [text[e["start"] : e["end"]] for e in document["entities"]] == [e["text"] for e in document["entities"]]
    status, _, answer = send(session, body={"text": TEXTS[0]}, X_Request_ID="an id with spaces")
    assert status == 200
    assert len(answer["request_id"]) >= 32
    close(answer["documents"][0]["entities"], expected(TEXTS[0]))
    assert send(session, body={"texts": []})[2]["documents"] == []


def test_entities_are_chosen_by_label_and_score(session, expected):
    every = expected(TEXTS[0])
    label, scores = every[0]["label"], sorted(e["score"] for e in every)
    (document,) = send(session, body={"text": TEXTS[0], "labels": [label]})[2]["documents"]
    close(document["entities"], [e for e in every if e["label"] == label])
    least = (scores[0] + scores[1]) / 2
    (document,) = send(session, body={"text": TEXTS[0], "thresholds": least})[2]["documents"]
    close(document["entities"], [e for e in every if e["score"] >= least])
    (document,) = send(session, body={"text": TEXTS[0]})[2]["documents"]
    equal = max(e["score"] for e in document["entities"])
    (document,) = send(session, body={"text": TEXTS[0], "thresholds": equal})[2]["documents"]
    assert [e["score"] for e in document["entities"]] == [equal]
    (document,) = send(session, body={"text": TEXTS[0], "thresholds": {label: 1.0}})[2]["documents"]
    close(document["entities"], [e for e in every if e["label"] != label])
    assert len(document["entities"]) < len(every)


def test_requests_at_once_get_their_own_answers(session, expected):
    texts = [f"{'Kevin Durant ' * (i % 4)}lives in New York {i}" for i in range(40)]
    answers = {}

    def ask(i):
        answers[i] = send(session, body={"texts": [texts[i], TEXTS[1]]})

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, text in enumerate(texts):
        assert answers[i][0] == 200
        close(answers[i][2]["documents"][0]["entities"], expected(text))
        close(answers[i][2]["documents"][1]["entities"], expected(TEXTS[1]))


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 422, "the body is not valid JSON at character 1"),
        (b"\xff", 422, "the body is not valid JSON"),
        (b"[" * 100_0, 422, "JSON"),
        ([], 422, "the body is valid JSON but not a JSON object"),
        ({}, 422, "the body must have either text or texts"),
        ({"text": SECRET, "texts": [SECRET]}, 422, "the body must have either text or texts"),
        ({"text": 1}, 422, "the value of text is invalid. Allowed for text: a string"),
        ({"texts": [SECRET, None]}, 422, "the value of texts.1 is invalid"),
        ({"text": SECRET, "more": SECRET}, 422, "the body has unknown keys"),
        ({"text": SECRET, "thresholds": 2}, 422, "Allowed for thresholds: a number from 0 to 1"),
        ({"text": SECRET, "labels": ["prs"]}, 422, "the pipeline has no label 'prs'. Allowed labels: geo, per"),
        ({"text": SECRET, "thresholds": {"prs": 0.5}}, 422, "the pipeline has no label 'prs'"),
        (b'{"text": "a \\ud800"}', 422, "texts.0 contains an unpaired surrogate"),
        ({"texts": ["a"] * 9}, 413, "The request has 9 texts. Allowed: at most 8."),
        ({"texts": ["a", "b" * 201]}, 413, "The text at index 1 has 201 characters. Allowed: at most 200"),
        (b"x" * 3001, 413, "The request body exceeds the limit of 3,000 bytes"),
    ],
    ids=range(16),
)
def test_what_is_wrong_is_told_without_the_text(session, body, status, message):
    found, headers, answer = send(session, body=body)
    assert found == status
    assert set(answer) == {"request_id", "error"}
    assert message in answer["error"]["message"]
    assert answer["error"]["code"] == {422: "malformed", 413: "too_large"}[status]
    assert headers["x-request-id"] == answer["request_id"]
    assert SECRET not in json.dumps(answer)
    assert "Traceback" not in json.dumps(answer)


@pytest.mark.parametrize(
    "body",
    [{"texts": ["a"] * 8}, {"text": "b" * 200}, b'{"text": "a"}'.ljust(3000)],
    ids=["texts", "characters", "bytes"],
)
def test_what_just_reaches_a_limit_is_allowed(session, body):
    assert send(session, body=body)[0] == 200


def test_a_body_of_unknown_length_is_read_no_further_than_is_allowed(session):
    connection = http.client.HTTPConnection("127.0.0.1", session["port"], timeout=60)
    connection.request("POST", "/v1/entities", iter([b"x" * 1000] * 50), encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["error"]["code"] == "too_large"
    connection.close()


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nothing", "GET", 404), ("/v1/entities", "GET", 405), ("/v1/entities", "DELETE", 405)],
)
def test_other_routes_and_methods(session, path, method, status):
    found, _, answer = send(session, path, method=method)
    assert found == status
    assert answer["error"]["message"] in ("Not Found", "Method Not Allowed")


def test_health_model_and_description(session, pipeline):
    assert send(session, "/healthz")[::2] == (200, {"status": "ok"})
    status, _, about = send(session, "/v1/model")
    assert status == 200
    assert about["labels"] == ["geo", "per"]
    assert {key: about[key] for key in ("name", "version", "lang", "components", "thresholds")} == {
        **{"name": "names", "version": "1.2.3", "lang": "en", "components": ["bert_ner"], "thresholds": {"geo": 0.01}}
    }
    assert about["versions"]["spacy"] == spacy.__version__
    api = send(session, "/openapi.json")[2]
    assert set(api["paths"]) == {"/healthz", "/metrics", "/v1/model", "/v1/entities"}
    assert "texts" in json.dumps(api["paths"]["/v1/entities"]["post"]["requestBody"])
    assert {"200", "401", "413", "422", "503"} <= set(api["paths"]["/v1/entities"]["post"]["responses"])
    connection = http.client.HTTPConnection("127.0.0.1", session["port"], timeout=60)
    for path in ("/", "/docs", "/locked/", "/locked/docs"):
        connection.request("GET", path)
        assert b"openapi.json" in connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize("header", [None, "Bearer wrong", "s3cret", "Basic s3cret", "Bearer ", "Bearer s3cret\xe9"])
def test_without_the_token_there_is_nothing(session, header):
    headers = {} if header is None else {"Authorization": header}
    for path, body in (("/locked/v1/entities", {"text": "a"}), ("/locked/v1/model", None)):
        status, answered, answer = send(session, path, body, **headers)
        assert (status, answer["error"]["code"]) == (401, "unauthorized")
        assert answered["www-authenticate"] == "Bearer"
    assert send(session, "/locked/healthz")[0] == 200


def test_with_the_token_there_is_all_and_who_comes_too_soon_is_told_when_to_come_back(session, expected):
    answers = []

    def ask():
        answers.append(
            send(session, "/locked/v1/entities", {"text": TEXTS[0]}, Authorization=f"Bearer {ray_session.TOKEN}")
        )

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = [answer for answer in answers if answer[0] == 200]
    busy = [answer for answer in answers if answer[0] == 503]
    assert len(good) >= 1
    assert len(busy) >= 1
    assert len(good) + len(busy) == 8
    for _, _, answer in good:
        close(answer["documents"][0]["entities"], expected(TEXTS[0]))
    for _, headers, answer in busy:
        assert headers["retry-after"] == "1"
        assert answer["error"]["code"] == "busy"


def test_metrics_are_exported_for_prometheus(session):
    send(session, body={"text": "Kevin"})
    for port in (session["metrics"], session["port"]):
        for _ in range(300):
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/metrics")
                text = connection.getresponse().read().decode()
                connection.close()
                if "bert_ner_words" in text:
                    break
            time.sleep(0.1)
        for name in ("bert_ner_answers", "bert_ner_texts", "bert_ner_words", "bert_ner_batch_texts", "ray_serve_"):
            assert name in text
        assert SECRET not in text


def test_texts_and_tokens_are_in_no_log(session):
    for body in ({"text": SECRET}, {"text": SECRET, "more": 1}, b'{"text": "' + SECRET.encode()):
        send(session, body=body)
    send(session, "/locked/v1/model", Authorization=f"Bearer {ray_session.TOKEN}")
    logs = Path(ray._private.worker._global_node.get_logs_dir_path())
    texts = {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()}
    assert any(b"/v1/entities" in text for text in texts.values())  # the requests themselves are logged
    assert [path for path, text in texts.items() if SECRET.encode() in text or ray_session.TOKEN.encode() in text] == []


def replicas():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"ray::ServeReplica:open" in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def test_a_replica_that_is_killed_gives_no_wrong_answer_and_comes_back(session, expected):
    wanted, answers = expected(TEXTS[0]), []
    is_killed, ended = threading.Event(), threading.Event()
    asked = threading.Semaphore(0)  # one release per response or failed request

    def ask():
        while not ended.is_set():
            was_killed = is_killed.is_set()
            try:
                status, _, answer = send(session, body={"text": TEXTS[0]})
            except (OSError, http.client.HTTPException, ValueError) as e:
                status, answer = type(e).__name__, None
            answers.append((was_killed, status, answer))
            asked.release()
            if status != 200:
                time.sleep(0.02)

    def come(condition, seconds=60):
        """Wait until the responses fulfil a condition."""
        end = time.monotonic() + seconds
        while not condition(answers):
            assert time.monotonic() < end, [status for _, status, _ in answers]
            asked.acquire(timeout=1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        come(lambda answers: len(answers) >= 10)
        (pid,) = replicas()
        os.kill(pid, signal.SIGKILL)
        is_killed.set()
        come(lambda answers: sum(was_killed and status == 200 for was_killed, status, _ in answers) >= 10)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    (new,) = replicas()
    assert new != pid
    good = [answer for _, status, answer in answers if status == 200]
    for answer in good:
        close(answer["documents"][0]["entities"], wanted)
    assert {status for _, status, _ in answers[:10]} == {200}
    others = {status for _, status, _ in answers if status != 200}
    assert others <= {500, 502, 503, "ValueError", "JSONDecodeError", "ConnectionResetError", "RemoteDisconnected"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "A server setting is invalid: pipeline: Field required"),
        ({"pipeline": "x", "max_texts": 0}, "max_texts: Input should be greater than or equal to 1"),
        ({"pipeline": "x", "more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_settings_are_checked(args, message):
    with pytest.raises(BertNerError, match=message):
        application(args)
    with pytest.raises(BertNerError, match="A server setting is invalid: "):
        build({"pipeline": "x"}, {"num_replica": 3})


CONFIG = """
applications:
  - name: bert-ner
    import_path: spacy_bert_ner.serving.app:application
    args: {pipeline: training/model-best, max_texts: 3}
    deployments:
      - name: bert-ner
        autoscaling_config: {min_replicas: 1, max_replicas: 4}
        ray_actor_options: {num_gpus: 1}
"""


def test_replicas_and_scaling_are_read_from_a_config_of_serve(tmp_path):
    (tmp_path / "serve.yaml").write_text(CONFIG)
    args, options = options_in(tmp_path / "serve.yaml")
    assert args == {"pipeline": "training/model-best", "max_texts": 3}
    assert options == {
        "autoscaling_config": {"min_replicas": 1, "max_replicas": 4},
        "ray_actor_options": {"num_gpus": 1},
    }
    assert build(args, options) is not None
    for text in ("", "[", "applications: []", CONFIG.replace("spacy_bert_ner", "others")):
        (tmp_path / "serve.yaml").write_text(text)
        with pytest.raises(BertNerError, match=r"serve.yaml is not a Ray Serve config for this application"):
            options_in(tmp_path / "serve.yaml")
    with pytest.raises(BertNerError, match="does not exist"):
        options_in(tmp_path / "none.yaml")


def test_the_config_of_the_page_is_one(tmp_path):
    page = (ROOT / "docs" / "scale.md").read_text("utf8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "serve.yaml").write_text(text)
    args, options = options_in(tmp_path / "serve.yaml")
    assert args == {"pipeline": "/shared/model-best", "max_batch_size": 64, "gpu": True}
    assert options["autoscaling_config"]["max_replicas"] == 16
    assert build(args, options) is not None
    assert ServeDeploySchema(**srsly.read_yaml(tmp_path / "serve.yaml"))  # `serve deploy` accepts it


def run(*arguments):
    done = CliRunner().invoke(app, ["bert-ner", "serve", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


def test_what_is_wrong_is_told_before_anything_is_served(pipeline, tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = run(pipeline, "--port", port)
        assert code == 1
        assert f"Port {port} on 127.0.0.1 is in use" in output
    assert "as a pipeline" in run(tmp_path / "none")[1]
    assert "variable TESTS_NONE does not contain a token. Set it" in run(pipeline, "--token-env", "TESTS_NONE")[1]
    module = sys.modules["spacy_bert_ner.cli.serve"]
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    code, output = run(pipeline)
    assert code == 1
    assert (
        "serve requires Ray and FastAPI, but at least one of them is not installed. "
        "Install them: pip install 'spacy-bert-ner[serve]'"
    ) in output


def test_the_command_serves_until_it_is_told_to_end(pipeline, expected, tmp_path):
    port = free_port()
    line = [sys.executable, "-m", "spacy", "bert-ner", "serve", str(pipeline), "--port", str(port)]
    log = tmp_path / "log"
    with log.open("w") as file:
        options = {"env": ray_session.environment(), "start_new_session": True}
        process = subprocess.Popen(line, stdout=file, stderr=file, **options)
    try:
        for _ in range(1200):
            if "press Ctrl+C to stop" in log.read_text() or process.poll() is not None:
                break
            time.sleep(0.1)
        assert process.poll() is None, log.read_text()
        status, _, answer = send({"port": port}, body={"text": TEXTS[0]})
        assert status == 200, log.read_text()
        close(answer["documents"][0]["entities"], expected(TEXTS[0]))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert not re.search("Traceback|[Ee]rror|ERROR|failed|SIGTERM received", log.read_text()), log.read_text()
