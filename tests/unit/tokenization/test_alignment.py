from itertools import pairwise

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner.tokenization.alignment import align_tokens_to_subwords, first_subword_rows

NLP = spacy.blank("en")


def aligned(tokens, subwords, is_space=None, n_characters=None):
    tokens = np.array(tokens, dtype=int).reshape(-1, 2)
    subwords = np.array(subwords, dtype=int).reshape(-1, 2)
    is_space = np.zeros(len(tokens), dtype=int) if is_space is None else np.array(is_space)
    n_characters = max(tokens.max(initial=0), subwords.max(initial=0)) if n_characters is None else n_characters
    found = align_tokens_to_subwords(tokens, is_space, subwords, n_characters)
    return found.subwords.tolist(), found.lengths.tolist(), np.flatnonzero(found.is_joined).tolist()


def test_the_drawn_case():
    # I'm U.N.-led: the tokens are I, 'm and U.N.-led, and the subwords are I ' m U . N . - led.
    subwords = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7), (7, 8), (8, 9), (9, 12)]
    assert aligned([(0, 1), (1, 3), (4, 12)], subwords) == ([0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 6], [])


def test_a_token_inside_a_subword_is_joined_to_the_token_where_it_begins():
    # 10km: the tokens are 10 and km, and there is one subword.
    assert aligned([(0, 2), (2, 4)], [(0, 4)]) == ([0], [1, 0], [1])
    # 2017年: the tokens are 2, 0, 1, 7 and 年, and the subwords are 2017 and 年.
    tokens = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert aligned(tokens, [(0, 4), (4, 5)]) == ([0, 1], [1, 0, 0, 0, 1], [1, 2, 3])
    # a-bc: the tokens are a-b and c, and the subwords are a, - and bc.
    assert aligned([(0, 3), (3, 4)], [(0, 1), (1, 2), (2, 4)]) == ([0, 1, 2], [3, 0], [1])


def test_a_subword_across_a_token_boundary_belongs_to_the_token_in_which_it_begins():
    # don't: the tokens are do and n't, and the subwords are don, ' and t.
    assert aligned([(0, 2), (2, 5)], [(0, 3), (3, 4), (4, 5)]) == ([0, 1, 2], [1, 2], [])


def test_a_subword_that_begins_with_a_space_belongs_to_the_token_after_it():
    assert aligned([(0, 2), (3, 5)], [(0, 2), (2, 5)]) == ([0, 1], [1, 1], [])


def test_white_space_tokens_have_no_subword_even_where_the_tokenizer_makes_one():
    # The text is "a\n\nb".
    assert aligned([(0, 1), (1, 3), (3, 4)], [(0, 1), (1, 3), (3, 4)], is_space=[0, 1, 0]) == ([0, 2], [1, 0, 1], [])


def test_tokens_that_the_tokenizer_drops_have_no_subword():
    # A control character between two letters is covered by no subword.
    assert aligned([(0, 1), (1, 2), (2, 3)], [(0, 1), (2, 3)]) == ([0, 1], [1, 0, 1], [])


def test_several_subwords_of_one_character_stay_together():
    # An emoji that a byte-level tokenizer splits into three subwords
    assert aligned([(0, 1), (1, 2)], [(0, 1), (0, 1), (0, 1), (1, 2)]) == ([0, 1, 2, 3], [3, 1], [])


@pytest.mark.parametrize(("tokens", "subwords"), [([], []), ([(0, 1)], []), ([], [(0, 1)])])
def test_nothing_aligns_with_nothing(tokens, subwords):
    assert aligned(tokens, subwords) == ([], [0] * len(tokens), [])


def test_first_rows_pass_over_tokens_without_subwords():
    tokens, rows = first_subword_rows(np.array([1, 2, 0, 1]))
    assert tokens.tolist() == [0, 1, 3]
    assert rows.tolist() == [0, 1, 3]


@given(st.text(alphabet="ab .'\n-", max_size=20), st.data())
def test_every_visible_character_finds_its_token(text, data):
    doc = NLP.tokenizer(text)
    marks = sorted(set(data.draw(st.lists(st.integers(0, len(text)), max_size=8))) | {0, len(text)})
    subwords = [(a, b) for a, b in pairwise(marks) if text[a:b].strip()]
    tokens = [(t.idx, t.idx + len(t)) for t in doc]
    index, lengths, joined = aligned(tokens, subwords, [int(t.is_space) for t in doc], len(text))
    assert len(set(index)) == len(index)
    rows = np.split(np.array(index, dtype=int), np.cumsum(lengths)[:-1]) if len(doc) else []
    for token, own in zip(doc, rows, strict=True):
        if token.is_space:
            assert not len(own)
            continue
        # Here, subwords cover the whole text, so each token has a subword or is joined, and each subword overlaps its
        # token.
        assert bool(len(own)) != (token.i in joined)
        if token.i in joined:
            (covering,) = (i for i, (a, b) in enumerate(subwords) if a < token.idx < b)
            assert covering == rows[max(i for i in range(token.i) if len(rows[i]))][-1]
        for a, b in (subwords[i] for i in own):
            assert a < token.idx + len(token)
            assert b > token.idx
    for i, (a, b) in enumerate(subwords):
        first_visible = a + len(text[a:b]) - len(text[a:b].lstrip())
        owner = next(t.i for t in doc if t.idx <= first_visible < t.idx + len(t))
        assert i in rows[owner]
