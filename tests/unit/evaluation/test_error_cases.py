"""Test that mistakes and differences are shown in their sentences."""

import spacy
from spacy.tokens import Doc

from spacy_bert_ner.evaluation.error_cases import difference_cases, mistake_cases
from spacy_bert_ner.evaluation.label_scope import LabelScope
from spacy_bert_ner.evaluation.measure import GoldDoc, PipelineOutput
from spacy_bert_ner.types import Entity, Prediction

VOCAB = spacy.blank("en").vocab
WORDS = ["Nobody", "came", ".", "Kevin", "Durant", "met", "Ada", "."]
DOC = Doc(VOCAB, words=WORDS, sent_starts=[True, False, False, True, False, False, False, False])
#          0123456789012345678901
SECOND = "Kevin Durant met Ada ."


def found(gold, predicted, docs=(DOC,)):
    """Return a pipeline's output for Docs that start at index 7 in a file."""
    origins = [GoldDoc("test.spacy", 7 + i, doc) for i, doc in enumerate(docs)]
    return PipelineOutput(origins, [], gold, predicted, 1.0, frozenset(), LabelScope((), frozenset()))


def ent(label, start, end, here=True, **more):
    return {"start": start, "end": end, "label": label, **more, "here": here}


def test_a_mistake_is_shown_in_its_sentence_with_all_that_is_in_it():
    gold = [[], [Entity("per", 3, 5), Entity("per", 6, 7)]]
    predicted = [[], [Prediction("per", 4, 5, 0.5), Prediction("per", 6, 7, None)]]
    (case,) = mistake_cases(found(gold, predicted, [Doc(VOCAB), DOC]))
    assert case == {
        "kind": "too short",
        "file": "test.spacy",
        "doc": 8,
        "text": SECOND,
        "gold": [ent("per", 0, 12), ent("per", 17, 20, False)],
        "predicted": [ent("per", 6, 12, score=0.5), ent("per", 17, 20, False)],
        "slices": [
            ["letters", "Like This"],
            ["place in the sentence", "first half"],
            ["place in the sentence", "first token"],
            ["tokens of the entity", "1"],
            ["tokens of the entity", "2"],
            ["tokens of the sentence", "1 to 10"],
        ],
    }
    assert (SECOND[0:12], SECOND[17:20]) == ("Kevin Durant", "Ada")


def test_a_mistake_over_two_sentences_is_shown_with_both():
    (case,) = mistake_cases(found([[]], [[Prediction("per", 1, 4, 0.5)]]))
    assert case["text"] == "Nobody came . Kevin Durant met Ada ."
    assert case["predicted"] == [ent("per", 7, 19, score=0.5)]


def test_long_sentences_are_cut():
    doc = Doc(VOCAB, words=[str(i) for i in range(200)])
    gold = [[Entity("x", 100, 102), Entity("x", 0, 1)]]
    (case,) = mistake_cases(found(gold, [[Prediction("x", 0, 1, None)]], [doc]))
    assert case["text"] == " ".join(map(str, range(75, 127)))
    assert case["gold"] == [ent("x", case["text"].index("100"), case["text"].index("102") - 1)]
    assert case["predicted"] == []


def test_sentences_on_which_two_pipelines_differ():
    gold = [[Entity("per", 3, 5), Entity("per", 6, 7)]]
    one = [[Prediction("per", 3, 5, 0.9), Prediction("per", 6, 7, 0.8)]]
    other = [[Prediction("org", 0, 1, None), Prediction("per", 6, 7, None)]]
    first, second = difference_cases(found(gold, one), found(gold, other))
    assert first == {
        "file": "test.spacy",
        "doc": 7,
        "text": "Nobody came .",
        "gold": [],
        "one": [],
        "other": [ent("org", 0, 6)],
        "right": [0, 0],
    }
    assert second["text"] == SECOND
    assert second["one"] == [ent("per", 0, 12, score=0.9), ent("per", 17, 20, False, score=0.8)]
    assert second["other"] == [ent("per", 17, 20, False)]
    assert second["right"] == [2, 1]


def test_where_they_agree_there_is_nothing():
    same = [[Prediction("per", 3, 5, 0.9)]]
    assert list(difference_cases(found([[]], same), found([[]], [[Prediction("per", 3, 5, None)]]))) == []
    assert list(mistake_cases(found([[Entity("per", 3, 5)]], same))) == []


def test_an_entity_that_is_found_twice_on_its_token_is_a_difference():
    once, twice = [[Prediction("per", 6, 7, None)]], [[Prediction("per", 6, 7, None)] * 2]
    (case,) = difference_cases(found([[]], once), found([[]], twice))
    assert (case["one"], case["other"]) == ([ent("per", 17, 20)], [ent("per", 17, 20)] * 2)
