from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner.tokenization import batching
from spacy_bert_ner.tokenization.batching import (
    batch_equal,
    batch_packed,
    batch_padded,
    bucket_size,
    read_ahead_batches,
)


def assert_each_is_in_one_batch(batches, lengths):
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))


def test_windows_of_like_length_go_together(monkeypatch):
    monkeypatch.setattr(batching, "BATCH_OVERHEAD_TOKENS", 8)
    assert batch_padded([9, 30, 8, 31], 64) == [[3, 1], [0, 2]]


def test_the_budget_counts_padding(monkeypatch):
    monkeypatch.setattr(batching, "BATCH_OVERHEAD_TOKENS", 100)
    assert batch_padded([10, 9, 9], 20) == [[0, 1], [2]]
    assert batch_padded([10, 9, 9], 30) == [[0, 1, 2]]


def test_a_window_over_the_budget_goes_alone():
    assert batch_padded([50, 3], 10) == [[0], [1]]


def test_nothing_makes_no_batch():
    assert batch_padded([], 10) == []


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 300))
def test_every_window_is_in_one_batch_within_the_budget(lengths, budget):
    batches = batch_padded(lengths, budget)
    assert_each_is_in_one_batch(batches, lengths)
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= budget


def test_without_padding_a_batch_is_as_full_as_it_can_be():
    assert batch_packed([9, 30, 8, 31], 64) == [[3, 1], [0, 2]]
    assert batch_packed([9, 30, 8, 31], 69) == [[3, 1], [0, 2]]
    assert batch_packed([9, 30, 8, 31], 70) == [[3, 1, 0], [2]]
    assert batch_packed([50, 3], 10) == [[0], [1]]
    assert batch_packed([], 10) == []


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 300))
def test_without_padding_every_window_is_in_one_batch(lengths, budget):
    batches = batch_packed(lengths, budget)
    assert_each_is_in_one_batch(batches, lengths)
    for batch in batches:
        assert len(batch) == 1 or sum(lengths[i] for i in batch) <= budget
        assert [lengths[i] for i in batch] == sorted((lengths[i] for i in batch), reverse=True)


def test_windows_of_one_length_go_together():
    assert batch_equal([9, 30, 9, 31, 9], 18) == [[3], [1], [0, 2], [4]]
    assert batch_equal([9, 30, 9, 31, 9], 27) == [[3], [1], [0, 2, 4]]
    assert batch_equal([50, 3], 10) == [[0], [1]]
    assert batch_equal([], 10) == []


@given(st.lists(st.integers(1, 20), max_size=40), st.integers(1, 100))
def test_every_window_is_in_one_batch_of_its_length_within_the_budget(lengths, budget):
    batches = batch_equal(lengths, budget)
    assert_each_is_in_one_batch(batches, lengths)
    for batch in batches:
        assert len({lengths[i] for i in batch}) == 1
        assert len(batch) == 1 or sum(lengths[i] for i in batch) <= budget


def test_numbers_of_rows_are_few():
    expected = {1: 8, 8: 8, 9: 16, 64: 64, 65: 80, 100: 112, 128: 128, 129: 160, 257: 320, 1000: 1024, 1921: 2048}
    assert {n: bucket_size(n, 4096) for n in expected} == expected
    assert len({bucket_size(n, 2048) for n in range(1, 2049)}) == 28
    assert max((bucket_size(n, 2048) - n) / n for n in range(65, 2049)) < 1 / 4


def test_numbers_of_rows_are_not_rounded_beyond_the_budget():
    assert [bucket_size(n, 1000) for n in (896, 897, 1000, 1001)] == [896, 1000, 1000, 1001]


def runs(n, size, n_items=1000):
    return [len(run) for run in read_ahead_batches(["x" * size] * n, n_items, 10)]


def test_the_first_run_is_small_and_the_next_ones_grow(monkeypatch):
    monkeypatch.setattr(batching, "LOOK_AHEAD", 16)
    assert runs(132, 4) == [2, 10, 40, 40, 40]


def test_no_run_has_more_items_than_asked_for():
    assert runs(9, 4, n_items=3) == [2, 3, 3, 1]
    assert runs(3, 4, n_items=1) == [1, 1, 1]


def test_an_item_larger_than_a_run_goes_alone():
    items = ["x" * n for n in (3, 500, 3, 4)]
    assert list(read_ahead_batches(items, 1000, 10)) == [items[:1], items[1:2], items[2:]]


def test_items_without_length_end_a_run_by_their_number():
    assert runs(5, 0, n_items=2) == [2, 2, 1]
    assert runs(0, 4) == []


def test_no_more_is_read_from_the_stream_than_one_item_behind_the_run():
    read = []

    def stream():
        for i in range(100):
            read.append(i)
            yield "x" * 4

    assert len(next(read_ahead_batches(stream(), 1000, 10))) == 2
    assert read == [0, 1, 2]


@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 9), st.integers(1, 30))
def test_runs_hold_the_stream_in_order(lengths, n_items, max_batch_tokens):
    items = ["x" * n for n in lengths]
    found = list(read_ahead_batches(iter(items), n_items, max_batch_tokens))
    assert [item for run in found for item in run] == items
    for run in found:
        assert 0 < len(run) <= n_items
        assert len(run) == 1 or sum(map(len, run)) <= batching.LOOK_AHEAD * max_batch_tokens
