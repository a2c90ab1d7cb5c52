"""Test that an interrupted training run, however it was interrupted, resumes as if nothing had happened."""

import json
import os
import random
import resource
import shutil
import signal
import time

import numpy
import pytest
import spacy
import torch
from spacy.language import Language
from support import ROOT, initialized
from thinc.shims import Shim
from training_runs import Run, killed_after, nothing, rows, saved, signalled_in, weights, write_config, write_corpus
from typer.main import get_command

from spacy_bert_ner.cli import app
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.pipeline.bert_ner import BertNer
from spacy_bert_ner.training import fingerprint, training_checkpoints
from spacy_bert_ner.training.optimizer_state import load_state_dict, parameters, state_dict
from spacy_bert_ner.training.progress import ProgressReporter
from spacy_bert_ner.util import rng

pytestmark = pytest.mark.training

VARIANTS = {
    "as recipes are": {
        "logger": {"@loggers": "spacy_bert_ner.CsvLogger.v1", "path": "log.csv", "curves": 5},
        "optimizer": {
            "@optimizers": "spacy_bert_ner.AdamW.v1",
            "head_rate": 2.0,
            "learn_rate": {"@schedules": "spacy_bert_ner.WarmupLinear.v1", "initial_rate": "auto", "warmup": 3},
        },
    },
    "averages, growing batches, augmented data, a last epoch": {
        "accumulate_gradient": 2,
        "max_epochs": 3,
        "max_steps": 0,
        "optimizer": {"@optimizers": "Adam.v1", "learn_rate": 0.003, "use_averages": True},
        "batcher": {
            "@batchers": "spacy.batch_by_words.v1",
            "size": {"@schedules": "compounding.v1", "start": 15, "stop": 60, "compound": 1.1},
            "tolerance": 0.2,
            "discard_oversize": False,
            "get_length": None,
        },
    },
    "data without an end": {"max_epochs": -1, "dropout": 0.3},
}


def make_config(folder, encoder, variant):
    config = write_config(folder, encoder, **VARIANTS[variant])
    if variant != "as recipes are":
        told = spacy.util.load_config(config)
        told["corpora"]["train"]["augmenter"] = {"@augmenters": "spacy.lower_case.v1", "level": 0.5}
        told["initialize"]["components"] = {"bert_ner": {"labels": ["geo", "org", "per"]}}
        told.to_disk(config)
    return config


@pytest.fixture(scope="module")
def whole(encoder, tmp_path_factory):
    """Return a function that runs training without interruptions.

    It takes a variant, and returns the config, the training folder, and the duration in seconds.
    """
    made = {}

    def get(variant):
        if variant not in made:
            folder = tmp_path_factory.mktemp("whole")
            config = make_config(folder, encoder, variant)
            start = time.monotonic()
            done = Run(folder, config, "-o", "out").wait()
            assert done.returncode == 0, done.printed
            made[variant] = config, folder, time.monotonic() - start
        return made[variant]

    return get


def check_like(folder, other):
    """Check that two training runs have bit-identical results and equal log rows."""
    assert saved(folder / "out") == saved(other / "out")
    assert rows(folder / "log.csv") == rows(other / "log.csv")


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_is_spacy_train(whole, variant, tmp_path):
    config, alone, _ = whole(variant)
    done = Run(tmp_path, config, "-o", "out", command=("train",)).wait()
    assert done.returncode == 0, done.printed
    own, theirs = rows(alone / "log.csv"), rows(tmp_path / "log.csv")
    last = own[len(theirs) :]  # spaCy does not evaluate the last step unless it is a multiple of `eval_frequency`
    assert own[: len(theirs)] == theirs
    assert [row["step"] for row in last] in ([], ["11"])
    last_is_best = bool(last) and float(last[0]["score"]) == max(float(row["score"]) for row in own)
    for name, same in (("model-best", "model-last" if last_is_best else "model-best"), ("model-last", "model-last")):
        ours, other = weights(alone / "out" / name), weights(tmp_path / "out" / same)
        assert ours.keys() == other.keys()
        assert all(ours[key].equal(other[key]) for key in ours)


