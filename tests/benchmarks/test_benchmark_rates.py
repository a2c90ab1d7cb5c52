"""Test `benchmarks/rates.py`: the order of the runs, the table, and a run with a small encoder on little data."""

import argparse
import json
from pathlib import Path

import pytest
import spacy
from benchmark_scripts import load
from spacy.tokens import DocBin
from spacy.training import Example
from support import TRAIN_DATA, save_encoder

pytestmark = pytest.mark.benchmark

rates = load("rates")
CELL = {"encoder": "tiny", "corpus": "choices", "rate": "0.0001", "way": "1/1/0.85", "steps": 500, "n_test": 2000}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a work folder with converted corpora of a few sentences."""
    folder = tmp_path / "corpora" / "choices"
    folder.mkdir(parents=True)
    nlp = spacy.blank("en")
    docs = [Example.from_dict(nlp.make_doc(text), {"entities": entities}).reference for text, entities in TRAIN_DATA]
    for part in ("train", "dev", "test", "far"):
        DocBin(docs=docs).to_disk(folder / f"{part}.spacy")
    (folder / "converted").touch()
    return tmp_path


def options(work: Path, *arguments: str) -> argparse.Namespace:
    return rates.make_parser().parse_args(["--work", str(work), "--corpora", "choices", *arguments])


def made_up_run(seed: int, test: float, **changed: object) -> dict[str, object]:
    scores = {"seconds": 60.0, "dev_best": 0.75, "dev_last": 0.5, "test": test}
    return {**CELL, **scores, "seed": seed, **changed}


def test_seeds_change_last(work: Path) -> None:
    selected = options(work, "--rates", "5e-5", "0.0001", "--ways", "0/0/1", "1/1/.85", "--seeds", "0", "1")
    found = [(cell.seed, cell.way, cell.rate) for cell, _ in rates.cells(selected)]
    assert found == [
        (seed, way, rate) for seed in (0, 1) for way in ("0/0/1.0", "1/1/0.85") for rate in ("0.00005", "0.0001")
    ]


@pytest.mark.parametrize("way", ["1/1", "1/auto/0.85", "-1/0/1"])
def test_treatments_have_three_numbers(way: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"Allowed: FROZEN/NEW/DECAY, such as 1/1/0.85\.$"):
        rates.way_of(way)


def test_rows_are_means_over_seeds_and_tell_the_distance_to_the_best() -> None:
    runs = [
        made_up_run(0, 0.6),
        made_up_run(1, 0.64),
        made_up_run(0, 0.65, rate="0.0002"),
        made_up_run(0, 0.9, steps=100),
    ]
    found = [(row["steps"], row["rate"], row["seeds"], row["test"], row["below_best"]) for row in rates.summarize(runs)]
    assert found == [
        (100, "0.0001", [0], 0.9, 0.0),
        (500, "0.0002", [0], 0.65, 0.0),
        (500, "0.0001", [0, 1], pytest.approx(0.62), pytest.approx(3.0)),
    ]


def test_it_resumes_from_saved_runs(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_encoder(work / "tiny")
    selected = ("--encoders", str(work / "tiny"), "--rates", "0.001", "--seeds", "0", "--limit-test", "3")
    done = {**made_up_run(0, 0.6), "rate": "0.001", "way": "0/0/1.0", "steps": 2, "n_test": 3}
    (work / "runs.jsonl").write_text(json.dumps(done) + "\n")
    output = work / "rates.json"
    scale = str(2 * 16 / 10 / len(TRAIN_DATA))
    ways = ("--ways", "0/0/1.0", "1/1/0.85", "--scale", scale, "--output", str(output))
    rates.main(options(work, *selected, *ways))
    rows = json.loads(output.read_text())["rows"]
    assert sorted((row["way"], row["steps"], row["n_test"]) for row in rows) == [("0/0/1.0", 2, 3), ("1/1/0.85", 2, 3)]
    assert [row["test"] for row in rows if row["way"] == "0/0/1.0"] == [0.6]
    assert "frozen/new/decay" in capsys.readouterr().out
    assert len((work / "runs.jsonl").read_text().splitlines()) == 2


def test_a_missing_encoder_is_an_error(work: Path) -> None:
    with pytest.raises(SystemExit, match="there is no encoder at .*nowhere"):
        rates.main(options(work, "--encoders", str(work / "nowhere")))
