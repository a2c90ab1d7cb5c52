"""Test annotation on Ray Data with a real, local Ray instance whose processes are killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import ray_session
import spacy
from fork_server import fast_python
from halting import N_BEFORE
from support import RAY, ROOT

from spacy_bert_ner.annotate import annotate as room
from spacy_bert_ner.annotate.annotate import annotate
from spacy_bert_ner.annotate.sharding import Columns
from spacy_bert_ner.errors import BertNerError

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")
from spacy_bert_ner.annotate.ray_engine import RayOptions  # noqa: E402

pytestmark = RAY

N = 300
N_FAILED = 3
SHARD_SIZE = 20


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Return a folder with a pipeline, input documents, and the expected output in each format."""
    folder = tmp_path_factory.mktemp("work")
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "per", "pattern": "Kevin"}])
    nlp.to_disk(folder / "ruler")
    with (folder / "in.jsonl").open("w") as file:
        for i in range(N):
            text = None if i % 99 == 5 else f"{i} Kevin met Kevin in Paris"
            file.write(json.dumps({"id": f"d{i}", "text": text, "n": i}) + "\n")
    for format in ("parquet", "jsonl", "spacy"):
        annotated(folder, folder / format, format=format)
    return folder


def annotated(work, output, **more):
    options = {"shard_size": SHARD_SIZE, "columns": Columns(kept=("n",)), "progress": False, **more}
    return annotate(str(work / "ruler"), [str(work / "in.jsonl")], str(output), **options)


def files(folder):
    """Return the files in an output folder without the manifest, which contains the input paths."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def n_finished(output):
    return len(list((output / "finished").glob("0*.json"))) if (output / "finished").exists() else 0


def processes(name):
    """Return the IDs of processes whose command line contains a name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if name in path.read_bytes().decode(errors="replace"):
                found.append(int(path.parent.name))
    return found