@pytest.mark.parametrize("variant", VARIANTS)
def test_killed_at_three_random_moments_it_ends_with_the_same_bits(whole, variant, tmp_path):
    config, alone, seconds = whole(variant)
    delays = [random.SystemRandom().uniform(0.2, 0.9) * seconds for _ in range(3)]
    for number, delay in enumerate(delays):
        run = Run(tmp_path, config, "-o", "out", "--resume", "--minutes", "0.0001" if number % 2 else "0")
        run.process.join(delay)
        assert run.kill().returncode in (-signal.SIGKILL, 0)
    done = Run(tmp_path, config, "-o", "out", "--resume").wait()
    assert done.returncode == 0, (delays, done.printed)
    check_like(tmp_path, alone)


@pytest.mark.parametrize("step", [0, 3, 7, 9])
def test_killed_after_a_step_it_ends_with_the_same_bits(whole, step, tmp_path):
    config, alone, _ = whole("as recipes are")

    killed = Run(tmp_path, config, "-o", "out", "--minutes", "0.000001", first=killed_after(step)).wait()
    assert killed.returncode == -signal.SIGKILL, killed.printed
    assert f"{step:08d}" in {path.name for path in (tmp_path / "out" / "checkpoints").iterdir()}
    done = Run(tmp_path, config, "-o", "out", "--resume").wait()
    assert done.returncode == 0, done.printed
    assert f"Resuming from out/checkpoints/{step:08d}" in done.printed
    check_like(tmp_path, alone)


def test_killed_before_its_first_checkpoint_it_begins_again(whole, tmp_path):
    """Test that the pipelines saved by the first evaluation are replaced."""
    config, alone, _ = whole("as recipes are")

    def first():
        training_checkpoints.write_checkpoint = lambda *_: signal.raise_signal(signal.SIGKILL)

    killed = Run(tmp_path, config, "-o", "out", first=first).wait()
    assert killed.returncode == -signal.SIGKILL, killed.printed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoints", "model-best", "model-last"]
    done = Run(tmp_path, config, "-o", "out", "--resume").wait()
    assert done.returncode == 0, done.printed
    assert "There is no training checkpoint. Starting from the beginning." in done.printed
    check_like(tmp_path, alone)


def drawing(first):
    """Return a function that makes each step draw random numbers and then calls `first`.

    The step draws from all generators, as components can.
    """

    def draw():
        real = BertNer.update

        def update(self, *arguments, **options):
            random.random(), numpy.random.random(), torch.rand(1)
            return real(self, *arguments, **options)

        BertNer.update = update
        first()

    return draw


def test_what_components_draw_does_not_change_the_data(whole, tmp_path):
    config, _, _ = whole("data without an end")
    line = [config, "-o", "out", "--minutes", "0.000001"]
    done = Run(tmp_path / "alone", *line, first=drawing(nothing)).wait()
    assert done.returncode == 0, done.printed
    killed = Run(tmp_path / "killed", *line, first=drawing(killed_after(7))).wait()
    assert killed.returncode == -signal.SIGKILL, killed.printed
    done = Run(tmp_path / "killed", *line, "--resume", first=drawing(nothing)).wait()
    assert done.returncode == 0, done.printed
    check_like(tmp_path / "killed", tmp_path / "alone")


def test_in_float16_it_ends_with_the_same_bits(whole, tmp_path):
    config, _, _ = whole("as recipes are")
    line = [config, "-o", "out", "--minutes", "0.000001", "--components.bert_ner.model.precision", "fp16"]
    done = Run(tmp_path / "alone", *line).wait()
    assert done.returncode == 0, done.printed
    killed = Run(tmp_path / "killed", *line, first=killed_after(7)).wait()
    assert killed.returncode == -signal.SIGKILL, killed.printed
    done = Run(tmp_path / "killed", *line, "--resume").wait()
    assert done.returncode == 0, done.printed
    check_like(tmp_path / "killed", tmp_path / "alone")


