import subprocess
from pathlib import Path

import pytest
from benchmark_scripts import load
from support import ROOT

from spacy_bert_ner.corpus.readers import registry as formats

recognise = load("recognise")


def test_each_file_has_a_format_or_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "a.conll": "Ada B-PER\nleft O\n",
        "b.json": '{"name": "x"}',
        "c/d.txt": "Some prose.\n",
        ".hidden/e.conll": "Ada B-PER\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = recognise.recognise_all(tmp_path, recognise.files(tmp_path))
    assert [(row.path, row.format) for row in found] == [
        ("a.conll", "conll"),
        ("b.json", "refused"),
        ("c/d.txt", "refused"),
    ]
    assert found[2].reason.startswith(", line 1: the format cannot be detected from 'Some prose.'")
    assert [row.path for row in recognise.recognise_all(tmp_path, recognise.files(tmp_path, [".json"]))] == ["b.json"]
    monkeypatch.setattr(formats, "recognise", lambda path: 1 / 0)
    (row,) = recognise.recognise_all(tmp_path, [tmp_path / "a.conll"])
    assert (row.format, row.reason) == ("failed", "ZeroDivisionError: division by zero")


def test_no_file_of_this_repository_but_its_data_is_taken_for_annotation() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    suffixes = {".json", ".yml", ".yaml", ".md", ".py", ".toml", ".cfg", ".ipynb"}
    paths = [ROOT / name for name in listed or [] if Path(name).suffix in suffixes]
    paths = paths or [path for path in recognise.files(ROOT / "spacy_bert_ner") if path.suffix in suffixes]
    found = recognise.recognise_all(ROOT, [path for path in paths if path.exists()])
    assert len(found) > 100
    assert {row.path for row in found if row.format != "refused"} == set()
