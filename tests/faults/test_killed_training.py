"""Test that `spacy train`, once it has saved a pipeline, leaves a complete pipeline if it is killed.

Incomplete pipelines must be rejected.

spaCy writes `model-last` in place. For `model-best`, it deletes the old folder and copies `model-last`. Each test kills
a real training run at one moment, and compares the remaining pipelines with those from an uninterrupted run.
"""

import csv
import os
import signal
import sys
import warnings
from multiprocessing import get_context
from types import SimpleNamespace

import pytest
import spacy
from killing import BEGIN
from spacy.tokens import DocBin
from spacy.training import Example
from support import TRAIN_DATA

from spacy_bert_ner.errors import CheckpointError

pytestmark = [
    pytest.mark.training,
    pytest.mark.skipif(sys.platform != "linux", reason="others cannot exchange names in one step"),
]

TEXT = "Kevin Durant lives in New York ."

PROGRAM = """
import runpy
import torch
from spacy import util
from spacy.language import Language
from spacy_bert_ner.checkpoints import checkpoint
from spacy_bert_ner.models import shim
from spacy_bert_ner.pipeline import bert_ner as component
from spacy_bert_ner.training import csv_logger as logger
from spacy_bert_ner.util import atomic_io as files

torch.set_num_threads(1)

def saving(number, part, do):
    "While `model-last` is written for the so-manieth time, and this part of it is to be."
    real, saves = util.to_disk, []
    def to_disk(path, writers, exclude):
        saves.extend([1] if path.name == "model-last" else [])
        if path.name == "model-last" and len(saves) == number:
            writers[part] = lambda path, write=writers[part]: do(path, write)
        return real(path, writers, exclude)
    util.to_disk = to_disk

def before(path, write):
    kill()

def opened(path, write):
    path.write_bytes(b"")
    kill()

def half(path, write):
    write(path)
    path = path / "strings.json" if path.is_dir() else path
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    kill()

def done(path, write):
    write(path)
    kill()

def best(name, do):
    "While a function of shutil makes `model-best`, or deletes it."
    real = getattr(shutil, name)
    def run(*paths, **options):
        return (do if Path(paths[:2][-1]).name == "model-best" else real)(*paths, **options)
    setattr(shutil, name, run)

def delete(*names):
    def run(folder):
        for path in [*Path(folder).rglob("*")]:
            if path.name in names:
                path.unlink()
        kill()
    return run

def copy_without(*names, real=shutil.copytree):
    "A folder has an order of its own, in which these come last."
    def run(source, target):
        real(source, target, ignore=lambda folder, found: [name for name in found if name in names])
        kill()
    return run

def half_row(self, row):
    self.path.open("a").write("1,")
    kill()

def keep_states():
    "A copy of `model-last` whenever it was written."
    real, number = Language.to_disk, iter(range(99))
    def to_disk(self, path, **options):
        real(self, path, **options)
        shutil.copytree(path, path.parent / f"state-{{next(number)}}")
    Language.to_disk = to_disk

{kill}
sys.argv = ["spacy", "train", *sys.argv[1:]]
runpy.run_module("spacy", run_name="__main__")
"""


def train(kill, config, output, *options):
    """Run a training process that kills itself.

    The process is forked to avoid importing torch and spaCy again, which takes seconds.
    """
    code = BEGIN + PROGRAM.format(kill=kill)
    log = output.parent / f"{output.name}.log"
    arguments = (code, [str(config), "-o", str(output), *map(str, options)], log)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # since Python 3.12, forking a process with threads causes a warning
        process = get_context("fork").Process(target=run, args=arguments)
        process.start()
    process.join(240)
    if process.is_alive():
        process.kill()
        process.join()
    return SimpleNamespace(returncode=process.exitcode, stdout=log.read_text())


def run(code, arguments, log):
    """Run a program in the forked process and write its output to a log file."""
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stdout = sys.stderr = file
        sys.argv[1:] = arguments
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        exec(compile(code, "program", "exec"), {})


def logits(folder):
    """Return the logits of a saved pipeline after checking that it loads and predicts."""
    nlp = spacy.load(folder)
    doc = nlp(TEXT)
    assert len(doc) == 7
    return nlp.get_pipe("bert_ner").model.predict([doc])[0].data.tobytes()