def test_the_scaling_of_gradients_in_float16_goes_on(make_nlp, examples):
    """Test that the scale 64 in a checkpoint is restored. New scalers start at 65,536."""
    kept, other = (initialized(make_nlp, examples) for _ in range(2))
    shim, new = (nlp.get_pipe("bert_ner").model.shims[0] for nlp in (kept, other))
    shim.training_state.scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=100)
    shim.training_state.scaler.scale(torch.ones(1))  # after this call, the scale is a tensor
    tensors, numbers = state_dict(kept, kept.create_optimizer(), [])
    load_state_dict(other, other.create_optimizer(), [], tensors, json.loads(json.dumps(numbers)))
    assert float(new.training_state.scaler.scale(torch.ones(1))) == 64.0
    assert new.training_state.scaler.get_growth_interval() == 100


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_writes_a_state_before_it_ends(whole, number, code, tmp_path):
    config, alone, _ = whole("as recipes are")
    stopped = Run(tmp_path, config, "-o", "out", first=signalled_in(7, number)).wait()
    assert stopped.returncode == code, stopped.printed
    assert "Training stopped as requested To resume: run the same command with --resume" in stopped.printed
    assert "Traceback" not in stopped.printed
    newest = training_checkpoints.latest_checkpoint(tmp_path / "out")
    assert newest.name == "00000006"
    spacy.load(tmp_path / "out" / "model-last")
    done = Run(tmp_path, config, "-o", "out", "--resume").wait()
    assert done.returncode == 0, done.printed
    check_like(tmp_path, alone)


def test_a_second_signal_ends_it_at_once(whole, tmp_path):
    config, _, _ = whole("as recipes are")
    asked = tmp_path / "asked"

    def first():
        def update(*_, **__):
            os.kill(os.getpid(), signal.SIGTERM)  # the first signal, after which the step continues
            asked.touch()
            while True:
                signal.pause()

        BertNer.update = update

    run = Run(tmp_path, config, "-o", "out", first=first)
    run.wait_for(asked)
    run.process.terminate()
    assert run.wait(60).returncode == -signal.SIGTERM


def full_at_second(owner, name):
    """Return a function that limits the file size from the second call on, as if the disk were full."""

    def first():
        real, calls = getattr(owner, name), []
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        def call(*arguments, **options):
            calls.append(1)
            if len(calls) == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
            return real(*arguments, **options)

        setattr(owner, name, call)

    return first


def test_a_full_disk_stops_it_and_the_state_before_is_whole(whole, tmp_path):
    config, alone, _ = whole("as recipes are")

    full = Run(tmp_path, config, "-o", "out", first=full_at_second(training_checkpoints, "write_checkpoint")).wait()
    assert full.returncode == 1, full.printed
    assert "out could not be written: " in full.printed
    assert "Free disk space or fix the error, then resume: --resume" in full.printed
    assert [path.name for path in (tmp_path / "out" / "checkpoints").iterdir()] == ["00000000"]
    done = Run(tmp_path, config, "-o", "out", "--resume").wait()
    assert done.returncode == 0, done.printed
    check_like(tmp_path, alone)


def test_a_full_disk_while_a_pipeline_is_written(whole, tmp_path):
    config, alone, _ = whole("as recipes are")

    full = Run(tmp_path, config, "-o", "out", first=full_at_second(Language, "to_disk")).wait()
    assert full.returncode == 1, full.printed
    assert "out could not be written: " in full.printed
    spacy.load(tmp_path / "out" / "model-last")
    assert Run(tmp_path, config, "-o", "out", "--resume").wait().returncode == 0
    check_like(tmp_path, alone)


def copy_of(whole, tmp_path):
    config, alone, _ = whole("as recipes are")
    shutil.copytree(alone / "out", tmp_path / "out")
    shutil.copy(alone / "log.csv", tmp_path / "log.csv")
    return config, alone


