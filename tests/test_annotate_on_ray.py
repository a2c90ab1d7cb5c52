"""A corpus, annotated on Ray Data: a real Ray on this machine's loopback, whose processes are killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import spacy
from conftest import RAY

from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.scale import annotate as room
from spacy_bert_ner.scale.annotate import annotate
from spacy_bert_ner.scale.plan import Columns

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")
from spacy_bert_ner.scale.on_ray import Ray  # noqa: E402

pytestmark = RAY

N = 20_000
SHARD_SIZE = 200


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A pipeline, documents, and what they become in this process."""
    folder = tmp_path_factory.mktemp("work")
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "per", "pattern": "Kevin"}])
    nlp.to_disk(folder / "ruler")
    with (folder / "in.jsonl").open("w") as file:
        for i in range(N):
            text = None if i % 999 == 5 else f"{i} Kevin met Kevin in Paris"
            file.write(json.dumps({"id": f"d{i}", "text": text, "n": i}) + "\n")
    annotate(str(folder / "ruler"), [str(folder / "in.jsonl")], str(folder / "whole"), **options())
    return folder


def options(**more):
    return {"shard_size": SHARD_SIZE, "columns": Columns(kept=("n",)), "progress": False, **more}


def files(folder):
    """What an output holds, but for the manifest, which says how the inputs were named."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture(scope="module", autouse=True)
def _not_after_all_others():
    """Ray lowers the priority of its processes, which would hardly run beside the other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        yield


@pytest.fixture(scope="module")
def local():
    """A Ray on this machine, of two CPUs."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


def n_finished(output):
    return len(list((output / "finished").glob("0*.json"))) if (output / "finished").exists() else 0


def once(output, n, do, is_alive=lambda: True):
    """Do something once so many shards are finished."""
    end = time.monotonic() + 120
    while time.monotonic() < end and is_alive():
        with contextlib.suppress(FileNotFoundError):
            if n_finished(output) >= n:
                do()
                return
        time.sleep(0.005)
    pytest.fail(f"{n_finished(output)} shards are finished, where {n} were waited for")


def processes(name):
    """Those whose title has a name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if name in path.read_bytes().decode(errors="replace"):
                found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("format", ["parquet", "jsonl", "spacy"])
def test_both_engines_give_identical_rows(work, local, tmp_path, format):
    arguments = str(work / "ruler"), [str(work / "in.jsonl")]
    more = options(limit=3000, format=format)
    here = annotate(*arguments, str(tmp_path / "here"), **more)
    there = annotate(*arguments, str(tmp_path / "there"), **more, ray=Ray(num_actors=2))
    assert here[:4] == there[:4] == (2997, 2997 * 6, 2997 * 2, 3)
    assert files(tmp_path / "here") == files(tmp_path / "there")


def test_an_actor_that_is_killed_loses_nothing(work, local, tmp_path):
    output, killed = tmp_path / "out", []

    def kill():
        for pid in processes("ray::MapWorker")[:1]:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    thread = threading.Thread(target=once, args=(output, 5, kill))
    thread.start()
    done = annotate(str(work / "ruler"), [str(work / "in.jsonl")], str(output), **options(ray=Ray(num_actors=2)))
    thread.join()
    assert len(killed) == 1
    assert done.documents + done.errors == N
    assert files(output) == files(work / "whole")


def test_more_than_a_cluster_has_is_refused(work, local, tmp_path):
    for how in (Ray(gpus_per_actor=1), Ray(cpus_per_actor=64)):
        with pytest.raises(BertNerError, match=r"There is no room for an actor of .* the cluster has .*'CPU': 2.0"):
            annotate(
                str(work / "ruler"), [str(work / "in.jsonl")], str(tmp_path / "out"), **options(ray=how, resume=True)
            )
    assert n_finished(tmp_path / "out") == 0


def test_a_cluster_that_does_not_answer_is_named(work, tmp_path):
    with pytest.raises(BertNerError, match=r"Ray does not answer at --address 127.0.0.1:1: "):
        annotate(
            str(work / "ruler"), [str(work / "in.jsonl")], str(tmp_path / "out"), **options(ray=Ray("127.0.0.1:1"))
        )


def test_what_an_actor_says_is_told_as_it_is(work, local, tmp_path, monkeypatch):
    path = tmp_path / "in.jsonl"
    path.write_bytes((work / "in.jsonl").read_bytes())
    real = room._begin

    def begin(*arguments, **more):
        real(*arguments, **more)
        path.write_text('{"id": "a", "text": "b"}\n')

    monkeypatch.setattr(room, "_begin", begin)
    with pytest.raises(BertNerError, match=r"in.jsonl cannot be read: 1 records from record 1 on, where 200 were coun"):
        annotate(str(work / "ruler"), [str(path)], str(tmp_path / "out"), **options(limit=400, ray=Ray()))
    monkeypatch.setattr(room, "_begin", lambda *_, **__: None)  # which makes no folder
    with pytest.raises(BertNerError, match=r"Ray stopped: .* go on with --resume"):
        annotate(str(work / "ruler"), [str(work / "in.jsonl")], str(tmp_path / "none"), **options(ray=Ray()))


def command(work, output, *more):
    line = [sys.executable, "-m", "spacy", "bert-ner", "annotate", str(work / "ruler"), str(work / "in.jsonl")]
    line += ["--output", str(output), "--shard-size", str(SHARD_SIZE), "--columns", "n", "--engine", "ray"]
    return [*line, "--num-actors", "2", "--resume", *more]


def test_a_driver_that_is_killed_goes_on_where_it_stopped_and_leaves_no_process(work, tmp_path):
    output, others = tmp_path / "out", processes("ray::MapWorker")
    process = subprocess.Popen(command(work, output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    once(output, 3, process.kill, lambda: process.poll() is None)
    process.wait()
    for _ in range(300):
        if {*processes("ray::MapWorker")} <= {*others}:
            break
        time.sleep(0.1)
    assert {*processes("ray::MapWorker")} <= {*others}
    n = n_finished(output)
    assert 3 <= n < N // SHARD_SIZE
    done = subprocess.run(command(work, output), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"has {N - 21:,} documents" in " ".join(done.stdout.split())
    assert files(output) == files(work / "whole")


def test_a_machine_that_is_lost_loses_nothing(work, tmp_path):
    output = tmp_path / "out"
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}, shutdown_at_exit=False
    )
    try:
        others = [cluster.add_node(num_cpus=1) for _ in range(2)]  # one more than there are actors
        cluster.wait_for_nodes()
        process = subprocess.Popen(
            command(work, output, "--address", cluster.address),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def kill():
            # That of a machine with an actor: the parent of its worker.
            parents = {
                int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                for pid in processes("ray::MapWorker")
            }
            for node in others:
                (raylet,) = node.all_processes["raylet"]
                if raylet.process.pid in parents:
                    os.kill(raylet.process.pid, signal.SIGKILL)
                    return
            pytest.fail("there is no actor on another machine than the first")

        once(output, 3, kill, lambda: process.poll() is None)
        _, errors = process.communicate(timeout=180)
        assert process.returncode == 0, errors
        assert files(output) == files(work / "whole")
    finally:
        cluster.shutdown()
