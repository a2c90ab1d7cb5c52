"""The benchmark of workers trains, and its calculation is that which it says."""

import argparse
import json

import pytest
from test_benchmark_train import load
from training_runs import write_corpus

pytestmark = [pytest.mark.once, pytest.mark.slow]

workers = load("workers")


def test_steps_of_two_processes(tmp_path, encoder_512, monkeypatch, capsys):
    write_corpus(tmp_path / "train.spacy", 40)
    monkeypatch.setattr(workers, "WAYS", {"2 processes, 1 thread": (2, 1)})
    monkeypatch.setattr(workers, "KINDS", {"all trained": 0})
    output = tmp_path / "workers.json"
    given = {"corpus": tmp_path / "train.spacy", "encoder": encoder_512, "steps": 2, "batches": [8], "rounds": 1}
    workers.measure(argparse.Namespace(**given, output=output))
    ((name, [found]),) = json.loads(output.read_text())["rounds"].items()
    assert name == "all trained; 8; 2 processes, 1 thread"
    assert 0 < found["telling"] < 1
    assert found["words"] > 0
    assert "1.00 (1.00-1.00)" in capsys.readouterr().out


def test_what_gpus_would_take(capsys):
    """100 MB of gradients: 8 GPUs at 1 GB/s tell 175 ms, 64 at 0.5 GB/s 393.75; 4 sentences take 120 ms."""
    workers.cluster(argparse.Namespace(parameters=25e6, subwords=1000, inside=1e9, between=0.5e9))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["8", "32", "120.0", "175.0", "59%", "108", "3.3"] in rows
    assert ["64", "256", "120.0", "393.8", "77%", "498", "14.9"] in rows
