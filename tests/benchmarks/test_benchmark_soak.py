from pathlib import Path

import pytest
from benchmark_scripts import load

pytestmark = pytest.mark.benchmark

soak = load("soak")


def test_a_row_after_each_so_many_docs(tagger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "resident_mb", lambda: 7.0)
    checkpoint = soak.make_checkpoint(tagger, tmp_path)
    rows = list(soak.soak(checkpoint, ["Kevin Durant plays .", "New York", "Nobody came ."], 10, 4, None))
    assert [(row["docs"], row["mb"]) for row in rows] == [(4, 7.0), (8, 7.0)]
    assert 0 < rows[0]["entities"] < rows[1]["entities"]


def test_memory_of_this_process() -> None:
    """Test that the measured memory is larger than an empty interpreter's and smaller than the machine's."""
    assert 20 < soak.resident_mb() < 100_000
