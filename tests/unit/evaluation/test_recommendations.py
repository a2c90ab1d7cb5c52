"""Test notes on how to interpret metrics, and recommendations for next steps."""

import copy
import re

import pytest
from thinc.api import Config

from spacy_bert_ner.evaluation.matching import KINDS
from spacy_bert_ner.evaluation.recommendations import next_steps, notes


def row(f, width=0.05, gold=100, r=None):
    return {"f": f, "r": r, "gold": gold, "f_interval": [f - width / 2, f + width / 2]}


GOOD = {
    "n_docs": 500,
    "scores": {"micro": {"f": 0.9, "gold": 200, "found": 200}, "per_label": {"per": row(0.9), "geo": row(0.89)}},
    "mistakes": dict.fromkeys(KINDS, 0),
    "slices": {},
    "unknown_labels": [],
    "labels": ["per", "geo", "event"],
    "component": "ner",
    "temperature": 1.0,
    "thresholds": {},
    "confidence": {"wanted_precision": 0.9, "all": {"ece": 0.01}, "per_label": {"per": {"threshold": None}}},
}

REPORT = {"train": None}


def changed(**parts):
    told = copy.deepcopy(GOOD)
    for path, value in parts.items():
        *keys, last = path.split("__")
        place = told
        for key in keys:
            place = place[key]
        place[last] = value
    return told


def test_of_a_good_pipeline_there_is_nothing_to_say():
    assert list(notes(GOOD, REPORT)) == []
    assert list(next_steps(GOOD)) == []


@pytest.mark.parametrize(
    ("parts", "note"),
    [
        ({"scores__micro__gold": 0}, "The data has no gold entities"),
        ({"scores__micro__found": 0}, "The pipeline predicted no entities"),
        ({"n_docs": 1}, "There is only one document"),
        ({"n_docs": 29}, "There are only 29 documents"),
        ({"unknown_labels": ["art", "eve"]}, "so all their gold entities are missed: art, eve."),
        ({"unknown_labels": ["PER", "art"]}, "so all their gold entities are missed: PER (the pipeline has per), art."),
        ({"unknown_labels": [f"l{i}" for i in range(10)]}, "l0, l1, l2, l3, l4, l5, l6, l7 and 2 more."),
        ({"confidence": None}, "No entity has a score"),
    ],
)
def test_what_to_know_before(parts, note):
    (found,) = notes(changed(**parts), REPORT)
    assert note in found


def test_a_pipeline_that_is_scored_on_its_training_data():
    (found,) = notes(GOOD, {"train": {"n_shared": 3}})
    assert found.startswith("3 of 500 documents are also in the training data, word for word. ")
    assert list(notes(GOOD, {"train": {"n_shared": 0}})) == []


def of_kind(kind, n=30):
    return {"mistakes": {**dict.fromkeys(KINDS, 10), kind: n}}


SEEN = {"with this label": {"r": 0.9}, "never": {"r": 0.5}}


@pytest.mark.parametrize(
    ("parts", "step"),
    [
        ({"scores__per_label__art": row(0.9, width=0.3)}, "The F1 interval is wider than 0.2 for art"),
        ({"scores__per_label__art": row(0.5)}, "The label with the lowest F1 is art (F1 0.500)"),
        (of_kind("missed", 40), "36% of all mistakes are “missed”. The pipeline does not find these entities"),
        (of_kind("wrong label", 40), "Look up the confused labels in the confusion matrix"),
        ({"slices": {"seen in training": SEEN}}, "Recall is 0.500 for entities that do not occur in the training data"),
        ({"confidence__all__ece": 0.06}, "The expected calibration error of entity scores is 0.060"),
        (
            {"confidence__per_label__per": {"threshold": {"threshold": 0.875}}},
            '[components.ner]: thresholds = {"per": 0.875}. Choose thresholds on dev data',
        ),
    ],
)
def test_what_to_do_next(parts, step):
    (found,) = next_steps(changed(**parts))
    assert step in found


@pytest.mark.parametrize(
    "parts",
    [
        of_kind("missed", 20),  # less than a quarter of all entities
        {"slices": {"seen in training": {"with this label": {"r": 0.55}, "never": {"r": 0.5}}}},
        {"slices": {"seen in training": {"never": {"r": 0.5}}}},
        {"confidence__per_label__per": {"threshold": {"threshold": 0.0}}},  # no threshold is needed
        # No component to which the threshold applies.
        {"confidence__per_label__per": {"threshold": {"threshold": 0.875}}, "component": None},
        {"confidence": None},
        {"confidence__all__ece": 0.06, "temperature": 1.3},  # the temperature is already calibrated
        {"scores__per_label__art": row(0.1, gold=0)},
    ],
)
def test_what_is_no_reason_to_do_something(parts):
    assert list(next_steps(changed(**parts))) == []


def test_thresholds_can_be_pasted_into_a_config_and_keep_those_that_are_there():
    limits = {f"l{i}": {"threshold": {"threshold": 0.5}} for i in range(10)}
    limits |= {'"q" \\ é $$ ${a.b}': {"threshold": {"threshold": 0.123456}}, "free": {"threshold": {"threshold": 0.0}}}
    had = {"l1": 0.3, "free": 0.2, "other": 0.1}
    (found,) = next_steps(changed(confidence__per_label=limits, thresholds=had))
    pasted = re.search(r"\[components.ner\]: (thresholds = {.*}). Choose", found)[1]
    config = Config().from_str(f"[components]\n[components.ner]\n{pasted}\n")
    wanted = {f"l{i}": 0.5 for i in range(10)} | {'"q" \\ é $$ ${a.b}': 0.123456, "free": 0.2, "other": 0.1}
    assert config["components"]["ner"]["thresholds"] == wanted
