"""Test the server's routes in this process, without Ray. `test_serving.py` tests them on Ray Serve."""

import asyncio
import http.server
import json
import random
import re
import signal
import threading
from types import SimpleNamespace

import pytest

serve = pytest.importorskip("ray.serve")
httpx = pytest.importorskip("httpx")

from spacy_bert_ner.errors import BertNerError  # noqa: E402
from spacy_bert_ner.serving.app import Server, api  # noqa: E402
from spacy_bert_ner.serving.authentication import check_token, read_token  # noqa: E402
from spacy_bert_ner.serving.batch_annotator import select_entities  # noqa: E402
from spacy_bert_ner.serving.metrics import gather, merge  # noqa: E402
from spacy_bert_ner.serving.request_validation import Limits, read_body, read_request  # noqa: E402
from spacy_bert_ner.serving.schemas import EntitiesRequest, RequestError  # noqa: E402
from spacy_bert_ner.serving.server import _StopSignal  # noqa: E402
from spacy_bert_ner.serving.settings import ServerSettings  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

LEAKS = re.compile(
    r"functools|function|validat|pydantic|errors\.|Input should|Traceback|object at|<class|\bstr\b|\bint\b|\bdict\b"
    r"|\bNone\b|/home|/root|/usr|/work|\.py\b|https?://|\[type=|lambda|_type\b|xq7marker"
)
"""Strings that would reveal the code or the submitted text."""
LIMITS = Limits(max_texts=8, max_characters=200, labels=frozenset({"per", "geo"}))


