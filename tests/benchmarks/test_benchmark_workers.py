"""Test the training and the calculations in the benchmark for training workers."""

import argparse
import json

import pytest
from benchmark_scripts import load
from training_runs import write_corpus

pytestmark = pytest.mark.benchmark

workers = load("workers")


def test_steps_of_two_processes(tmp_path, encoder_512, capsys):
    write_corpus(tmp_path / "train.spacy", 40)
    output = tmp_path / "workers.json"
    given = {"corpus": tmp_path / "train.spacy", "encoder": encoder_512, "steps": 2, "batches": [8], "rounds": 1}
    given |= {"gpus": False, "output": output}
    workers.measure(argparse.Namespace(**given), {"2 processes, 1 thread": (2, 1)}, {"all trained": (0, "fp32")})
    ((name, [found]),) = json.loads(output.read_text())["rounds"].items()
    assert name == "all trained; 8; 2 processes, 1 thread"
    assert 0 < found["telling"] < 1
    assert found["subwords"] > found["words"] > 0
    assert "1.00 (1.00-1.00)" in capsys.readouterr().out


def test_gpus_that_are_not_there(monkeypatch):
    monkeypatch.setattr(workers.torch.cuda, "device_count", lambda: 0)
    with pytest.raises(SystemExit, match="there is no GPU"):
        workers.on_gpus()
    for n, expected in ((1, [1]), (6, [1, 2, 4]), (8, [1, 2, 4, 8])):
        monkeypatch.setattr(workers.torch.cuda, "device_count", lambda n=n: n)
        assert [number for number, _ in workers.on_gpus().values()] == expected


def test_subwords_of_words(nlp):
    """Test the mean number of subwords per word. `unlived` has six: `un`, `##l`, `##i`, `##v`, `##e` and `##d`."""
    checkpoint = nlp.get_pipe("bert_ner").model.shims[0].checkpoint
    docs = [nlp.make_doc("Kevin lives"), nlp.make_doc("unlived in")]
    assert workers.subwords_of(checkpoint, docs) == (2 + 6 + 1) / 4


def test_what_gpus_would_take(capsys):
    """Test the estimate for 100 MB of gradients and 4 sentences, whose computation takes 120 ms.

    The exchange takes 175 ms with 8 GPUs at 1 GB/s, and 393.75 ms with 64 GPUs at 0.5 GB/s.
    """
    workers.cluster(argparse.Namespace(parameters=25e6, subwords=1000, inside=1e9, between=0.5e9))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["8", "32", "120.0", "175.0", "59%", "108", "3.3"] in rows
    assert ["64", "256", "120.0", "393.8", "77%", "498", "14.9"] in rows
