import pytest
from benchmark_scripts import load

pytestmark = pytest.mark.benchmark

labels = load("labels")


def test_each_number_of_labels_has_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "LABELS", (2, 100))
    rows = labels.measure(["IOB2"], 2)
    assert [(row["scheme"], row["labels"], len(row["decode"]), len(row["scores"])) for row in rows] == [
        ("IOB2", 2, 2, 2),
        ("IOB2", 100, 2, 2),
    ]
    assert all(milliseconds > 0 for row in rows for milliseconds in row["scores"])


def test_the_time_of_a_label_is_relative_to_that_with_100() -> None:
    rows = [
        {"scheme": "IOB2", "labels": 100, "rules": [1.0], "decode": [10.0], "scores": [90.0]},
        {"scheme": "IOB2", "labels": 200, "rules": [1.0], "decode": [30.0, 10.0, 50.0], "scores": [270.0]},
    ]
    assert labels.show(rows).splitlines()[-1].split() == [
        "IOB2",
        "200",
        "1",
        "(1-1)",
        "30",
        "(10-50)",
        "270",
        "(270-270)",
        "1.50",
    ]
