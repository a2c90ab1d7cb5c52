import pytest
import spacy
from benchmark_scripts import load
from spacy.tokens import Doc, DocBin, Span

pytestmark = pytest.mark.benchmark

report = load("report")


def test_a_report_is_timed_and_weighed(tmp_path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "per", "pattern": "Kevin"}])
    nlp.to_disk(tmp_path / "pipeline")
    doc = Doc(nlp.vocab, words=["Kevin", "left"])
    doc.set_ents([Span(doc, 0, 1, label="per")])
    DocBin(docs=[doc] * 3).to_disk(tmp_path / "data.spacy")
    found = report.measure(tmp_path / "pipeline", tmp_path / "data.spacy", None, 2)
    assert (found["documents"], found["words"]) == (3, 6)
    assert len(found["predicting"]) == len(found["beyond"]) == 2
    # Plots take longer to compute.
    assert all(0 < a < b for a, b in zip(found["predicting"], found["beyond"], strict=True))
    assert 10_000 < found["page"] < found["all"]