@pytest.fixture(scope="module")
def config(encoder, tmp_path_factory):
    """Return a config for three training steps, each followed by an evaluation with the best score so far."""
    folder = tmp_path_factory.mktemp("config")
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(encoder), "overlap": 8}})
    examples = [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in TRAIN_DATA]
    DocBin(docs=[eg.reference for eg in examples]).to_disk(folder / "train.spacy")
    corpus = {"@readers": "spacy.Corpus.v1", "path": str(folder / "train.spacy")}
    nlp.config["corpora"] = {"train": corpus, "dev": corpus}
    nlp.config["training"] |= {
        "train_corpus": "corpora.train",
        "dev_corpus": "corpora.dev",
        "max_steps": 2,
        "eval_frequency": 1,
        "score_weights": {"ents_f": 0.0},  # no evaluation has a better score than another
        "optimizer": {"@optimizers": "Adam.v1", "learn_rate": 0.01},
        "logger": {"@loggers": "spacy_bert_ner.CsvLogger.v1", "path": str(folder / "log.csv")},
    }
    nlp.config.to_disk(folder / "config.cfg")
    return folder / "config.cfg"


@pytest.fixture(scope="module")
def states(config, tmp_path_factory):
    """Return the logits of the pipelines that an uninterrupted training run saves, in order."""
    folder = tmp_path_factory.mktemp("states")
    done = train("keep_states()", config, folder)
    assert done.returncode == 0, done.stdout
    found = [logits(folder / f"state-{i}") for i in range(len([*folder.glob("state-*")]))]
    assert len(found) == 4  # the last pipeline is saved twice
    assert len(set(found)) == 3
    return found[:3]


NO_SUMS = "bert_ner has no sha256.json, perhaps because a copy or a deletion was interrupted"
MOMENTS = {
    # name of the moment: code that kills the process, then the contents of `model-last` and of `model-best` (the index
    # of a saved pipeline, None, or an error message)
    "the first update": ("shim.apply_optimizer = kill", None, None),
    "the third batch, before its gradient": (
        "component.BertNer.get_loss = at_call(3, component.BertNer.get_loss)",
        1,
        1,
    ),
    "the third update": ("shim.apply_optimizer = at_call(3, shim.apply_optimizer)", 1, 1),
    "an evaluation": ("Language.evaluate = at_call(3, Language.evaluate)", 1, 1),
    "the first save, before its first file": ("saving(1, 'tokenizer', before)", "Could not read meta.json", None),
    "the first save, before the component": ("saving(1, 'bert_ner', before)", "bert_ner/cfg cannot be read", None),
    "the first save, with half of the weights": (
        "checkpoint.Checkpoint.save = half_weights",
        "bert_ner/cfg cannot be read",
        None,
    ),
    "the first save, before the vocabulary": ("saving(1, 'vocab', before)", 0, None),
    "the first save, at its end": ("saving(1, 'vocab', done)", 0, None),
    "a save, with an empty tokenizer": ("saving(2, 'tokenizer', opened)", "Unpack failed", 0),
    "a save, with half a tokenizer": ("saving(2, 'tokenizer', half)", "Unpack failed", 0),
    "a save, with an empty meta.json": ("saving(2, 'meta.json', opened)", "Expected object or value", 0),
    "a save, with an empty config.cfg": ("saving(2, 'config.cfg', opened)", r"no \[nlp\] section found", 0),
    # The file ends between two sections or within a line, as its length is.
    "a save, with half a config.cfg": (
        "saving(2, 'config.cfg', half)",
        "Can't find component 'bert_ner'|Source contains parsing errors",
        0,
    ),
    "a save, before the component": ("saving(2, 'bert_ner', before)", 0, 0),
    "a save, with half of the weights": (
        "checkpoint.Checkpoint.save = at_call(2, checkpoint.Checkpoint.save, half_weights)",
        0,
        0,
    ),
    "a save, before the component takes its place": ("files._exchange = kill", 0, 0),
    "a save, after the component has taken its place": ("files._exchange = after(files._exchange)", 1, 0),
    "a save, before the vocabulary": ("saving(2, 'vocab', before)", 1, 0),
    "a save, with half of the strings": ("saving(2, 'vocab', half)", "when decoding 'string'", 0),
    "a save, at its end": ("saving(2, 'vocab', done)", 1, 0),
    "model-best, before it is deleted": ("best('rmtree', kill)", 1, 0),
    "model-best, its weights deleted": (
        "best('rmtree', delete('model.safetensors'))",
        1,
        "model/model.safetensors is missing",
    ),
    "model-best, its sums deleted": ("best('rmtree', delete('sha256.json'))", 1, NO_SUMS),
    "model-best, its config.cfg deleted": ("best('rmtree', delete('config.cfg'))", 1, "Could not read config file"),
    "model-best, all of it deleted": ("best('rmtree', after(shutil.rmtree))", 1, None),
    "model-best, before the first copy": ("best('copytree', kill)", 0, None),
    "model-best, copied but for the weights": (
        "best('copytree', copy_without('model.safetensors'))",
        0,
        "model/model.safetensors is missing",
    ),
    "model-best, copied but for the sums": ("best('copytree', copy_without('sha256.json'))", 0, NO_SUMS),
    "model-best, copied but for the sums and what says how the tokenizer is set": (
        "best('copytree', copy_without('sha256.json', 'tokenizer_config.json'))",
        0,
        NO_SUMS,
    ),
    "model-best, copied but for the component": (
        "best('copytree', copy_without('bert_ner'))",
        0,
        "bert_ner/cfg cannot be read",
    ),
    "model-best, copied but for the meta.json": (
        "best('copytree', copy_without('meta.json'))",
        0,
        "Could not read meta.json",
    ),
    "model-best, copied": ("best('copytree', after(shutil.copytree))", 0, 0),
    "the logger, before its first row": ("logger.CsvTable.add = kill", 0, 0),
    "the logger, before the file has its name": ("Path.replace = kill", 0, 0),
    "the logger, before a row": ("logger.CsvTable.add = at_call(2, logger.CsvTable.add)", 1, 1),
    "the last save, before the component": ("saving(4, 'bert_ner', before)", 2, 2),
}


