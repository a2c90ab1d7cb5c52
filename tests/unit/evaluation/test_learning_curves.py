"""Test the loss for examples without training on them, and the columns that the logger adds for it."""

import csv
import io
import random
import re
import warnings

import numpy as np
import pytest
import spacy
import torch
from spacy import Language, registry
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.training.loop import train
from thinc.api import get_current_ops

from spacy_bert_ner.errors import ConfigError, TagError
from spacy_bert_ner.models import token_classifier as models
from spacy_bert_ner.training.csv_logger import make_csv_logger_v1

pytestmark = pytest.mark.charts

# Tags for the tokens in the third and fourth examples: "Mr. O'Neill lives in New York." and "Nobody came."
TAGS = [["B-per", "I-per", "O", "O", "B-geo", "I-geo", "O"], ["O", "O", "O"]]
WEIGHTS = {"B-per": 3.0, "I-per": 3.0, "O": 0.5, "B-geo": 1.0, "I-geo": 1.0}
SMOOTHING = 0.1
SCORES = ("iob_acc", "iob_doc_acc", "ents_f")


def parameters(nlp):
    return models.get_checkpoint(nlp.get_pipe("bert_ner").model).model.named_parameters()


def first_rows(pipe, eg):
    """Return the logits for the first subword of each token."""
    (rows,) = pipe.model.predict([eg.predicted])
    lengths = get_current_ops().to_numpy(rows.lengths)
    return rows.dataXd[np.cumsum([0, *lengths[:-1]])].astype("float64")


@pytest.mark.parametrize("batch_size", [1, 128])
@pytest.mark.parametrize("labels", [None, {"per": 3.0, "O": 0.5}])
def test_the_loss_is_that_of_the_logits(make_nlp, tagger, examples, batch_size, labels):
    config = {"class_weights": labels, "label_smoothing": SMOOTHING if labels else 0.0}
    pipe = make_nlp(name=tagger, config=config).get_pipe("bert_ner")
    total = weight = 0.0
    for eg, tags in zip(examples[2:], TAGS, strict=True):
        logits = first_rows(pipe, eg)
        surprise = np.log(np.exp(logits).sum(axis=1, keepdims=True)) - logits  # (n_tokens, n_tags)
        weights = np.array([WEIGHTS[tag] if labels else 1.0 for tag in pipe.tags])
        for row, tag in zip(surprise, tags, strict=True):
            own = pipe.tags.index(tag)
            if labels:
                total += 0.9 * weights[own] * row[own] + 0.1 / 5 * (weights * row).sum()
            else:
                total += row[own]
            weight += weights[own]
    loss = pipe.measure_loss(iter(examples[2:]), batch_size=batch_size)
    assert float(loss) == pytest.approx(total / weight, rel=1e-5)
    assert loss.weight == pytest.approx(weight) == (2 * 3.0 + 6 * 0.5 + 2 * 1.0 if labels else 10.0)


def test_the_loss_is_that_of_training_without_dropout(nlp, examples):
    pipe = nlp.get_pipe("bert_ner")
    assert pipe.measure_loss(examples) == pytest.approx(pipe.update(examples, drop=0.0)["bert_ner"], rel=1e-5)


def test_measuring_leaves_no_trace(nlp, examples):
    pipe = nlp.get_pipe("bert_ner")
    pipe.update(examples[:2], drop=0.0)
    before = {name: (p.detach().clone(), p.grad.to_dense().clone()) for name, p in parameters(nlp)}
    cfg, states = pipe.to_bytes(), (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())
    pipe.measure_loss(examples)
    for name, p in parameters(nlp):
        assert torch.equal(p, before[name][0])
        assert torch.equal(p.grad.to_dense(), before[name][1])
    assert pipe.to_bytes() == cfg
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[:2]
    assert torch.equal(torch.get_rng_state(), states[2])


