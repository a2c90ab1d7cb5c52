"""Test entity scores, their confidence intervals, and the comparison of two pipelines."""

import numpy as np
import pytest

from spacy_bert_ner.evaluation.bootstrap import compare, count_entities, prf, score, wilson_interval
from spacy_bert_ner.types import Entity

PER, GEO, ORG = Entity("per", 0, 2), Entity("geo", 3, 4), Entity("org", 5, 6)
GOLD = [[PER, GEO], [ORG], [], [PER]]
FOUND = [[PER, Entity("org", 3, 4)], [ORG], [GEO], []]


def test_entities_are_counted():
    counts = count_entities(GOLD, FOUND, ["art"])
    assert counts.labels == ("art", "geo", "org", "per")
    assert counts.right.tolist() == [[0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert counts.found.sum(axis=0).tolist() == [0, 1, 2, 1]
    assert counts.gold.sum(axis=0).tolist() == [0, 1, 1, 2]


def test_scores_of_a_small_corpus():
    scores = score(count_entities(GOLD, FOUND, ["art"]))
    micro = scores["micro"]
    assert [micro[key] for key in ("right", "found", "gold", "p", "r", "f")] == [2, 4, 4, 0.5, 0.5, 0.5]
    assert {label: row["f"] for label, row in scores["per_label"].items()} == {
        "art": None,
        "geo": 0.0,
        "org": pytest.approx(2 / 3),
        "per": pytest.approx(2 / 3),
    }
    assert scores["macro"]["f"] == pytest.approx(4 / 9)
    assert scores["macro"]["p"] == pytest.approx((0 + 1 / 2 + 1) / 3)
    assert scores["per_label"]["art"]["f_interval"] is None


def test_where_there_is_nothing_there_is_no_score():
    assert prf(0, 0, 0) == {"p": None, "r": None, "f": None}
    assert prf(0, 0, 3) == {"p": None, "r": 0.0, "f": 0.0}
    assert score(count_entities([], []))["micro"]["f"] is None
    assert score(count_entities([[]], [[]]))["macro"]["f_interval"] is None
    assert compare(count_entities([[]], [[]]), count_entities([[]], [[]])) == {
        "difference": None,
        "interval": None,
        "p_value": None,
    }


def test_the_interval_is_that_of_drawn_documents():
    """Test documents that are either completely right or completely wrong. The share of right documents is binomial."""
    gold = [[PER]] * 400
    found = [[PER]] * 300 + [[]] * 100
    low, high = score(count_entities(gold, found), n_samples=4000)["micro"]["r_interval"]
    deviation = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert low == pytest.approx(0.75 - deviation, abs=0.004)
    assert high == pytest.approx(0.75 + deviation, abs=0.004)


def test_where_nothing_is_wrong_the_interval_depends_on_the_number_of_entities():
    """Test Wilson intervals if all entities are right, since each bootstrap sample has a score of 1.

    For n of n right entities, Wilson's lower bound is n / (n + 1.96²).
    """
    five = score(count_entities([[PER]] * 5, [[PER]] * 5))
    assert five["micro"]["p_interval"] == [pytest.approx(5 / (5 + 1.96**2), abs=1e-4), 1.0]
    assert five["micro"]["r_interval"] == five["per_label"]["per"]["r_interval"] == five["micro"]["p_interval"]
    share = 5 / (5 + 1.96**2)
    assert five["micro"]["f_interval"] == [pytest.approx(2 * share / (1 + share), abs=1e-4), 1.0]
    assert five["micro"]["f_interval"][0] == pytest.approx(0.7225, abs=1e-4)
    assert five["macro"]["f_interval"] is None
    assert score(count_entities([[PER]] * 400, [[PER]] * 400))["micro"]["f_interval"][0] == pytest.approx(
        0.9952, abs=1e-4
    )


def test_where_nothing_is_right_the_interval_is_not_0_to_0():
    none = score(count_entities([[PER]] * 5, [[GEO]] * 5))["micro"]
    assert none["p_interval"] == none["r_interval"] == [0.0, pytest.approx(1.96**2 / (5 + 1.96**2), abs=1e-4)]
    share = 1.96**2 / (10 + 1.96**2)  # five gold entities and five incorrect predictions
    assert none["f_interval"] == [0.0, pytest.approx(2 * share / (1 + share), abs=1e-4)]
    # Without predicted entities, there is neither precision nor an interval for it.
    assert score(count_entities([[PER]] * 5, [[]] * 5))["micro"]["p_interval"] is None


def test_one_document_has_an_interval_over_its_entities():
    """Test 3 right entities out of 4. Wilson's formula gives (0.3006, 0.9544)."""
    entities = [Entity("per", i, i + 1) for i in range(5)]
    row = score(count_entities([entities[:4]], [entities[1:5]]))["micro"]
    assert (row["p"], row["r"]) == (0.75, 0.75)
    assert row["p_interval"] == row["r_interval"] == pytest.approx([0.3006, 0.9544], abs=1e-4)
    low, high = row["f_interval"]
    assert low < 0.75 < high
    assert wilson_interval(3, 5) == pytest.approx((0.2307, 0.8824), abs=1e-4)
    assert row["f_interval"] == pytest.approx([2 * 0.2307 / 1.2307, 2 * 0.8824 / 1.8824], abs=1e-4)


def test_the_same_seed_gives_the_same_interval():
    counts = count_entities(GOLD * 30, FOUND * 30)
    assert score(counts) == score(counts)
    assert score(counts, seed=1)["micro"]["f_interval"] != score(counts)["micro"]["f_interval"]


def test_two_pipelines():
    gold = [[PER], [GEO]] * 50
    half = [[PER], []] * 50
    better = compare(count_entities(gold, half), count_entities(gold, gold))
    assert better["difference"] == pytest.approx(1 - 2 / 3)
    assert better["p_value"] == pytest.approx(1 / 1001)
    low, high = better["interval"]
    assert 0.2 < low < 1 / 3 < high < 0.5
    same = compare(count_entities(gold, half), count_entities(gold, half))
    assert same == {"difference": 0.0, "interval": None, "p_value": 1.0}
    perfect = compare(count_entities(gold[:5], gold[:5]), count_entities(gold[:5], gold[:5]))
    assert (perfect["difference"], perfect["interval"]) == (0.0, None)


def test_what_chance_makes_is_no_difference():
    """Test pairs drawn from the same distribution. One in twenty has a p-value of at most 0.05."""
    rng = np.random.default_rng(0)
    gold = [[PER]] * 60
    p_values = []
    for _ in range(100):
        sides = [[[PER] if right else [] for right in rng.random(60) < 0.7] for _ in range(2)]
        p_values.append(
            compare(count_entities(gold, sides[0]), count_entities(gold, sides[1]), n_samples=200)["p_value"]
        )
    assert sum(p <= 0.05 for p in p_values) <= 10
    assert 0.3 < np.mean(p_values) < 0.7


def test_many_documents_are_drawn_in_parts(monkeypatch):
    counts = count_entities(GOLD * 30, FOUND * 30)
    whole = score(counts)
    monkeypatch.setattr("spacy_bert_ner.evaluation.bootstrap._AT_ONCE", 1000)
    assert score(counts) == whole
    assert compare(counts, counts)["p_value"] == 1.0
