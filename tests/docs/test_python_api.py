"""Run the examples in docs/python.md on little data."""

import re

import pytest
import spacy
from support import ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.usefixtures("silent_on_small_dev")
@pytest.mark.filterwarnings("ignore:The temperature for .* was fitted on", "ignore:The data has labels that")
def test_the_examples_run_one_after_the_other(tagger, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assets").mkdir()
    (tmp_path / "training").mkdir()
    rows = (ROOT / "assets" / "sample_ner.csv").read_text(encoding="utf8").splitlines(keepends=True)
    (tmp_path / "assets" / "sample_ner.csv").write_text("".join(rows[:1001]), encoding="utf8")
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.to_disk(tmp_path / "training" / "model-best")
    assert len(BLOCKS) == 2
    printed = []
    for block in BLOCKS:
        exec(compile(block, "docs/python.md", "exec"), {})
        printed.append(capsys.readouterr().out)
    assert "corpus/train.spacy " in printed[0]
    assert "corpus/test.spacy " in printed[0]
    assert re.search(r"^(error|warning|info) ", printed[0], flags=re.MULTILINE)
    assert "'per': {" in printed[1]
    assert (tmp_path / "exported" / "hf" / "model.safetensors").exists()
    assert list((tmp_path / "training" / "annotated").glob("*.jsonl"))