def runs(pid):
    """Return whether a process is running. Zombie processes do not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.02)


class Command:
    """A running `annotate` command on Ray, with two actors that wait in the middle of a shard.

    See `halting`.

    python: Python interpreter for the command.
    """

    def __init__(self, work, folder, *options, python):
        self.output, self.halts = folder / "out", folder / "halts"
        self.halts.mkdir()
        path = os.pathsep.join([str(ROOT / "tests" / "helpers"), *filter(None, [os.environ.get("PYTHONPATH")])])
        variables = {"TESTS_HALTS": str(self.halts), "PYTHONPATH": path}
        environment = ray_session.environment(
            env_vars={**ray_session.runtime_env()["env_vars"], **variables}, worker_process_setup_hook="halting.install"
        )
        line = [python, "-m", "spacy", "bert-ner", "annotate", str(work / "ruler"), str(work / "in.jsonl")]
        line += ["--output", str(self.output), "--shard-size", str(SHARD_SIZE), "--columns", "n", "--engine", "ray"]
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*line, "--num-actors", "2", *options], stdout=log, stderr=log, env=environment
            )

    def halted(self):
        """Wait until both actors are in the middle of a shard.

        RETURNS: a mapping from the process ID of each actor to the process ID of its raylet.
        """
        wait_until(lambda: len(list(self.halts.glob("halted-*"))) == 2 or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()
        assert N_BEFORE <= n_finished(self.output) < N // SHARD_SIZE - 2
        assert len(list(self.output.glob(".0*.tmp"))) == 2  # temporary files of the two unfinished shards
        return {int(path.name.split("-")[1]): int(path.read_text()) for path in self.halts.glob("halted-*")}

    def end(self):
        """Let the command continue, wait for its end and return its output."""
        (self.halts / "go-on").touch()
        assert self.process.wait(180) == 0, self.log.read_text()
        return " ".join(self.log.read_text().split())


def test_both_engines_give_identical_rows(work, shared_ray, tmp_path):
    there = annotated(work, tmp_path / "there", ray=RayOptions(num_actors=2))
    assert there[:4] == (N - N_FAILED, (N - N_FAILED) * 6, (N - N_FAILED) * 2, N_FAILED)
    assert files(tmp_path / "there") == files(work / "parquet")


def test_an_actor_that_is_killed_loses_nothing(work, shared_ray, tmp_path):
    command = Command(work, tmp_path, "--address", shared_ray.address, "--format", "jsonl", python=fast_python())
    killed = next(iter(command.halted()))
    assert killed in processes("ray::MapWorker")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not runs(killed))
    assert f"has {N - N_FAILED} documents" in command.end()
    assert files(command.output) == files(work / "jsonl")


def test_more_than_a_cluster_has_is_refused(work, shared_ray, tmp_path):
    for how in (RayOptions(gpus_per_actor=1), RayOptions(cpus_per_actor=64)):
        message = rf"The cluster has no room for an actor with .* Its resources are: .*'CPU': {ray_session.N_CPUS}.0"
        with pytest.raises(BertNerError, match=message):
            annotated(work, tmp_path / "out", ray=how, resume=True)
    assert n_finished(tmp_path / "out") == 0


def test_a_cluster_that_does_not_answer_is_named(work, tmp_path):
    with pytest.raises(BertNerError, match=r"Ray cannot be reached at --address 127.0.0.1:1: "):
        annotated(work, tmp_path / "out", ray=RayOptions("127.0.0.1:1"))


def test_what_an_actor_says_is_told_as_it_is(work, shared_ray, tmp_path, monkeypatch):
    path = tmp_path / "in.jsonl"
    path.write_bytes((work / "in.jsonl").read_bytes())
    (tmp_path / "ruler").symlink_to(work / "ruler")
    real = room._begin

    def begin(*arguments, **more):
        real(*arguments, **more)
        path.write_text('{"id": "a", "text": "b"}\n')

    one = RayOptions(cpus_per_actor=2)  # a single actor, because there is room for only one
    monkeypatch.setattr(room, "_begin", begin)
    with pytest.raises(BertNerError, match=r"in.jsonl cannot be read: expected \d+ records from record 1 onwards, but"):
        annotated(tmp_path, tmp_path / "out", limit=2 * SHARD_SIZE, ray=one)
    monkeypatch.setattr(room, "_begin", lambda *_, **__: None)  # so the output folder is not created
    with pytest.raises(BertNerError, match=r"Ray stopped: .* resume with --resume"):
        annotated(work, tmp_path / "none", ray=one)


def test_a_driver_that_is_killed_goes_on_where_it_stopped_and_leaves_no_process(work, shared_ray, tmp_path):
    others = processes("ray::MapWorker")
    command = Command(work, tmp_path, python=sys.executable)  # starts a separate Ray instance
    left = {pid for item in command.halted().items() for pid in item}  # process IDs of actors and their raylet
    command.process.kill()
    command.process.wait()
    wait_until(lambda: not any(map(runs, left)) and {*processes("ray::MapWorker")} <= {*others}, seconds=30)
    before = {path: path.stat().st_mtime_ns for path in (command.output / "finished").iterdir()}
    assert N_BEFORE <= len(before) < N // SHARD_SIZE
    done = annotated(work, command.output, ray=RayOptions(num_actors=2), resume=True)
    assert (done.documents, done.errors) == (N - N_FAILED, N_FAILED)
    assert files(command.output) == files(work / "parquet")
    assert {path: path.stat().st_mtime_ns for path in before} == before  # finished shards were kept


def test_a_machine_that_is_lost_loses_nothing(work, tmp_path, monkeypatch):
    for name, value in ray_session.settings().items():
        monkeypatch.setenv(name, value)
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}, shutdown_at_exit=False
    )
    try:
        others = [cluster.add_node(num_cpus=1) for _ in range(2)]  # one more node than there are actors
        cluster.wait_for_nodes()
        command = Command(work, tmp_path, "--address", cluster.address, "--format", "spacy", python=fast_python())
        halted = command.halted()
        raylets = [node.all_processes["raylet"][0].process for node in others]
        actor, lost = next((actor, one) for actor, pid in halted.items() for one in raylets if one.pid == pid)
        lost.kill()
        lost.wait()  # otherwise, the process ID stays in use, and its actor would not notice that it has ended
        wait_until(lambda: not runs(actor))
        command.end()
        assert files(command.output) == files(work / "spacy")
    finally:
        cluster.shutdown()
