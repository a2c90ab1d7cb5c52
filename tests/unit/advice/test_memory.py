"""Test the estimate of the memory for a training, and what is found about the machine."""

import os

import pytest
import torch

from spacy_bert_ner.advice import memory
from spacy_bert_ner.advice.facts import EncoderFacts
from spacy_bert_ner.advice.memory import TrainingMemory, installed_memory, training_memory

MINILM = EncoderFacts("MiniLM", 6, 384, True, 512, (), 12, (11_917_440, *[1_774_464] * 6, 1_155), True)


def test_the_estimate_is_the_sum_of_weights_and_activations():
    encoder = EncoderFacts("tiny", 2, 10, True, 64, (), 2, (100, 20, 30, 5), True)
    # A layer takes 112 × 10 + 12 × 2 × 5 = 1,240 bytes for a subword, or 70 × 10 if it is recomputed.
    assert training_memory(encoder, 0, 5) == TrainingMemory(4 * 155 + 12 * 155, 2 * 1_240, 2 * 700)
    assert training_memory(encoder, 1, 5) == TrainingMemory(4 * 155 + 12 * 35, 1_240, 700)


def test_an_unknown_encoder_is_taken_for_bert_base():
    encoder = EncoderFacts("unknown", 0, 0, True, 64, (), 0, (100, 5), True)
    assert training_memory(encoder, 0, 128).per_subword == 12 * (112 * 768 + 12 * 12 * 128)


@pytest.mark.parametrize(
    ("n_subwords", "window", "n_frozen", "recomputes", "measured"),
    [
        (16 * 128, 128, 1, False, 848),
        (64 * 128, 128, 1, False, 2_663),
        (256 * 32, 32, 1, False, 2_087),
        (16 * 512, 512, 1, False, 4_751),
        (64 * 128, 128, 0, False, 3_326),
        (64 * 128, 128, 1, True, 1_257),
        (16 * 512, 512, 1, True, 1_177),
    ],
)
def test_the_estimate_is_within_8_percent_of_what_was_measured_for_minilm(
    n_subwords, window, n_frozen, recomputes, measured
):
    estimate = training_memory(MINILM, n_frozen, window).needed(n_subwords, recomputes=recomputes) / 2**20
    assert estimate == pytest.approx(measured, rel=0.08)


def test_the_memory_of_the_machine_is_found():
    assert installed_memory(gpu=False) > 10**8


def test_the_limit_of_a_container_is_smaller(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text("123456\n")
    monkeypatch.setattr(memory, "_CONTAINER_LIMIT", limit)
    assert installed_memory(gpu=False) == 123_456
    limit.write_text("max\n")
    assert installed_memory(gpu=False) > 10**8


def test_nothing_fails_where_the_memory_cannot_be_found(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_CONTAINER_LIMIT", tmp_path / "none")
    monkeypatch.delattr(os, "sysconf")
    assert installed_memory(gpu=False) is None


def test_the_memory_of_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert installed_memory(gpu=True) is None
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1, 8 * 10**9))
    assert installed_memory(gpu=True) == 8 * 10**9

    def fail(device):
        raise RuntimeError("driver")

    monkeypatch.setattr(torch.cuda, "mem_get_info", fail)
    assert installed_memory(gpu=True) is None
