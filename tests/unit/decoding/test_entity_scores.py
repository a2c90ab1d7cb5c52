"""Compare entity probabilities with an enumeration of all legal sequences."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tag_sets import n_illegal

from spacy_bert_ner.decoding.entity_scores import entity_scores, fit_temperature
from spacy_bert_ner.decoding.tag_scheme import PREFIXES, build_tag_set, tags_of_labels
from spacy_bert_ner.types import Entity

pytestmark = pytest.mark.parity

TAG_SETS = {scheme: build_tag_set(tags_of_labels(["a", "b"], scheme), scheme) for scheme in PREFIXES} | {
    "IOB2 or IOB1": build_tag_set(("O", "B-a", "I-a", "B-b", "I-b")),
    "IOE2 or IOE1": build_tag_set(("O", "I-a", "E-a")),
    "in another order, some missing": build_tag_set(("I-a", "O", "S-b", "E-b")),
    "labels that lack tags of BILUO": build_tag_set(("O", "B-a", "I-a", "L-a", "B-b", "L-b", "U-b")),
    "a label without I-": build_tag_set(("O", "B-a", "B-b", "I-b"), "IOB2"),
}


def by_hand(logits, begins, tags, temperature):
    """Return the probability of every entity: its share in the total weight of all legal sequences."""
    weights = np.exp(logits.astype(float) / temperature)
    starts = [*np.flatnonzero(begins), len(begins)]
    held, total = {}, 0.0
    for path in product(range(len(tags.tags)), repeat=len(begins)):
        if not any(n_illegal(tags, path[s:e]) for s, e in pairwise(starts)):
            weight = np.prod([weights[i, tag] for i, tag in enumerate(path)])
            total += weight
            for entity in tags.entities(np.array(path), begins):
                held[entity] = held.get(entity, 0.0) + weight
    return {entity: weight / total for entity, weight in held.items()}


@pytest.mark.parametrize("name", TAG_SETS)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 4), temperature=st.sampled_from([0.5, 1.0, 2.5]))
def test_the_score_is_the_share_of_sequences_that_hold_exactly_this_entity(name, seed, n, temperature):
    tags, rng = TAG_SETS[name], np.random.default_rng(seed)
    logits, begins = rng.normal(0, 2, size=(n, len(tags.tags))).astype("f"), rng.random(n) < 0.3
    begins[0] = True
    expected = by_hand(logits, begins, tags, temperature)
    for entity, share in expected.items():
        assert entity_scores(logits, begins, [entity], tags, temperature)[0] == pytest.approx(share, abs=1e-6)


def test_scores_of_one_token_are_those_of_its_distribution():
    tags = build_tag_set(("O", "B-per", "I-per"), "IOB2")
    logits = np.log(np.array([[0.5, 0.3, 0.2]], dtype="f"))
    # A single I-per is illegal, so O and B-per share the whole probability.
    scores = entity_scores(logits, np.array([True]), [Entity("per", 0, 1)], tags)
    assert scores.tolist() == [pytest.approx(0.3 / 0.8)]


def test_the_entities_of_a_place_and_its_being_outside_add_up_to_one():
    tags = TAG_SETS["BILUO"]
    logits = np.random.default_rng(3).normal(0, 1, size=(3, 9)).astype("f")
    begins = np.array([True, False, False])
    spans = [Entity(label, s, e) for label in "ab" for s in range(2) for e in range(s + 1, 4) if s <= 1 < e]
    scores = sum(entity_scores(logits, begins, [span], tags)[0] for span in spans)
    outside = by_hand_outside(logits, begins, tags, 1)
    assert scores + outside == pytest.approx(1.0)


def by_hand_outside(logits, begins, tags, token):
    weights, total, outside = np.exp(logits.astype(float)), 0.0, 0.0
    for path in product(range(len(tags.tags)), repeat=len(begins)):
        if not n_illegal(tags, path):
            weight = np.prod([weights[i, tag] for i, tag in enumerate(path)])
            total += weight
            outside += weight * (tags.tags[path[token]] == "O")
    return outside / total


def test_entities_of_several_sequences_do_not_depend_on_each_other():
    tags, rng = TAG_SETS["IOB2"], np.random.default_rng(5)
    first, second = rng.normal(size=(3, 5)).astype("f"), rng.normal(size=(4, 5)).astype("f")
    alone = [
        entity_scores(first, np.arange(3) == 0, [Entity("a", 0, 2)], tags)[0],
        entity_scores(second, np.arange(4) == 0, [Entity("b", 1, 4)], tags)[0],
    ]
    together = entity_scores(
        np.concatenate([first, second]), np.isin(np.arange(7), [0, 3]), [Entity("a", 0, 2), Entity("b", 4, 7)], tags
    )
    assert together.tolist() == pytest.approx(alone, abs=1e-12)


@pytest.mark.parametrize("name", TAG_SETS)
def test_entities_of_many_sequences_do_not_depend_on_each_other(name):
    # With this many tokens, sums are computed in blocks, which can start and end anywhere in a sequence.
    tags, rng = TAG_SETS[name], np.random.default_rng(11)
    lengths = rng.integers(1, 12, size=50)
    ends = np.cumsum(lengths)
    logits = rng.normal(0, 2, size=(ends[-1], len(tags.tags))).astype("f")
    begins = np.isin(np.arange(ends[-1]), ends - lengths)
    entities = tags.entities(logits.argmax(axis=1), begins)
    alone = [
        entity_scores(logits[s:e], begins[s:e], [Entity(entity.label, entity.start - s, entity.end - s)], tags)[0]
        for entity in entities
        for s, e in zip(ends - lengths, ends, strict=True)
        if s <= entity.start < e
    ]
    assert entity_scores(logits, begins, entities, tags).tolist() == pytest.approx(alone, abs=1e-12)


def test_certain_logits_of_any_size_give_scores_from_0_to_1():
    tags = TAG_SETS["IOB2"]
    logits = np.array([[0, 1e4, 0, 0, 0], [0, 0, 1e4, 0, 0], [1e4, 0, 0, 0, 0]], dtype="f")
    begins = np.array([True, False, False])
    right, wrong = entity_scores(logits, begins, [Entity("a", 0, 2), Entity("a", 1, 2)], tags)
    assert right == pytest.approx(1.0)
    assert 0 <= wrong < 1e-30


def test_rounding_lifts_no_score_above_1():
    tags, rng = TAG_SETS["IOB2"], np.random.default_rng(0)
    for _ in range(400):
        logits = rng.normal(0, 3, size=(4, 5)).astype("f")
        logits[range(4), [0, 1, 2, 0]] += 40  # O B-a I-a O is almost certain
        assert entity_scores(logits, np.arange(4) == 0, [Entity("a", 1, 3)], tags)[0] <= 1


def test_no_entities_no_scores():
    assert entity_scores(np.zeros((3, 5), "f"), np.array([True, False, False]), [], TAG_SETS["IOB2"]).shape == (0,)


def test_the_temperature_undoes_what_made_logits_too_sharp():
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.05, 0.95, size=4000)
    correct = rng.random(4000) < honest
    logit = np.log(honest / (1 - honest))
    temperature = fit_temperature(lambda t: 1 / (1 + np.exp(-3.0 * logit / t)), correct)
    assert temperature == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize(("sharpness", "expected"), [(12, 12), (1 / 12, 1 / 12), (500, 20), (0.002, 1 / 20)])
def test_the_temperature_is_between_a_twentieth_and_20(sharpness, expected):
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.05, 0.95, size=4000)
    correct = rng.random(4000) < honest
    logit = sharpness * np.log(honest / (1 - honest))
    with np.errstate(over="ignore"):
        temperature = fit_temperature(lambda t: 1 / (1 + np.exp(-logit / t)), correct)
    assert temperature == pytest.approx(expected, rel=0.1)


def test_scores_of_0_and_1_have_a_temperature_too():
    # At low temperatures, scores round to 0 or 1 in floating point, and one of these predictions is incorrect.
    logit, correct = np.array([40.0, 40.0, 40.0, -40.0]), np.array([True, True, False, True])
    with np.errstate(over="ignore"):
        temperature = fit_temperature(lambda t: 1 / (1 + np.exp(-logit / t)), correct)
    assert temperature == pytest.approx(20, rel=0.01)


def test_where_no_temperature_makes_a_difference_the_way_is_to_less_certainty():
    correct = np.array([True, True, False])
    assert fit_temperature(lambda t: np.ones(3), correct) == pytest.approx(20, rel=0.01)
