import pytest

from spacy_bert_ner.evaluation.token_accuracy import calibration_error, iob_accuracy


def test_over_all_tokens_and_over_documents():
    gold = [["O", "B-per", "I-per", "O"], ["O"]]
    predicted = [["O", "B-per", "B-per", "B-per"], ["O"]]
    assert iob_accuracy(gold, predicted) == {"iob_acc": 3 / 5, "iob_doc_acc": (2 / 4 + 1) / 2}


def test_the_label_counts_not_the_prefix_alone():
    assert iob_accuracy([["B-per"]], [["B-geo"]]) == {"iob_acc": 0.0, "iob_doc_acc": 0.0}


def test_unknown_tokens_are_not_counted():
    assert iob_accuracy([["O", None], [None]], [["O", "B-per"], ["O"]]) == {"iob_acc": 1.0, "iob_doc_acc": 1.0}


def test_without_tokens_there_is_no_accuracy():
    assert iob_accuracy([], []) == {"iob_acc": None, "iob_doc_acc": None}


def test_scores_that_are_honest_have_no_calibration_error():
    assert calibration_error([0.75] * 4, [True, True, True, False]) == 0.0


def test_the_calibration_error_weighs_bins_by_what_they_hold():
    # Two of three entities with the score 0.95 are right: |0.95 - 2/3|. The entity with the score 0.45 is wrong: 0.45.
    scores, right = [0.95, 0.95, 0.95, 0.45], [True, True, False, False]
    assert calibration_error(scores, right) == pytest.approx((3 * (0.95 - 2 / 3) + 0.45) / 4)


def test_bins_that_are_too_sure_and_too_unsure_do_not_make_up_for_each_other():
    assert calibration_error([0.95, 0.05], [False, True]) == pytest.approx(0.95)


def test_a_score_of_one_is_in_the_last_bin():
    assert calibration_error([1.0, 0.95], [False, True]) == pytest.approx(abs(1.95 - 1) / 2)
