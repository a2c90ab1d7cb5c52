from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_bert_ner.tokenization.window_cuts import (
    Window,
    sentence_starts,
    split_windows,
    stitch_indices,
    windows_from_spans,
)


def test_a_short_doc_is_one_window():
    assert split_windows(5, np.arange(5), size=6, overlap=2) == [Window(0, 5, 0, 5)]


def test_the_drawn_case():
    assert split_windows(10, np.arange(10), size=6, overlap=2) == [Window(0, 6, 0, 5), Window(4, 10, 5, 10)]


def test_in_an_odd_overlap_the_subword_in_the_middle_is_kept_from_the_first_window():
    assert split_windows(9, np.arange(9), size=6, overlap=3) == [Window(0, 6, 0, 5), Window(3, 9, 5, 9)]


def test_cuts_fall_where_a_token_starts():
    # Tokens start at 0, 4, 8 and 12. The first window ends at 8 instead of 10, and the second starts at 4 instead of 6.
    assert split_windows(14, np.array([0, 4, 8, 12]), size=10, overlap=2) == [Window(0, 8, 0, 6), Window(4, 14, 6, 14)]


def test_a_token_longer_than_a_window_is_cut():
    windows = split_windows(12, np.array([0]), size=5, overlap=2)
    assert windows == [Window(0, 5, 0, 4), Window(3, 8, 4, 7), Window(6, 11, 7, 10), Window(9, 12, 10, 12)]


def test_a_token_longer_than_a_window_is_read_apart():
    # Tokens start at 0, 2, 4 and 15. The third has 11 subwords.
    windows = split_windows(18, np.array([0, 2, 4, 15]), size=6, overlap=2)
    assert windows[0] == Window(0, 4, 0, 4)
    assert [(w.start, w.end) for w in windows[1:-1]] == [(4, 10), (8, 14), (12, 15)]
    assert windows[-1] == Window(15, 18, 15, 18)


def test_where_a_sentence_begins_a_window_ends_and_nothing_is_shared():
    assert split_windows(10, np.arange(10), 6, 2, np.array([0, 5])) == [Window(0, 5, 0, 5), Window(5, 10, 5, 10)]


def test_a_window_ends_with_its_last_sentence_if_that_is_in_its_second_half():
    # A cut at 3 would leave the first window half empty, so it overlaps the second window, which ends at 8.
    windows = split_windows(14, np.arange(14), 6, 2, np.array([0, 3, 7, 8, 14]))
    assert windows == [Window(0, 6, 0, 5), Window(4, 8, 5, 8), Window(8, 14, 8, 14)]


def test_a_sentence_may_begin_right_behind_a_window():
    assert split_windows(12, np.arange(12), 6, 2, np.array([0, 6])) == [Window(0, 6, 0, 6), Window(6, 12, 6, 12)]


@pytest.mark.parametrize(
    ("set_by_others", "expected"),
    [
        ({}, [0, 3]),
        ({"sent_starts": [True, False, True, False, False, False]}, [0, 2]),
        ({"sent_starts": [False] * 6}, []),
    ],
)
def test_sentences_are_those_that_are_set_or_else_guessed(set_by_others, expected):
    doc = Doc(Vocab(), words=["He", "plays", ".", "She", "lives", "there"], **set_by_others)
    assert sentence_starts(doc).tolist() == expected


@given(
    n=st.integers(1, 120),
    size=st.integers(2, 20),
    overlap=st.integers(0, 19),
    starts=st.sets(st.integers(1, 119)),
    sentences=st.sets(st.integers(1, 119), max_size=12),
)
def test_windows_cover_every_subword_once_and_share_the_overlap(n, size, overlap, starts, sentences):
    overlap = min(overlap, size - 1)
    token_starts = np.array(sorted({0} | {s for s in starts if s < n}))
    sentence_starts = np.array(sorted({0} | sentences & set(token_starts.tolist())))
    windows = split_windows(n, token_starts, size, overlap, sentence_starts)
    assert [i for w in windows for i in range(w.keep_start, w.keep_end)] == list(range(n))
    for w in windows:
        assert 0 < w.end - w.start <= size
        assert w.start <= w.keep_start <= w.keep_end <= w.end
    apart = {edge for token in pairwise([*token_starts, n]) if token[1] - token[0] > size for edge in token}
    apart |= sentences
    for before, after in pairwise(windows):
        assert before.start < after.start
        assert before.end - after.start >= overlap or before.end == after.start in apart


@pytest.mark.parametrize("n_before", [0, 1])
def test_merge_finds_the_kept_rows(n_before):
    windows = [Window(4, 8, 5, 8), Window(0, 2, 0, 2)]
    source, target = stitch_indices(windows, firsts=[100, 200], rows=[0, 6], n_before=n_before)
    assert source.tolist() == [1 + n_before, 2 + n_before, 3 + n_before, 6 + n_before, 7 + n_before]
    assert target.tolist() == [105, 106, 107, 200, 201]


def test_the_drawn_case_of_windows_that_are_given():
    windows = windows_from_spans(10, np.arange(10), 6, 2, [(3, 9), (0, 5)])
    assert windows == [Window(0, 5, 0, 4), Window(3, 9, 4, 9), Window(9, 10, 9, 10)]


def test_a_window_in_another_is_left_out_and_one_that_is_too_long_is_cut():
    windows = windows_from_spans(12, np.arange(12), 6, 2, [(0, 8), (1, 3), (2, 12)])
    assert windows == [Window(0, 6, 0, 5), Window(4, 8, 5, 7), Window(5, 11, 7, 10), Window(9, 12, 10, 12)]


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8),
    st.integers(3, 12),
    st.data(),
)
def test_whatever_is_given_each_subword_is_kept_once(n, pairs, size, data):
    starts = np.array(sorted({0, *data.draw(st.lists(st.integers(0, n - 1), max_size=n))}))
    edges = [*starts.tolist(), n]
    runs = {tuple(sorted((edges[a % len(edges)], edges[b % len(edges)]))) for a, b in pairs}
    windows = windows_from_spans(n, starts, size, size // 4, [run for run in runs if run[0] < run[1]])
    kept = [i for w in windows for i in range(w.keep_start, w.keep_end)]
    assert kept == list(range(n))
    assert all(w.start <= w.keep_start <= w.keep_end <= w.end <= w.start + size for w in windows)