def check(folder, expected, states):
    if expected is None:
        assert not folder.exists()
    elif isinstance(expected, str):
        with pytest.raises((CheckpointError, OSError, ValueError), match=expected):
            spacy.load(folder)
    else:
        assert logits(folder) == states[expected]


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_is_left_is_whole_or_refused(config, states, tmp_path, moment):
    kill, last, best = MOMENTS[moment]
    done = train(kill, config, tmp_path / "out")
    assert done.returncode == -signal.SIGKILL, done.stdout
    check(tmp_path / "out" / "model-last", last, states)
    check(tmp_path / "out" / "model-best", best, states)


def test_once_one_was_saved_a_whole_one_is_there():
    """Test that only these moments leave no complete pipeline."""
    assert {moment for moment, (_, *left) in MOMENTS.items() if not any(isinstance(part, int) for part in left)} == {
        "the first update",
        "the first save, before its first file",
        "the first save, before the component",
        "the first save, with half of the weights",
    }


@pytest.mark.parametrize(
    ("kill", "steps"),
    [
        ("logger.CsvTable.add = kill", None),
        ("Path.replace = kill", None),
        ("logger.CsvTable.add = after(logger.CsvTable.add)", [0]),
        ("logger.CsvTable.add = at_call(3, logger.CsvTable.add)", [0, 1]),
    ],
)
def test_the_rows_of_the_logger_are_whole(config, tmp_path, kill, steps):
    log = tmp_path / "log.csv"
    done = train(kill, config, tmp_path / "out", "--training.logger.path", log)
    assert done.returncode == -signal.SIGKILL, done.stdout
    assert log.exists() == (steps is not None)
    if steps is not None:
        with log.open(newline="") as file:
            assert [int(row["step"]) for row in csv.DictReader(file)] == steps
        assert log.read_text().endswith("\n")


def test_training_goes_on_in_a_folder_that_a_killed_one_has_left(config, states, tmp_path):
    assert train("checkpoint.Checkpoint.save = half_weights", config, tmp_path).returncode == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "model-last").iterdir() if path.name.startswith(".")] != []
    assert train("", config, tmp_path).returncode == 0
    check(tmp_path / "model-best", 2, states)
    assert list(tmp_path.rglob(".*")) == []