def test_there_is_no_loss_without_annotation(nlp, examples):
    pipe, doc = nlp.get_pipe("bert_ner"), nlp.make_doc("Nobody came.")
    for none in ([], [Example(doc, doc)], [Example(Doc(nlp.vocab), Doc(nlp.vocab))]):
        loss = pipe.measure_loss(none)
        assert (loss, loss.weight) == (0.0, 0)
    with pytest.raises(TypeError, match="measure_loss"):
        pipe.measure_loss([doc])


def test_a_label_that_the_head_lacks_counts_as_not_annotated(nlp):
    pipe, text = nlp.get_pipe("bert_ner"), "Nobody saw Guernica there."
    strange = Example.from_dict(nlp.make_doc(text), {"entities": [(11, 19, "art")]})
    known = Example.from_dict(nlp.make_doc(text), {"entities": []})
    known.reference.set_ents([], missing=[Span(known.reference, 2, 3)], default="outside")
    loss = pipe.measure_loss([strange])
    assert (loss, loss.weight) == (pipe.measure_loss([known]), 4)
    with pytest.raises(TagError, match="The examples contain the label 'art'"):
        pipe.update([strange])


def test_misaligned_entities_are_told_in_training_alone(nlp):
    pipe = nlp.get_pipe("bert_ner")
    predicted = Doc(nlp.vocab, words=["Kevin", "plays-there"], spaces=[True, False])
    reference = Doc(
        nlp.vocab, words=["Kevin", "plays", "-there"], spaces=[True, False, False], ents=["O", "B-per", "O"]
    )
    eg = Example(predicted, reference)
    assert pipe.measure_loss([eg]).weight == 1
    with pytest.warns(UserWarning, match="1 of 1 gold entities"):
        pipe.update([eg])


# The logger


def drawing(examples):
    """Return a reader that draws random numbers from all generators, as augmenters can."""

    def read(nlp):
        for eg in examples:
            random.random(), np.random.rand(), torch.rand(1)
            yield eg

    return read


@Language.component("tests_drawing")
def draw(doc):
    random.random(), np.random.rand(), torch.rand(1)
    return doc


def trained(make_nlp, parts, path, *, steps=4, **logger):
    """Train for a few steps with dropout, evaluating every second step. Return the pipeline and the rows of its log.

    parts: examples for the `train` and `dev` splits.
    """
    torch.manual_seed(0)
    nlp = make_nlp()
    nlp.add_pipe("tests_drawing")
    for part, examples in parts.items():
        registry.readers(f"tests.{part}.v1", func=lambda examples=examples: drawing(examples))
    nlp.config["corpora"] = {part: {"@readers": f"tests.{part}.v1"} for part in parts}
    nlp.config["training"] |= {
        "max_steps": steps,
        "eval_frequency": 2,
        "dropout": 0.5,
        "train_corpus": "corpora.train",
        "dev_corpus": "corpora.dev",
        "logger": {"@loggers": "spacy_bert_ner.CsvLogger.v1", "path": str(path), **logger},
        "batcher": {"@batchers": "spacy.batch_by_sequence.v1", "size": 2},
    }
    nlp.initialize(lambda: parts["train"])
    train(nlp, stdout=io.StringIO(), stderr=io.StringIO())
    with path.open(newline="") as file:
        return nlp, list(csv.DictReader(file))


def test_curves_are_those_of_the_dev_and_the_training_data(make_nlp, examples, tmp_path):
    parts = {"train": examples, "dev": examples[1:]}
    # Evaluate after steps 0 and 2.
    nlp, rows = trained(make_nlp, parts, tmp_path / "log.csv", steps=2, curves=3)
    assert [row["step"] for row in rows] == ["0", "2"]
    assert [key for key in rows[0] if re.match("dev_|train_", key)] == [
        "dev_loss_bert_ner",
        *(f"train_{key}" for key in SCORES),
    ]
    loss = nlp.get_pipe("bert_ner").measure_loss(examples[1:])
    assert float(rows[1]["dev_loss_bert_ner"]) == pytest.approx(float(loss), rel=1e-6)
    assert rows[0]["dev_loss_bert_ner"] != rows[1]["dev_loss_bert_ner"]
    scores = nlp.evaluate(examples[:3])
    assert [float(rows[1][f"train_{key}"]) for key in SCORES] == [scores[key] for key in SCORES]
    # These scores differ both from those on all training data and from those on the dev data.
    for others in (examples, examples[1:]):
        assert nlp.evaluate(others)["iob_acc"] != scores["iob_acc"]