@pytest.mark.parametrize("name", ["state.safetensors", "state.json", "sha256.json"])
@pytest.mark.parametrize("damage", ["a bit", "missing"])
def test_a_damaged_state_is_passed_over(whole, tmp_path, name, damage):
    config, alone = copy_of(whole, tmp_path)
    path = tmp_path / "out" / "checkpoints" / "00000011" / name
    if damage == "missing":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    done = Run(tmp_path, config, "-o", "out", "--resume").wait()
    assert done.returncode == 0, done.printed
    assert "Training checkpoint out/checkpoints/00000011 was skipped" in done.printed
    assert "Resuming from out/checkpoints/00000008" in done.printed
    check_like(tmp_path, alone)


def test_where_all_states_are_damaged_nothing_is_begun(whole, tmp_path):
    config, _ = copy_of(whole, tmp_path)
    for path in (tmp_path / "out" / "checkpoints").glob("*/state.safetensors"):
        path.write_bytes(b"")
    before = (tmp_path / "out" / "model-best" / "meta.json").read_bytes()
    done = Run(tmp_path, config, "-o", "out", "--resume").wait()
    assert done.returncode == 1
    assert "All training checkpoints in out/checkpoints are damaged" in done.printed
    assert (tmp_path / "out" / "model-best" / "meta.json").read_bytes() == before


def test_a_finished_training_stays_as_it_is(whole, tmp_path):
    config, alone = copy_of(whole, tmp_path)
    assert Run(tmp_path, config, "-o", "out", "--resume").wait().returncode == 0
    check_like(tmp_path, alone)


def test_what_has_changed_is_told_and_not_gone_on_with(whole, tmp_path):
    config, _ = copy_of(whole, tmp_path)
    newest = tmp_path / "out" / "checkpoints" / "00000011"
    told = json.loads((newest / "state.json").read_text())
    told["fingerprint"]["versions"]["torch"] = "2.0.0"
    told["fingerprint"]["files"].pop(str(config.parent / "dev.spacy"))
    (newest / "state.json").write_text(json.dumps(told))
    training_checkpoints.write_sums(newest)
    line = [config, "-o", "out", "--resume", "--training.max_steps", "13"]
    stopped = Run(tmp_path, *line).wait()
    assert stopped.returncode == 1
    for part in (
        "training.max_steps was 11 and is now 13",
        "dev.spacy was added",
        'torch was "2.0.0" and is now',
        "--allow-changes",
    ):
        assert part in stopped.printed
    assert not (tmp_path / "out" / "checkpoints" / "00000013").exists()
    done = Run(tmp_path, *line, "--allow-changes").wait()
    assert done.returncode == 0, done.printed
    assert (tmp_path / "out" / "checkpoints" / "00000013").exists()


def test_fewer_data_than_were_read(whole, tmp_path):
    config, _ = copy_of(whole, tmp_path)
    line = [config, "-o", "out", "--resume", "--allow-changes", "--training.max_steps", "5"]
    done = Run(tmp_path, *line).wait()
    assert done.returncode == 1
    assert "Training now ends at step 5, but the training checkpoint is from step 11" in done.printed


def test_other_weights_than_were_kept(whole, tmp_path):
    config, _ = copy_of(whole, tmp_path)
    told = spacy.util.load_config(config)
    told["initialize"]["components"] = {"bert_ner": {"labels": ["geo", "nat", "org", "per"]}}
    told.to_disk(tmp_path / "config.cfg")
    done = Run(tmp_path, "config.cfg", "-o", "out", "--resume", "--allow-changes").wait()
    assert done.returncode == 1
    assert "2 parameters in the training checkpoint differ in name or shape" in done.printed


def test_the_newest_states_are_kept(whole, tmp_path):
    config, alone, _ = whole("as recipes are")
    assert sorted(path.name for path in (alone / "out" / "checkpoints").iterdir()) == ["00000008", "00000011"]
    assert Run(tmp_path, config, "-o", "out", "--keep", "1", "--minutes", "0.000001").wait().returncode == 0
    (only,) = (tmp_path / "out" / "checkpoints").iterdir()
    assert only.name == "00000011"
    assert sorted(path.name for path in only.iterdir()) == ["sha256.json", "state.json", "state.safetensors"]


