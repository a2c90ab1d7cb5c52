import pytest
from benchmark_scripts import load

pytestmark = pytest.mark.benchmark

import_time = load("import_time")


def test_a_statement_is_timed_without_what_comes_before_it() -> None:
    assert 100 <= import_time.spent("import time; time.sleep(0.5)", "time.sleep(0.1)") < 500


def test_statements_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(import_time, "spent", lambda before, statement: calls.append(statement) or float(len(calls)))
    rows = import_time.measure(2)
    assert [row["milliseconds"] for row in rows] == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    assert calls[:2] == ["import spacy", "import spacy_bert_ner"]
