from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner import batching
from spacy_bert_ner.batching import group


def test_windows_of_like_length_go_together(monkeypatch):
    monkeypatch.setattr(batching, "STEP_COST", 8)
    assert group([9, 30, 8, 31], 64) == [[3, 1], [0, 2]]


def test_the_budget_counts_padding(monkeypatch):
    monkeypatch.setattr(batching, "STEP_COST", 100)
    assert group([10, 9, 9], 20) == [[0, 1], [2]]
    assert group([10, 9, 9], 30) == [[0, 1, 2]]


def test_a_window_over_the_budget_goes_alone():
    assert group([50, 3], 10) == [[0], [1]]


def test_nothing_makes_no_batch():
    assert group([], 10) == []


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 300))
def test_every_window_is_in_one_batch_within_the_budget(lengths, budget):
    batches = group(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= budget