@pytest.mark.parametrize("options", [[], ["--resume"]])
def test_the_output_of_another_training_stays(whole, tmp_path, options):
    config, _, _ = whole("as recipes are")
    (tmp_path / "out" / "model-best").mkdir(parents=True)
    done = Run(tmp_path, config, "-o", "out", *options).wait()
    assert done.returncode == 1
    assert "Nothing was overwritten" in done.printed
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["model-best"]


def test_a_training_is_not_begun_where_there_is_one(whole, tmp_path):
    config, alone = copy_of(whole, tmp_path)
    done = Run(tmp_path, config, "-o", "out").wait()
    assert done.returncode == 1
    assert "out already contains a training run: model-best, model-last, checkpoints." in done.printed
    assert saved(tmp_path / "out") == saved(alone / "out")


def test_bad_orders(whole, tmp_path):
    config, _, _ = whole("as recipes are")
    (tmp_path / "file").write_text("")
    for arguments, expected in [
        ([config, "-o", "file"], "--output file is a file"),
        ([config, "--resume"], "--resume requires --output"),
        ([config, "-o", "new", "--nlp.pipeline", "[]"], "trains no component made by the factory bert_ner"),
        ([config, "-o", "new", "--training.frozen_components", '["bert_ner"]'], "that is not frozen"),
    ]:
        done = Run(tmp_path, *arguments).wait()
        assert done.returncode == 1, done.printed
        assert expected in done.printed
        assert "Traceback" not in done.printed
    assert not (tmp_path / "new" / "model-last").exists()


def test_without_output_nothing_is_kept(whole, tmp_path):
    config, _, _ = whole("as recipes are")
    done = Run(tmp_path, config).wait()
    assert done.returncode == 0, done.printed
    assert "No training checkpoints are written, so this run cannot be resumed" in done.printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "printed.txt"]


def test_components_of_spacy_go_on_too(encoder, tmp_path):
    """Test a component with thinc layers, which has separate moments and averages."""
    config = write_config(tmp_path, encoder, optimizer={"@optimizers": "Adam.v1", "use_averages": True})
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    tagger = nlp.add_pipe("senter", config={"model": {"@architectures": "spacy.Tagger.v2", "nO": None}})
    assert tagger is not None
    told = spacy.util.load_config(config)
    told["nlp"]["pipeline"] = ["bert_ner", "senter"]
    told["components"]["senter"] = nlp.config["components"]["senter"]
    told["components"]["senter"]["model"]["tok2vec"] = nlp.config["components"]["tok2vec"]["model"]
    told.to_disk(config)
    alone, stopped = tmp_path / "alone", tmp_path / "stopped"
    done = Run(alone, config, "-o", "out").wait()
    assert done.returncode == 0, done.printed
    assert Run(stopped, config, "-o", "out", first=signalled_in(7, signal.SIGTERM)).wait().returncode == 143
    done = Run(stopped, config, "-o", "out", "--resume").wait()
    assert done.returncode == 0, done.printed
    assert saved(stopped / "out") == saved(alone / "out")
    for name in ("model-best", "model-last"):
        files = [folder / "out" / name / "senter" / "model" for folder in (alone, stopped)]
        assert spacy.load(files[0].parent.parent).get_pipe("senter").model.to_bytes()
        tensors = [
            training_checkpoints.read_checkpoint(training_checkpoints.latest_checkpoint(folder / "out")).tensors
            for folder in (alone, stopped)
        ]
        assert sum(key.startswith("weights/senter") for key in tensors[0]) > 10
        assert sum(key.startswith("averages/senter") for key in tensors[0]) > 10


def test_a_component_whose_weights_cannot_be_read(nlp):
    nlp.get_pipe("bert_ner").model.shims.append(Shim(None))
    with pytest.raises(
        BertNerError,
        match="The weights of component 'bert_ner' cannot be saved in a training checkpoint because they are in a Shim",
    ):
        parameters(nlp)
    assert parameters(nlp, ["bert_ner"]) == []


