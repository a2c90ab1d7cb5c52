"""Test that several workers train the same model as one worker, stop together, and can resume with another number."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
import ray_session
import spacy
import torch
from fork_server import fast_python
from pages import free_port
from spacy.cli import app
from spacy.training import Example
from support import RAY
from training_runs import (
    Run,
    check_done,
    check_rows,
    furthest,
    killed_after,
    nothing,
    rows,
    saved,
    signalled_in,
    together,
    write_config,
    write_twenty_steps,
)
from typer.testing import CliRunner

import spacy_bert_ner.cli  # noqa: F401, its commands
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.nn.gradient_accumulation import GradientAccumulator
from spacy_bert_ner.pipeline.bert_ner import BertNer
from spacy_bert_ner.training import training_checkpoints
from spacy_bert_ner.training.distributed import ProcessGroup, from_environment
from spacy_bert_ner.training.resumable_pipeline import check_parallel

pytestmark = pytest.mark.training

LINE = ["-o", "out"]


@pytest.fixture(scope="module")
def config(encoder, tmp_path_factory):
    return write_twenty_steps(tmp_path_factory.mktemp("config"), encoder)


@pytest.fixture(scope="module")
def alone(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    done = Run(folder, config, *LINE).wait()
    assert done.returncode == 0, done.printed
    return folder


@pytest.fixture(scope="module")
def two(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    check_done(together(folder, 2, config, *LINE))
    return folder


def test_two_workers_give_the_weights_of_one(alone, two):
    assert furthest(alone, two) < 1e-5
    assert [row["step"] for row in rows(two / "log.csv")] == ["0", "4", "8", "12", "16", "19"]
    check_rows(alone, two)
    assert float(rows(alone / "log.csv")[-1]["ents_f"]) > 0.1  # otherwise, there would be nothing to compare


@pytest.mark.parametrize("n", [3, 4])
def test_more_workers_with_uneven_parts_give_the_weights_of_one(config, alone, tmp_path, n):
    """Test batches of 4 sentences, of which the last in an epoch has 2. Some workers then have no sentences."""
    check_done(together(tmp_path, n, config, *LINE))
    assert furthest(alone, tmp_path) < 1e-5


@pytest.mark.parametrize(
    "settings",
    [
        {"components.bert_ner.objective": "sequences"},
        {"components.bert_ner.class_weights": "balanced", "training.accumulate_gradient": 3},
        {"training.optimizer.use_averages": "true", "training.optimizer.clip": "each"},
        {"components.bert_ner.model.frozen_layers": 1, "components.bert_ner.model.precision": "fp32"},
    ],
    ids=str,
)
def test_whatever_is_set(config, tmp_path, settings):
    options = [part for key, value in settings.items() for part in (f"--{key}", value)]
    done = Run(tmp_path / "one", config, *LINE, *options).wait()
    assert done.returncode == 0, done.printed
    check_done(together(tmp_path / "two", 2, config, *LINE, *options))
    assert furthest(tmp_path / "one", tmp_path / "two") < 1e-5


def test_two_go_on_as_two_one_or_three(config, alone, two, tmp_path):
    begun = tmp_path / "begun"
    killed = together(begun, 2, config, *LINE, "--minutes", "0.000001", first=killed_after(7))
    assert killed[0].returncode == -signal.SIGKILL
    assert killed[1].returncode == 1, killed[1].printed
    assert training_checkpoints.latest_checkpoint(begun / "out").name == "00000007"
    for n in (2, 1, 3):
        folder = tmp_path / str(n)
        shutil.copytree(begun, folder)
        check_done(together(folder, n, config, *LINE, "--resume"))
        assert furthest(folder, alone) < 1e-5
        check_rows(folder, alone)  # including the loss accumulated since an earlier evaluation
        if n == 2:
            assert (
                saved(folder / "out")["model-last/model/model.safetensors"]
                == saved(two / "out")["model-last/model/model.safetensors"]
            )


def test_with_dropout_two_go_on_with_the_same_bits(config, tmp_path):
    """Test that each worker has its own random numbers and restores them."""
    line = [config, *LINE, "--training.dropout", "0.2", "--minutes", "0.000001"]

    check_done(together(tmp_path / "whole", 2, *line))
    together(tmp_path / "killed", 2, *line, first=killed_after(7))
    check_done(together(tmp_path / "killed", 2, *line, "--resume"))
    one, other = saved(tmp_path / "whole" / "out"), saved(tmp_path / "killed" / "out")
    assert one == other
    kept = training_checkpoints.read_checkpoint(training_checkpoints.latest_checkpoint(tmp_path / "whole" / "out"))
    # The state of torch's generator starts with its seed. One worker has the seed in the config, and the other has
    # another.
    seeds = [bytes(kept.rng_state(f"worker/{rank}")["torch"][:8].tolist()) for rank in range(2)]
    assert [int.from_bytes(seed, "little") for seed in seeds] == [3, 4]


@pytest.mark.parametrize("dies", [0, 1])
def test_a_worker_that_dies_ends_the_run_with_a_state(config, alone, tmp_path, dies):
    port = free_port()

    def first():
        real, calls = BertNer.update, []

        def update(self, *arguments, **options):
            calls.append(1)
            if len(calls) == 11:
                signal.raise_signal(signal.SIGKILL)
            return real(self, *arguments, **options)

        BertNer.update = update

    running = [
        Run(tmp_path, config, *LINE, rank=(rank, 2, port), first=first if rank == dies else lambda: None)
        for rank in range(2)
    ]
    ended = [run.wait() for run in running]
    assert ended[dies].returncode == -signal.SIGKILL
    other = ended[1 - dies]
    assert other.returncode == 1, other.printed
    assert f"Worker {1 - dies} of 2 lost the connection to the other workers: " in other.printed
    assert "Traceback" not in other.printed
    assert training_checkpoints.latest_checkpoint(tmp_path / "out").name == "00000008"
    check_done([Run(tmp_path, config, *LINE, "--resume").wait()])
    assert furthest(tmp_path, alone) < 1e-5


def test_a_signal_to_one_stops_all_at_the_same_step(config, alone, tmp_path):
    port, first = free_port(), (nothing, signalled_in(9, signal.SIGTERM))
    running = [Run(tmp_path, config, *LINE, rank=(rank, 2, port), first=first[rank]) for rank in range(2)]
    assert running[1].wait().returncode == 143
    assert running[0].wait().returncode == 1
    assert 0 < int(training_checkpoints.latest_checkpoint(tmp_path / "out").name) < 19
    check_done(together(tmp_path, 2, config, *LINE, "--resume"))
    assert furthest(tmp_path, alone) < 1e-5


def test_more_workers_than_examples(config, tmp_path):
    for done in together(tmp_path, 5, config, *LINE):
        assert done.returncode == 1
        assert "Traceback" not in done.printed
    done = together(tmp_path / "again", 5, config, *LINE)[0]
    assert "5 workers cannot share a batch with 4 examples" in done.printed


def test_workers_with_other_data(config, encoder, tmp_path):
    port = free_port()
    (tmp_path / "other").mkdir()
    other = write_config(tmp_path / "other", encoder)
    running = [Run(tmp_path, one, *LINE, rank=(rank, 2, port)) for rank, one in enumerate([config, other])]
    for done in [run.wait() for run in running]:
        assert done.returncode == 1
        assert "config, data and versions. These workers differ from worker 0: 1" in done.printed
    assert not (tmp_path / "out" / "model-last").exists()


def test_the_output_of_another_training_stays(config, two, tmp_path):
    shutil.copytree(two / "out", tmp_path / "out")
    for done in together(tmp_path, 2, config, *LINE):
        assert done.returncode == 1
        assert "out already contains a training run" in done.printed
    assert saved(tmp_path / "out") == saved(two / "out")


def test_a_port_that_is_taken(config, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = Run(tmp_path, config, *LINE, rank=(0, 2, taken.getsockname()[1])).wait()
    assert done.returncode == 1, done.printed
    assert "The workers cannot connect to each other at 127.0.0.1:" in done.printed
    assert "torchrun --master-port" in done.printed
    assert not (tmp_path / "out").exists()


def test_a_component_that_cannot_be_trained_so_is_named_before_the_start(config, tmp_path):
    other = spacy.blank("en")
    other.add_pipe("senter")
    doc = other.make_doc("Nobody came.")
    other.initialize(lambda: [Example.from_dict(doc, {"sent_starts": [1, 0, 0]})])
    other.to_disk(tmp_path / "other")
    told = spacy.util.load_config(config)
    told["nlp"]["pipeline"] = ["bert_ner", "senter"]
    told["components"]["senter"] = {"source": str(tmp_path / "other")}
    told.to_disk(tmp_path / "config.cfg")
    line = [tmp_path / "config.cfg", *LINE]
    for done in together(tmp_path, 2, *line):
        assert done.returncode == 1
        assert "Component 'senter' cannot be trained by several workers" in done.printed
    check_done(together(tmp_path, 2, *line, "--training.frozen_components", '["senter"]'))


def test_a_shared_encoder_is_refused(nlp):
    nlp.add_pipe("tagger")
    with pytest.raises(BertNerError, match="Component 'tagger' cannot be trained by several workers"):
        check_parallel(nlp, [])
    check_parallel(nlp, ["tagger"])


def test_torchrun_starts_them(config, alone, tmp_path):
    line = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port())]
    line += ["-m", "spacy", "bert-ner", "train", str(config), *LINE]
    done = subprocess.run([fast_python(), *line], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Workers: 2" in done.stdout
    assert done.stdout.count("Initialized pipeline") == 1
    assert furthest(alone, tmp_path) < 1e-5


@pytest.mark.skipif(sys.platform != "linux", reason="threads are listed as on Linux")
def test_nothing_of_them_goes_on_behind_the_end(tmp_path):
    """Test that the process group ends even if a library holds a reference to it.

    Some functions bind the current group when the library is imported inside the group.
    """
    (tmp_path / "script.py").write_text(
        "from pathlib import Path\n"
        "from spacy_bert_ner.training.distributed import join_process_group\n"
        "def threads():\n"
        "    names = [path.read_text() for path in Path('/proc/self/task').glob('*/comm')]\n"
        "    return sum('gloo' in name for name in names)\n"
        "with join_process_group(on_gpu=False) as workers:\n"
        "    import torch.distributed.nn.functional\n"
        "    assert workers.any_rank(workers.is_first, False) == [True, False]\n"
        "    assert threads() > 0\n"
        "assert threads() == 0, threads()\n"
    )
    line = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port())]
    done = subprocess.run([*line, str(tmp_path / "script.py")], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "0"}, (1, 4, 0)),
        ({"RANK": "1", "WORLD_SIZE": "4"}, None),
        ({"RANK": "", "WORLD_SIZE": "", "LOCAL_RANK": ""}, None),
        ({}, None),
    ],
)
def test_who_started_this_process(environment, expected):
    assert from_environment(environment) == expected


def test_parts_hold_everything_once():
    items = list(range(10))
    parts = [ProcessGroup(rank, 4).shard(items) for rank in range(4)]
    assert parts == [[0, 4, 8], [1, 5, 9], [2, 6], [3, 7]]
    assert [ProcessGroup(rank, 3).shard(["a"], turn=4) for rank in range(3)] == [[], [], ["a"]]
    assert [ProcessGroup(rank, 3).shard(["a", "b", "c", "d"], turn=1) for rank in range(3)] == [
        ["b"],
        ["c"],
        ["a", "d"],
    ]


def test_gradients_of_workers_weigh_by_their_rows():
    """Test gradients from three workers.

    This worker has a mean gradient of 3 over 2 rows, and then one of 6 over 1 row. The second worker has no gradient.
    The third has a mean gradient of 1 over 5 rows.
    """
    rows, param, unused = GradientAccumulator(), torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(2))
    param.grad = torch.tensor([3.0]) * rows.add_batch(2)
    param.grad += torch.tensor([6.0]) * rows.add_batch(1)
    said = []

    def add_up(tensors):
        said.append([tensor.tolist() for tensor in tensors])
        others = [[5.0, 1.0, 0.0]] if len(said) == 1 else [[1.0 * 5]]
        for tensor, other in zip(tensors, others, strict=True):
            tensor += torch.tensor(other)

    rows.all_reduce([param, unused], add_up)
    assert said == [[[3.0, 1.0, 0.0]], [[3.0 * 2 + 6.0 * 1]]]
    assert unused.grad is None
    assert float(param.grad) * rows.pop_scale() == pytest.approx((3 * 2 + 6 * 1 + 1 * 5) / 8)
    assert rows.pop_scale() == 1


def test_a_worker_without_a_gradient_has_zeros():
    rows, param = GradientAccumulator(), torch.nn.Parameter(torch.zeros(1))
    said = []

    def add_up(tensors):
        said.append([tensor.tolist() for tensor in tensors])
        for tensor in tensors:
            tensor += torch.tensor([5.0, 1.0]) if len(said) == 1 else 10.0

    rows.all_reduce([param], add_up)
    assert said == [[[0.0, 0.0]], [[0.0]]]
    assert float(param.grad) * rows.pop_scale() == 2.0


class TestRay:
    pytestmark = RAY

    @pytest.fixture
    def line(self, config, shared_ray, tmp_path, monkeypatch):
        """Return the `spacy` arguments for a training run with two workers on Ray, in a separate folder."""
        monkeypatch.chdir(tmp_path)
        return ["bert-ner", "train", str(config), *LINE, "--workers", "2", "--address", shared_ray.address]

    def test_two_workers_on_ray(self, line, two, tmp_path):
        done = CliRunner().invoke(app, line)
        assert done.exit_code == 0, done.output
        assert furthest(two, tmp_path) == 0
        assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []

    def test_errors_and_signals_reach_the_workers(self, line, tmp_path):
        slow = ["--training.max_steps", "100000", "--training.eval_frequency", "100000"]
        with (tmp_path / "log").open("w") as log:
            # a separate process, which a signal ends
            run = subprocess.Popen(
                [fast_python(), "-m", "spacy", *line, *slow], stdout=log, stderr=log, env=ray_session.environment()
            )
        while not (tmp_path / "out" / "checkpoints" / "00000000").exists() and run.poll() is None:
            time.sleep(0.02)
        run.terminate()
        assert run.wait(200) == 143, (tmp_path / "log").read_text()
        assert int(training_checkpoints.latest_checkpoint(tmp_path / "out").name) > 0
        done = CliRunner().invoke(app, line)  # a worker rejects the existing output
        assert done.exit_code == 1
        told = " ".join(done.output.split())
        assert re.search(r"Training failed\S* \S*/out already contains a training run: model-best, ", told), told
