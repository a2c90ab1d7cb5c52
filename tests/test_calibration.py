import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin, Span
from typer.testing import CliRunner

from spacy_bert_ner.calibration import calibrate_pipeline
from spacy_bert_ner.cli import app
from spacy_bert_ner.errors import BertNerError

TEXTS = ["Kevin Durant lives in New York .", "Mr. O'Neill plays for the Nets .", "the United Nets in Brooklyn"]


@pytest.fixture
def pipeline(make_nlp, tagger, tmp_path):
    """A saved pipeline, and gold data in which every third of the entities that it finds is wrong."""
    nlp = make_nlp(name=tagger)
    docs = []
    n = 0
    for text in TEXTS * 4:
        doc = nlp(text)
        ents = []
        for ent in doc.ents:
            n += 1
            ents.append(ent if n % 3 else Span(doc, ent.start, ent.end, label="other"))
        doc.set_ents(ents)
        docs.append(doc)
    nlp.to_disk(tmp_path / "pipeline")
    DocBin(docs=docs).to_disk(tmp_path / "dev.spacy")
    return tmp_path / "pipeline", tmp_path / "dev.spacy"


def run(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


def test_the_command_writes_the_temperature_and_tells_the_error(pipeline):
    folder, data = pipeline
    weights = (folder / "bert_ner" / "model" / "model.safetensors").read_bytes()
    done = run(folder, data)
    assert done.exit_code == 0, done.output
    message = " ".join(done.output.split())
    assert "bert_ner: temperature" in message
    assert "expected calibration error over" in message
    cfg = json.loads((folder / "bert_ner" / "cfg").read_text())
    assert cfg["temperature"] != 1.0
    assert spacy.load(folder).get_pipe("bert_ner").cfg == cfg
    assert (folder / "bert_ner" / "model" / "model.safetensors").read_bytes() == weights


def test_the_report(pipeline):
    report = calibrate_pipeline(*pipeline)["bert_ner"]
    assert set(report) == {"temperature", "ece_before", "ece_after", "n_entities"}
    # Fitted once more, it stays where it is.
    again = calibrate_pipeline(*pipeline)["bert_ner"]
    assert again["temperature"] == pytest.approx(report["temperature"], rel=0.01)
    assert again["ece_before"] == pytest.approx(report["ece_after"], abs=0.01)


def test_earlier_components_count(make_nlp, tagger, tmp_path, pipeline):
    # Entities of an earlier component leave less to find.
    nlp = make_nlp(name=tagger)
    ruler = nlp.add_pipe("entity_ruler", first=True)
    ruler.add_patterns([{"label": "x", "pattern": word} for word in TEXTS[0].split()])
    nlp.to_disk(tmp_path / "with_ruler")
    with_ruler = calibrate_pipeline(tmp_path / "with_ruler", pipeline[1])["bert_ner"]["n_entities"]
    assert 0 < with_ruler < calibrate_pipeline(*pipeline)["bert_ner"]["n_entities"]


def test_what_is_not_there(tmp_path, pipeline):
    folder, data = pipeline
    for arguments in ((tmp_path / "nothing", data), (folder, tmp_path / "nothing.spacy")):
        done = run(*arguments)
        assert done.exit_code == 1
        assert "no such file" in " ".join(done.output.split())
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(BertNerError, match="has no component made by 'bert_ner', but these: none. Allowed: a pipeline"):
        calibrate_pipeline(tmp_path / "blank", data)


def test_nothing_is_written_if_nothing_is_fitted(pipeline, tmp_path):
    folder, _ = pipeline
    before = (folder / "bert_ner" / "cfg").read_bytes()
    empty = tmp_path / "empty.spacy"
    DocBin(docs=[spacy.blank("en")("Nobody")]).to_disk(empty)
    done = run(folder, empty)
    assert done.exit_code == 0
    assert "cannot be fitted" in " ".join(done.output.split())
    assert (folder / "bert_ner" / "cfg").read_bytes() == before
    assert [p.name for p in Path(folder / "bert_ner").iterdir() if p.name.startswith(".")] == []
