"""Test what is chosen for data and encoders of each size, with the expected values written out."""

import pytest

from spacy_bert_ner.advice.choices import Batch, Layers, Steps, Window, batch, layers, length, marks_case, reader
from spacy_bert_ner.advice.choices import steps as steps_for
from spacy_bert_ner.advice.choices import window as window_for
from spacy_bert_ner.advice.memory import TrainingMemory

MEMORY = TrainingMemory(fixed=1_000, per_subword=10, per_recomputed_subword=1)


@pytest.mark.parametrize(
    ("n_layers", "width", "expected"),
    [
        (6, 384, Layers(0.00025, 0.85, 1, "auto", True)),
        (12, 384, Layers(0.0002, 1.0, 0, 0, False)),
        (12, 256, Layers(0.0002, 1.0, 0, 0, False)),
        (6, 768, Layers(0.00005, 1.0, 0, 0, False)),
        (12, 768, Layers(0.00005, 0.85, 1, "auto", False)),
        (24, 1024, Layers(0.00002, 1.0, 0, 0, False)),
        (2, 128, Layers(0.001, 1.0, 0, 0, False)),
        (0, 0, Layers(0.00005, 1.0, 0, 0, False)),
    ],
)
def test_layers_are_frozen_and_reset_only_where_it_was_measured(n_layers, width, expected):
    assert layers(n_layers, width) == expected


@pytest.mark.parametrize(
    ("n_texts", "n_subwords", "expected"),
    [
        (1, 50, (8, 1)),
        (159, 128, (8, 1)),
        (160, 128, (16, 1)),
        (800, 256, (16, 1)),
        (800, 257, (16, 2)),
        (800, 512, (16, 2)),
        (800, 2000, (16, 8)),
        (800, 100_000, (16, 16)),
        (20, 100_000, (8, 8)),
    ],
)
def test_batches_are_smaller_for_little_data_and_spread_for_long_texts(n_texts, n_subwords, expected):
    chosen = batch(n_texts, n_subwords, MEMORY, None)
    assert (chosen.size, chosen.n_passes) == expected
    assert not chosen.recomputes


@pytest.mark.parametrize(
    ("n_subwords", "installed", "expected"),
    [
        (100, 34_000, Batch(16, 1, False, 17_000, 34_000)),  # 1,000 + 16 × 100 × 10, which is half of the memory
        (100, 33_999, Batch(16, 2, False, 9_000, 33_999)),
        (800, 34_000, Batch(16, 8, False, 17_000, 34_000)),
        (1_600, 34_000, Batch(16, 16, False, 17_000, 34_000)),
        (1_601, 34_000, Batch(16, 16, True, 1_000 + 1_601, 34_000)),  # not even one text fits
        (1_000_000, 10**9, Batch(16, 1, False, 160_001_000, 10**9)),  # memory is the only limit
    ],
)
def test_a_pass_takes_half_of_the_memory(n_subwords, installed, expected):
    assert batch(800, n_subwords, MEMORY, installed) == expected


def test_activations_are_not_recomputed_where_the_encoder_cannot():
    assert batch(800, 1_601, MEMORY, 34_000, can_recompute=False) == Batch(16, 16, False, 17_010, 34_000)


@pytest.mark.parametrize(
    ("n_texts", "size", "expected"),
    [
        (1, 8, Steps(200, 20, 100)),  # never fewer than 200 steps
        (100, 8, Steps(200, 20, 100)),
        (800, 16, Steps(500, 50, 250)),  # as in configs/bert_ner.cfg
        (1_000, 16, Steps(660, 60, 300)),  # ten epochs are 625
        (2_000, 16, Steps(880, 80, 400)),
        (10_000, 16, Steps(3_080, 280, 1_400)),
        (40_000, 16, Steps(11_330, 1_030, 5_150)),
        (1_000_000, 16, Steps(20_000, 2_000, 10_000)),
    ],
)
def test_steps_follow_the_amount_of_data(n_texts, size, expected):
    assert steps_for(n_texts, size) == expected


@pytest.mark.parametrize("n_texts", [1, 37, 160, 333, 799, 1_001, 5_000, 12_345, 77_777, 10**7])
def test_every_training_has_10_to_15_evaluations_and_4_to_12_epochs(n_texts):
    size = batch(n_texts, 50, MEMORY, None).size
    max_steps, eval_frequency, patience = steps_for(n_texts, size)
    assert max_steps % eval_frequency == 0
    assert 10 <= max_steps // eval_frequency <= 15
    assert patience == 5 * eval_frequency
    assert 200 <= max_steps <= 20_000
    if 200 < max_steps < 20_000:
        assert 3.9 <= max_steps * size / n_texts <= 12


@pytest.mark.parametrize(
    ("n_subwords", "max_window", "expected"),
    [
        (40, 512, Window(None, 32, "sentences")),
        (128, 512, Window(None, 32, "sentences")),
        (129, 512, Window(192, 32, "sentences")),
        (300, 512, Window(320, 32, "sentences")),
        (500, 510, Window(510, 32, "sentences")),
        (3_000, 512, Window(512, 128, "tokens")),
        (40, 64, Window(None, 16, "sentences")),
        (65, 64, Window(64, 16, "tokens")),
    ],
)
def test_99_of_100_texts_fit_into_the_window(n_subwords, max_window, expected):
    assert window_for(n_subwords, max_window) == expected


def test_marks_lengthen_texts_by_a_sixth():
    assert [length(n, mark_case=True) for n in (6, 7, 110, 600)] == [7, 9, 129, 700]
    assert length(110, mark_case=False) == 110


@pytest.mark.parametrize(
    ("lower_cases", "n_cased", "n_mixed", "expected"),
    [
        (True, 100, 97, True),
        (True, 100, 50, True),
        (True, 100, 49, False),
        (True, 0, 0, True),  # nothing is known
        (False, 100, 97, False),
    ],
)
def test_capitals_are_marked_where_case_carries_information(lower_cases, n_cased, n_mixed, expected):
    assert marks_case(lower_cases, n_cased, n_mixed) is expected


def test_the_reader_follows_the_format():
    assert reader("spacy", has_options=False) == "spacy.Corpus.v1"
    assert reader("spacy", has_options=True) == "spacy_bert_ner.Corpus.v1"
    assert reader("conll", has_options=False) == "spacy_bert_ner.Corpus.v1"