def test_random_numbers_go_on_where_they_were():
    def draw():
        return [random.random(), random.gauss(0, 1), numpy.random.normal(), float(torch.rand(1)), float(torch.randn(1))]

    draw()
    kept = rng.get_rng_state()
    first = draw()
    own = rng.IsolatedRng(kept)
    after = rng.get_rng_state()
    with own:
        assert draw() == first
    assert draw() != first
    rng.set_rng_state(after)
    expected = draw()
    rng.set_rng_state(after)
    with own:
        assert draw() != first
    assert draw() == expected


def test_differences():
    before = {"config": {"a.b": 1, "a.c": None}, "files": {"x": "1", "y": "2"}, "versions": {"torch": "2.5"}}
    now = {"config": {"a.b": 2, "a.d": "s"}, "files": {"x": "3", "z": "2"}, "versions": {"torch": "2.5"}}
    assert fingerprint.differences(before, before) == []
    assert fingerprint.differences(before, now) == [
        "a.b was 1 and is now 2",
        "a.c was null and is now not set",
        'a.d was not set and is now "s"',
        "x was modified",
        "y was removed",
        "z was added",
    ]


def test_what_a_training_is_described_by(tmp_path):
    write_corpus(tmp_path / "train.spacy", 1)
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "config.json").write_text("{}")
    config = {
        "paths": {"train": str(tmp_path / "train.spacy"), "vectors": None},
        "components": {"ner": {"model": {"name": str(tmp_path / "encoder")}}},
        "nlp": {"lang": str(tmp_path), "pipeline": ["ner"]},
    }
    told = fingerprint.describe(config)
    assert told["config"]["nlp.pipeline"] == ["ner"]
    assert sorted(told["files"]) == [str(tmp_path / "encoder" / "config.json"), str(tmp_path / "train.spacy")]
    assert told["versions"]["spacy"] == spacy.__version__


@pytest.mark.parametrize(
    ("ends", "info", "expected"),
    [
        ((100, 0), {"epoch": 2, "step": 30}, "epoch 2, loss 0.5000, 100 words/s, 0:01:10 left"),
        ((0, 4), {"epoch": 1, "step": 30}, "epoch 1, loss 0.5000, 100 words/s, 0:01:30 left"),
        ((100, 3), {"epoch": 1, "step": 30}, "epoch 1, loss 0.5000, 100 words/s, 0:01:00 left"),
        ((0, 4), {"epoch": 0, "step": 30}, "epoch 0, loss 0.5000, 100 words/s"),
        ((0, -1), {"epoch": 1, "step": 30}, "epoch 1, loss 0.5000, 100 words/s"),
    ],
)
def test_what_is_shown_of_a_step(ends, info, expected):
    watch = ProgressReporter(*ends, is_shown=False)
    watch.begin(10, 1000)
    line = watch.line({"losses": {"bert_ner": 0.5}, "words": 3000, **info}, watch.start_time + 20)
    assert line == expected


def test_a_line_a_minute_where_there_is_no_terminal(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watch = ProgressReporter(10, 0, is_shown=True)
    watch.begin(-1, 0)
    for step in range(4):
        clock[0] += 30
        watch.update({"losses": {"bert_ner": 0.25}, "words": 300 * (step + 1), "epoch": 0, "step": step})
    watch.close()
    assert capsys.readouterr().err.splitlines() == [
        "step 1: epoch 0, loss 0.2500, 10 words/s, 0:04:30 left",
        "step 3: epoch 0, loss 0.2500, 10 words/s, 0:03:30 left",
    ]


def test_every_option_is_documented():
    options = {name for param in get_command(app).commands["train"].params for name in param.opts if name[:2] == "--"}
    options |= {"--no-progress"}
    options -= {"--progress", "--help"}
    text = (ROOT / "docs" / "training.md").read_text()
    of_spacy = {"--output-path", "--code", "--verbose"}
    assert {name for name in options - of_spacy if f"{name}`" not in text and f"{name} " not in text} == set()
    assert {"--resume", "--keep", "--workers", "--output"} <= options
