"""Test that `convert`, `inspect` and training warn if dev data has too few entities for meaningful scores."""

import io
import sys
from types import SimpleNamespace

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.dev_set_size import describe_small, is_dev
from spacy_bert_ner.inspection import inspect_files
from spacy_bert_ner.training.console_logger import count_dev_entities, make_console_logger_v1
from spacy_bert_ner.training.trainer import Trainer

ADVICE = (
    "With fewer than 50 entities, F1 is uncertain by more than 0.1, and the best step is chosen mostly "
    "by chance. Annotate more dev data, or "
    "increase its share: convert --split 70/20/10"
)


def conll(path, n):
    """Write `n` sentences with two entities each."""
    path.write_text("\n".join(f"Mia{i}\tB-per\nleft\tO\nRome{i}\tB-geo\n" for i in range(n)))
    return path


def test_from_fifty_entities_on_there_are_enough():
    assert describe_small("dev", 50) is None
    assert describe_small("dev", 49) == f"dev has 49 entities. {ADVICE}"
    assert describe_small("dev", 1).startswith("dev has 1 entity. ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("dev", True), ("emerging.dev", True), ("de_validation", True), ("train", False), ("devices", False)],
)
def test_dev_data_is_known_by_its_name(name, expected):
    assert is_dev(name) is expected


def test_convert_names_a_small_dev_part(tmp_path):
    path = conll(tmp_path / "a.conll", 240)
    assert f"dev has 48 entities. {ADVICE}" in convert(path, tmp_path / "ten", split="80/10/10").messages
    assert convert(path, tmp_path / "twenty", split="70/20/10").messages == []
    done = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "cli"), "--split", "80/10/10"])
    assert f"⚠ dev has 48 entities. {ADVICE}" in done.output
    assert done.exit_code == 0


def test_convert_names_a_small_file_of_dev_data(tmp_path):
    small = convert(conll(tmp_path / "dev.conll", 6), tmp_path / "corpus")
    assert small.messages == [f"dev has 12 entities. {ADVICE}"]
    assert convert(conll(tmp_path / "train.conll", 6), tmp_path / "corpus").messages == []
    assert convert(conll(tmp_path / "dev.conll", 25), tmp_path / "corpus").messages == []


def test_inspect_has_a_finding(tmp_path):
    train = conll(tmp_path / "train.conll", 60)
    findings = {one.code: one for one in inspect_files([train, conll(tmp_path / "dev.conll", 24)]).findings}
    found = findings["small_dev"]
    assert (found.level, found.count, found.of) == ("warning", 48, "entities in dev")
    assert found.title == "dev has fewer than 50 entities"
    assert found.advice == ADVICE
    enough = inspect_files([train, conll(tmp_path / "dev.conll", 25), conll(tmp_path / "test.conll", 1)])
    assert "small_dev" not in {one.code for one in enough.findings}


def pipeline(folder, n):
    """Return a pipeline whose dev data has `n` entities."""
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner")
    docs = [Doc(nlp.vocab, words=["Mia", "left"]) for _ in range(n)]
    for doc in docs:
        doc.ents = [Span(doc, 0, 1, "per")]
    DocBin(docs=docs).to_disk(folder / "dev.spacy")
    for part in ("train", "dev"):
        reader = {"@readers": "spacy.Corpus.v1", "path": str(folder / f"{part}.spacy"), "gold_preproc": False}
        nlp.config["corpora"][part] = reader
    return nlp


@pytest.mark.parametrize(("n", "is_told"), [(49, True), (50, False)])
def test_the_console_logger_says_it_before_the_training(tmp_path, n, is_told):
    out = io.StringIO()
    make_console_logger_v1()(pipeline(tmp_path, n), out, out)
    assert (f"The dev data has {n} entities. {ADVICE}" in " ".join(out.getvalue().split())) is is_told


@pytest.mark.parametrize(("n", "is_told"), [(3, True), (60, False)])
def test_the_training_says_it_once(tmp_path, n, is_told):
    out = io.StringIO()
    nlp = pipeline(tmp_path, n)
    settings = {"annotating_components": [], "logger": make_console_logger_v1()}
    workers = SimpleNamespace(is_first=True, world_size=1)
    trainer = SimpleNamespace(nlp=nlp, workers=workers, frozen=[], settings=settings, plan=None, checkpoint=None)
    trainer.optimizer = SimpleNamespace(learn_rate=0.1)
    Trainer._logger(trainer, out, sys.stderr)
    assert out.getvalue().count("The dev data has") == is_told


def test_entities_are_counted_no_further_than_needed(tmp_path):
    assert count_dev_entities(pipeline(tmp_path, 7)) == 7
    assert count_dev_entities(pipeline(tmp_path, 70)) == 50


def test_where_there_is_no_dev_data_nothing_is_said(tmp_path):
    nlp = pipeline(tmp_path, 7)
    (tmp_path / "dev.spacy").unlink()
    assert count_dev_entities(nlp) is None
    assert count_dev_entities(spacy.blank("en")) is None
