"""Test calibration and threshold curves for entity scores."""

import pytest

from spacy_bert_ner.evaluation.calibration_curves import Scored, confidence

FOUND = [
    Scored("per", 0.95, True),
    Scored("per", 0.9, True),
    Scored("geo", 0.9, False),
    Scored("per", 0.85, True),
    Scored("geo", 0.3, False),
]
GOLD = {"per": 4, "geo": 1}


def test_bins_and_the_error_of_calibration():
    told = confidence(FOUND, GOLD, 0.9)["all"]
    assert told["n"] == 5
    assert told["bins"] == [
        {"low": 0.3, "high": 0.4, "n": 1, "score": 0.3, "right": 0.0},
        {"low": 0.8, "high": 0.9, "n": 1, "score": 0.85, "right": 1.0},
        {"low": 0.9, "high": 1.0, "n": 3, "score": pytest.approx(2.75 / 3), "right": pytest.approx(2 / 3)},
    ]
    assert told["ece"] == pytest.approx((0.3 + 0.15 + 0.75) / 5)


def test_a_curve_goes_from_the_highest_score_to_the_lowest_and_same_scores_go_together():
    told = confidence(FOUND, GOLD, 0.9)["all"]
    assert told["curve"] == [
        {"threshold": 0.95, "p": 1.0, "r": 0.2},
        {"threshold": 0.9, "p": pytest.approx(2 / 3), "r": 0.4},
        {"threshold": 0.85, "p": 0.75, "r": pytest.approx(0.6)},
        {"threshold": 0.3, "p": pytest.approx(0.6), "r": pytest.approx(0.6)},
    ]


@pytest.mark.parametrize(
    ("wanted", "threshold"), [(0.9, 0.95), (0.75, 0.85), (0.7, 0.85), (0.6, 0.0), (0.0, 0.0), (1.0, 0.95)]
)
def test_the_least_threshold_with_the_wanted_precision(wanted, threshold):
    assert confidence(FOUND, GOLD, wanted)["all"]["threshold"]["threshold"] == threshold


def test_labels_have_thresholds_of_their_own():
    told = confidence(FOUND, GOLD, 0.9)["per_label"]
    assert list(told) == ["geo", "per"]
    assert told["geo"]["threshold"] is None
    assert told["per"]["threshold"] == {"threshold": 0.0, "p": 1.0, "r": 0.75}


def test_a_threshold_lets_its_own_entity_pass():
    """Test that rounding a threshold to six digits does not exclude the entity that determines it."""
    score = 0.87654321
    told = confidence([Scored("per", score, True), Scored("per", 0.5, False)], {"per": 1}, 0.9)["all"]
    assert told["threshold"]["threshold"] == 0.876543 < score


def test_without_scores_nothing_is_told():
    assert confidence([], GOLD, 0.9) is None


def test_labels_that_the_data_lack_have_no_recall():
    told = confidence([Scored("art", 0.5, False)], {}, 0.9)["per_label"]["art"]
    assert told["curve"] == [{"threshold": 0.5, "p": 0.0, "r": None}]
    assert told["threshold"] is None


def test_long_curves_are_thinned_and_keep_both_ends():
    entities = [Scored("per", i / 10_000, i % 3 > 0) for i in range(1, 10_000)]
    curve = confidence(entities, {"per": 9000}, 0.9)["all"]["curve"]
    assert len(curve) == 200
    assert (curve[0]["threshold"], curve[-1]["threshold"]) == (0.9999, 0.0001)


def test_scores_that_a_config_cannot_tell_apart_go_together():
    entities = [Scored("per", 0.9999998, True), Scored("per", 0.9999991, False)]
    told = confidence(entities, {"per": 1}, 0.9)["all"]
    assert told["curve"] == [{"threshold": 0.999999, "p": 0.5, "r": 1.0}]
    assert told["threshold"] is None
