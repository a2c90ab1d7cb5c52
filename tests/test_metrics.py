from spacy_bert_ner.evaluation.metrics import iob_accuracy


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