@pytest.fixture
def ask(monkeypatch):
    """Return a function that sends requests to a server whose pipeline finds no entities."""
    replica = object.__new__(next(cls for cls in Server.func_or_class.__mro__ if "entities" in vars(cls)))
    replica.settings = ServerSettings(pipeline="none", max_texts=8, max_characters=200, max_bytes=3000)
    replica.nlp, replica.labels = SimpleNamespace(max_length=10**6), LIMITS.labels
    replica._token, replica._n_pending = None, 0
    replica._answers = SimpleNamespace(inc=lambda tags: None)

    async def annotate(text):
        return []

    replica.annotate = annotate
    monkeypatch.setattr(serve, "get_replica_context", lambda: SimpleNamespace(servable_object=replica))

    async def one(client, path, body, method, headers):
        method = method or ("GET" if body is None else "POST")
        return await client.request(method, path, content=body, headers=headers)

    async def several(requests):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://server") as client:
            return [await one(client, *request) for request in requests]

    def ask(path, body=None, method=None, headers=None, *, more=()):
        answers = asyncio.run(several([(path, body, method, headers), *more]))
        return answers if more else answers[0]

    ask.replica = replica
    return ask


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_page_needs_nothing_from_elsewhere(ask, path):
    answer = ask(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert not re.search(r"//|src=|url\(|@import", answer.text.replace("https://json", ""))
    for part in ("POST /v1/entities", "GET /metrics", "thresholds", "is busy. Retry later.", 'href="openapi.json"'):
        assert part in answer.text


def test_pages_that_load_scripts_from_elsewhere_are_not_there(ask):
    assert ask("/redoc").status_code == 404
    assert set(ask("/openapi.json").json()["paths"]) == {"/healthz", "/metrics", "/v1/model", "/v1/entities"}


ABOUT = "# HELP ray_bert_ner_texts Texts.\n# TYPE ray_bert_ner_texts counter\n"
HISTOGRAM = "# HELP ray_serve_a A.\n# TYPE ray_serve_a histogram\n"


def test_metrics_of_several_machines_are_one_table():
    one = f'# HELP ray_node x\nray_node 1\n{ABOUT}ray_bert_ner_texts_total{{n="a"}} 1.0\n{HISTOGRAM}'
    two = (
        f'{ABOUT}ray_bert_ner_texts_total{{n="b"}} 2.0\n{HISTOGRAM}ray_serve_a_bucket{{le="1"}} 1\nray_serve_a_sum 3\n'
    )
    assert merge([one, two]) == (
        f'{ABOUT}ray_bert_ner_texts_total{{n="a"}} 1.0\nray_bert_ner_texts_total{{n="b"}} 2.0\n'
        f'{HISTOGRAM}ray_serve_a_bucket{{le="1"}} 1\nray_serve_a_sum 3\n'
    )


@pytest.fixture
def machine():
    """Return the URL of a machine that exports metrics."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ray_bert_ner_texts_total 7.0\nray_others 1\n")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/metrics"
        listening.shutdown()
        thread.join()


def test_metrics_answer_on_the_serving_port(ask, machine, monkeypatch):
    module = "spacy_bert_ner.serving.metrics.addresses"
    monkeypatch.setattr(module, lambda: [machine])
    answer = ask("/metrics")
    assert (answer.status_code, answer.text) == (200, "ray_bert_ner_texts_total 7.0\n")
    assert answer.headers["content-type"].startswith("text/plain")
    ask.replica._token = b"s3cret"
    assert ask("/metrics").status_code == 401
    assert ask("/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    monkeypatch.setattr(module, lambda: ["http://127.0.0.1:9/metrics"])
    answer = ask("/metrics", headers={"Authorization": "Bearer s3cret"})
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["error"]["code"]) == (503, "5", "busy")
    assert "127.0.0.1" not in answer.text
    with pytest.raises(OSError, match="refused"):
        gather([machine, "http://127.0.0.1:9/metrics"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"text": "xq7marker", "thresholds": 2},
            "the value of thresholds is invalid. Allowed for thresholds: a number from",
        ),
        (
            {"text": "a", "thresholds": {"per": "x"}},
            "the value of thresholds is invalid. Allowed for thresholds: a number",
        ),
        ({"text": "a", "thresholds": {"xq7marker": 2}}, "the value of thresholds is invalid."),
        ({"text": 1}, "the value of text is invalid. Allowed for text: a string."),
        ({"texts": ["xq7marker", None]}, "the value of texts.1 is invalid. Allowed for texts: a list of strings."),
        ({"texts": {"xq7marker": 1}}, "the value of texts is invalid. Allowed for texts: a list of strings."),
        ({"text": "a", "xq7marker": 1}, "the body has unknown keys. Allowed keys: text, texts, labels, thresholds."),
        ({"text": "a", "labels": [1]}, "the value of labels.0 is invalid. Allowed for labels: a list of strings."),
        ([], "the body is valid JSON but not a JSON object."),
        ({}, "the body must have either text or texts."),
        ({"text": "a", "texts": ["a"]}, "the body must have either text or texts."),
    ],
)
def test_what_is_malformed_is_told_in_words_of_our_own(body, message):
    with pytest.raises(RequestError) as e:
        read_request(json.dumps(body).encode(), LIMITS)
    assert (e.value.status, e.value.code) == (422, "malformed")
    assert message in e.value.message
    assert not LEAKS.search(e.value.message)


def test_a_label_that_there_is_not_is_shown_cut_short():
    body = json.dumps({"text": "a", "labels": ["p\u202e\n" + "r" * 1000]}).encode()
    with pytest.raises(RequestError) as e:
        read_request(body, LIMITS)
    assert rf"the pipeline has no label 'p\u202e\n{'r' * 57}...'. Allowed labels: geo, per" in e.value.message


@pytest.mark.parametrize("header", ["", "s3cret", "Basic s3cret", "Bearer ", "Bearer wrong", "Bearer s3cret\xe9"])
def test_a_missing_or_wrong_token_is_refused(header):
    check_token(header, None)
    check_token("bearer  s3cret ", b"s3cret")
    with pytest.raises(RequestError) as e:
        check_token(header, b"s3cret")
    assert (e.value.status, e.value.headers) == (401, {"WWW-Authenticate": "Bearer"})


def test_the_token_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("TESTS_TOKEN", " s3cret\n")
    assert read_token("TESTS_TOKEN") == b"s3cret"
    assert read_token(None) is None
    monkeypatch.setenv("TESTS_TOKEN", " ")
    with pytest.raises(BertNerError, match="TESTS_TOKEN does not contain a token"):
        read_token("TESTS_TOKEN")


def test_a_body_is_read_up_to_the_limit():
    n_read = 0

    async def stream(parts):
        nonlocal n_read
        for part in parts:
            n_read += len(part)
            yield part

    assert asyncio.run(read_body(stream([b"ab", b"c"]), "", max_bytes=3)) == b"abc"
    for parts, length, expected in (([b"abc"], "4", 0), ([b"ab", b"cd", b"ef"], "", 4)):
        n_read = 0
        with pytest.raises(RequestError) as e:
            asyncio.run(read_body(stream(parts), length, max_bytes=3))
        assert (e.value.status, n_read) == (413, expected)


@pytest.mark.parametrize(
    ("request_options", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"labels": ["per"]}, [0, 1, 3]),
        ({"labels": []}, []),
        ({"thresholds": 0.5}, [0, 2, 3]),
        ({"thresholds": {"per": 0.6}}, [2, 3]),
        ({"labels": ["per"], "thresholds": {"geo": 1}}, [0, 1, 3]),
    ],
)
def test_entities_are_selected_by_label_and_threshold(request_options, expected):
    entities = [{"label": label, "score": s} for label, s in [("per", 0.5), ("per", 0.1), ("geo", 0.9), ("per", None)]]
    selected = select_entities(entities, EntitiesRequest(text="a", **request_options))
    assert selected == [entities[i] for i in expected]


PARTS = [
    None,
    True,
    0,
    2,
    -1,
    0.5,
    1e308,
    float("nan"),
    "xq7marker",
    "",
    "\ud800",
    [],
    {},
    [[]],
    [None],
    ["a"],
    {"per": 2},
]
PARTS += [{"per": 0.5}, {"": {}}, [1, "a"], ["a"] * 9, "b" * 201, {"a": [{"b": 1}]}, 10**400]
KEYS = ["text", "texts", "labels", "thresholds", "Text", "__class__", "", "xq7marker", "model_config"]


def malformed(rng):
    """Return a random body. Most of these bodies are not valid requests."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randbytes(rng.randrange(60))
    if kind == 1:
        return json.dumps(rng.choice(PARTS)).encode()
    content = json.dumps({key: rng.choice(PARTS) for key in rng.sample(KEYS, rng.randrange(4))}).encode()
    if kind == 2:
        return content[: rng.randrange(len(content) + 1)]
    if kind == 3:
        place = rng.randrange(len(content) + 1)
        return content[:place] + rng.choice([b"\0", b"\xff", b"{", b'"', b"]", b"NaN", b"9" * 5000]) + content[place:]
    if kind == 4:
        return rng.choice([b"[", b'{"text":', b'{"thresholds":{"per":']) * rng.randrange(1, 1000)
    return content


@pytest.mark.fuzz
def test_two_thousand_malformed_bodies_get_nothing_of_the_code(ask):
    rng = random.Random(0)
    bodies = [malformed(rng) for _ in range(2000)]
    answers = ask("/v1/entities", bodies[0], more=[("/v1/entities", body, "POST", None) for body in bodies[1:]])
    statuses = {answer.status_code for answer in answers}
    assert len(answers) == 2000
    assert {413, 422} <= statuses <= {200, 413, 422}
    for body, answer in zip(bodies, answers, strict=True):
        if answer.status_code != 200:
            assert set(answer.json()) == {"request_id", "error"}
            assert not LEAKS.search(answer.text), (body, answer.text)
    assert sum(answer.status_code != 200 for answer in answers) > 1700


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_it_answers_ends_it_without_an_error(number):
    stop, done = _StopSignal(), []
    with stop.handled():
        try:
            signal.raise_signal(number)
            done.append("went on")
        finally:
            stop.is_stopping = True
            signal.raise_signal(number)  # again, during the shutdown
            done.append("put away")
    assert done == ["put away"]


@pytest.mark.usefixtures("handlers")
def test_a_signal_while_it_serves_ends_it():
    stop = _StopSignal()
    with stop.handled():
        threading.Timer(0.05, signal.pthread_kill, (threading.main_thread().ident, signal.SIGTERM)).start()
        stop.wait()


@pytest.mark.usefixtures("handlers")
def test_an_interrupt_of_another_kind_is_none_of_ours():
    with pytest.raises(KeyboardInterrupt), _StopSignal().handled():
        raise KeyboardInterrupt
