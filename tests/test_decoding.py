from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner.decoding import best_legal_path, decode
from spacy_bert_ner.tags import repair

TAGS = ("O", "B-per", "I-per")


def logits(*best):
    return np.eye(3, dtype="f")[list(best)]


def test_the_first_subword_of_a_token_decides():
    # tokens of 1, 2 and 1 subwords; the second subword of the middle token would begin an entity of its own
    assert decode(logits(1, 2, 1, 0), np.array([1, 2, 1]), TAGS) == [("per", 0, 2)]


def test_an_entity_goes_on_across_tokens_without_subwords_but_does_not_end_there():
    assert decode(logits(1, 2), np.array([0, 1, 0, 1, 0]), TAGS) == [("per", 1, 4)]


def test_the_drawn_case():
    tags = ("O", "B-org", "I-org", "B-per", "I-per")
    scores = np.array([[9, 0, 0, 0, 0], [0, 5, 0, 0, 0], [0, 0, 2, 0, 3], [0, 0, 4, 0, 0]], dtype="f")
    assert [tags[i] for i in scores.argmax(axis=1)] == ["O", "B-org", "I-per", "I-org"]
    assert [tags[i] for i in best_legal_path(scores, tags)] == ["O", "B-org", "I-org", "I-org"]


def test_an_inside_tag_begins_an_entity_where_the_checkpoint_has_no_other():
    assert decode(logits(0, 1, 1), np.array([1, 1, 1]), ("O", "I-per", "B-geo")) == [("per", 1, 3)]


@pytest.mark.parametrize("tags", [("O", "B-a", "I-a", "B-b", "I-b"), ("I-a", "O", "B-b", "I-b", "B-a"), ("O", "I-a")])
@given(data=st.data())
def test_no_legal_sequence_scores_higher(tags, data):
    n = data.draw(st.integers(1, 4))
    row = st.lists(st.integers(-9, 9), min_size=len(tags), max_size=len(tags))
    scores = np.array(data.draw(st.lists(row, min_size=n, max_size=n)), dtype="f")

    def is_legal(path):
        return "B-a" not in tags or repair([tags[i] for i in path])[1] == 0

    def total(path):
        return sum(scores[i, tag] for i, tag in enumerate(path))

    best = best_legal_path(scores.copy(), tags)
    assert is_legal(best)
    assert total(best) == max(total(path) for path in product(range(len(tags)), repeat=n) if is_legal(path))


def test_a_doc_without_subwords_has_no_entity():
    assert decode(np.zeros((0, 3), dtype="f"), np.array([0, 0]), TAGS) == []