def test_curves_change_no_weight(make_nlp, examples, tmp_path):
    parts = {"train": examples, "dev": examples[1:]}
    without, rows = trained(make_nlp, parts, tmp_path / "without.csv")
    assert "train_iob_acc" not in rows[0]
    assert "dev_loss_bert_ner" not in rows[0]
    with_curves, more = trained(make_nlp, parts, tmp_path / "with.csv", curves=1000)
    for (name, one), (_, other) in zip(parameters(without), parameters(with_curves), strict=True):
        assert torch.equal(one, other), name
    assert [row["loss_bert_ner"] for row in more] == [row["loss_bert_ner"] for row in rows]


def test_training_data_without_end_is_read_as_far_as_is_asked(nlp, examples, tmp_path):
    read = []

    def endless(nlp):
        while True:
            read.append(1)
            yield examples[0]

    registry.readers("tests.endless.v1", func=lambda: endless)
    registry.readers("tests.dev.v1", func=lambda: lambda nlp: iter(examples))
    nlp.config["corpora"] = {"train": {"@readers": "tests.endless.v1"}, "dev": {"@readers": "tests.dev.v1"}}
    make_csv_logger_v1(tmp_path / "log.csv", curves=5)(nlp)
    assert len(read) == 5
    make_csv_logger_v1(tmp_path / "log.csv")(nlp)
    assert len(read) == 5


def test_what_reading_warns_of_is_said_by_training(nlp, examples, tmp_path):
    def warning(nlp):
        warnings.warn("2 tags were repaired", UserWarning, stacklevel=1)
        yield from examples

    registry.readers("tests.warning.v1", func=lambda: warning)
    nlp.config["corpora"] = {part: {"@readers": "tests.warning.v1"} for part in ("train", "dev")}
    make_csv_logger_v1(tmp_path / "log.csv", curves=1)(nlp)  # warnings raise errors in this test


def test_scores_that_are_none_leave_their_columns_out(nlp, examples, tmp_path):
    doc = nlp.make_doc("Nobody came.")
    registry.readers("tests.bare.v1", func=lambda: lambda nlp: [Example(doc, doc)])
    nlp.config["corpora"] = {part: {"@readers": "tests.bare.v1"} for part in ("train", "dev")}
    log_step, _ = make_csv_logger_v1(tmp_path / "log.csv", console=False, curves=1)(nlp)
    log_step({"epoch": 0, "step": 0, "seconds": 0, "words": 2, "score": 0.0, "losses": {}, "other_scores": {}})
    assert (tmp_path / "log.csv").read_text() == "epoch,step,seconds,words,score\n0,0,0,2,0.0\n"


@pytest.mark.parametrize("value", [-1, 1.5, True, "all", None])
def test_only_a_number_of_examples_is_allowed(value):
    allowed = "0, or a positive number of training examples to score."
    message = f"[training.logger] curves = {value!r} is invalid. Allowed: {allowed}"
    with pytest.raises(ConfigError, match=re.escape(message)):
        make_csv_logger_v1("log.csv", curves=value)


def test_where_no_bert_ner_trains_there_are_no_curves(nlp, tmp_path):
    setup = make_csv_logger_v1(tmp_path / "log.csv", curves=9)
    allowed = re.escape("[training.logger] curves = 9 is invalid. Allowed: 0 unless a 'bert_ner' component")
    with pytest.raises(ConfigError, match=allowed):
        setup(spacy.blank("en"))
    # The component is disabled, as if frozen.
    with nlp.select_pipes(disable=["bert_ner"]), pytest.raises(ConfigError, match=allowed):
        setup(nlp)
