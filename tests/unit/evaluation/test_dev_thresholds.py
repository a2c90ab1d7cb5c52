"""Test the counts by threshold, from which the report computes precision and recall."""

from spacy_bert_ner.evaluation.calibration_curves import Scored
from spacy_bert_ner.evaluation.dev_thresholds import dev_thresholds


def test_each_threshold_counts_predicted_and_correct_entities():
    entities = [Scored("per", 0.9, True), Scored("per", 0.5, False), Scored("per", 0.5, True), Scored("geo", 0.0, True)]
    assert dev_thresholds(entities, {"per": 4, "org": 1}) == {
        "geo": {"gold": 0, "points": [[0.0, 1, 1]]},
        "per": {"gold": 4, "points": [[0.0, 3, 2], [0.5, 3, 2], [0.9, 1, 1]]},
    }


def test_many_scores_give_few_thresholds():
    entities = [Scored("per", i / 1000, True) for i in range(1, 1000)]
    points = dev_thresholds(entities, {"per": 999})["per"]["points"]
    assert len(points) == 101
    assert (points[0], points[1], points[-1]) == ([0.0, 999, 999], [0.001, 999, 999], [0.999, 1, 1])
