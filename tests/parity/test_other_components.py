"""Test spaCy features with `bert_ner`: commands, displaCy, and components that read scores."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from checkpoints import save_tagger
from spacy import displacy
from spacy.cli._util import app
from spacy.tokens import DocBin
from support import ROOT
from typer.testing import CliRunner

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("few_exceptions")]

TEXTS = ["Kevin Durant lives in New York .", "Mr. O'Neill plays for the Nets .", "the city of Brooklyn ."]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """Return a pipeline with random weights that predicts entities, and dev data. Its thresholds can be tuned."""
    folder = tmp_path_factory.mktemp("pipeline")
    checkpoint = save_tagger(folder / "checkpoint", "O", "B-per", "I-per", initializer_range=0.5)
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(checkpoint), "overlap": 8}, "thresholds": {"per": 0.0}})
    docs = list(nlp.pipe(TEXTS))
    assert sum(len(doc.ents) for doc in docs) >= 3
    nlp.to_disk(folder / "pipeline")
    DocBin(docs=docs).to_disk(folder / "dev.spacy")
    return folder / "pipeline", folder / "dev.spacy"


def run(*arguments):
    """Run a spaCy command and return its output."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_benchmark_accuracy(pipeline, tmp_path):
    run("benchmark", "accuracy", *pipeline, "--output", tmp_path / "scores.json")
    assert json.loads((tmp_path / "scores.json").read_text())["ents_f"] == 1.0


def test_benchmark_speed(pipeline):
    assert "words/s" in run("benchmark", "speed", *pipeline, "--batch-size", "8", "--batches", "30", "--warmup", "1")


def test_find_threshold(pipeline):
    """Test a pipeline that finds all gold entities, with scores below 1."""
    output = run("find-threshold", *pipeline, "bert_ner", "thresholds.per", "ents_f", "--n_trials", "3")
    found = {float(a): float(b) for a, b in (line.split() for line in output.splitlines() if line[:1].isdigit())}
    assert found[0.0] == 1.0
    assert found[1.0] == 0.0


def test_what_find_threshold_tries_is_not_learned(pipeline, tmp_path):
    nlp = spacy.load(pipeline[0])
    pipe = nlp.get_pipe("bert_ner")
    pipe.cfg["thresholds"]["per"] = 0.5
    assert "thresholds" not in pipe.cfg
    with pytest.raises(KeyError, match="no_such_key"):
        pipe.cfg["no_such_key"]


def test_find_function():
    output = run("find-function", "spacy_bert_ner.TokenClassifier.v1", "--registry", "architectures")
    assert "spacy_bert_ner" in output


def test_assemble(pipeline, tmp_path):
    """Test a config that loads the component from a folder."""
    folder, dev = pipeline
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    config = nlp.config.copy()
    config["nlp"]["pipeline"] = ["sentencizer", "bert_ner"]
    config["components"]["bert_ner"] = {"source": str(folder)}
    config.to_disk(tmp_path / "assemble.cfg")
    run("assemble", tmp_path / "assemble.cfg", tmp_path / "assembled")
    assembled, original = spacy.load(tmp_path / "assembled"), spacy.load(folder)
    gold = list(DocBin().from_disk(dev).get_docs(original.vocab))
    assert [doc.to_json()["ents"] for doc in assembled.pipe(TEXTS)] == [doc.to_json()["ents"] for doc in gold]


def test_debug_config(pipeline):
    paths = [f"--paths.{part}={pipeline[1]}" for part in ("train", "dev")]
    assert "Config is valid" in run("debug", "config", pipeline[0] / "config.cfg", "--show-variables", *paths)


def test_debug_model(pipeline):
    paths = [f"--paths.{part}={pipeline[1]}" for part in ("train", "dev")]
    output = run("debug", "model", pipeline[0] / "config.cfg", "bert_ner", "--attributes", *paths)
    assert "model looks good" in output


@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
# SpaCy leaves this file to be closed by the interpreter.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_debug_profile(pipeline, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the command writes a file to the working folder
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    assert "Profile stats" in run("debug", "profile", pipeline[0], tmp_path / "texts.jsonl", "--n-texts", "3")


def test_displacy(pipeline):
    doc = spacy.load(pipeline[0])(TEXTS[0])
    page = displacy.render(doc, style="ent")
    assert page.count("<mark ") == len(doc.ents)
    assert page.count(">per</span>") == len(doc.ents)
    spans = displacy.render(doc, style="span", options={"spans_key": "bert_ner"})
    assert spans.count("per\n") == len(doc.ents)


def test_span_rulers_before_and_after(pipeline):
    nlp = spacy.load(pipeline[0])
    before = nlp.add_pipe("span_ruler", before="bert_ner", name="before", config={"annotate_ents": True})
    before.add_patterns([{"label": "club", "pattern": "the Nets"}])
    after = nlp.add_pipe("span_ruler", name="after", config={"spans_key": "found"})
    after.add_patterns([{"label": "place", "pattern": "Brooklyn"}])
    first, second = nlp(TEXTS[1]), nlp(TEXTS[2])
    assert ("the Nets", "club") in [(ent.text, ent.label_) for ent in first.ents]
    assert [(span.text, span.label_) for span in second.spans["found"]] == [("Brooklyn", "place")]
    scored = [(span.text, span.label_) for span in first.spans["bert_ner"]]
    assert ("the Nets", "club") not in scored
    assert set(scored) <= {(ent.text, ent.label_) for ent in first.ents}


@pytest.mark.parametrize("place", [{"first": True}, {"last": True}])
def test_an_entity_ruler_before_and_after(pipeline, place):
    nlp = spacy.load(pipeline[0])
    ours = [(ent.start, ent.end, ent.label_) for ent in nlp(TEXTS[0]).ents]
    start, end, _ = ours[0]
    pattern = nlp(TEXTS[0])[start:end].text
    nlp.add_pipe("entity_ruler", **place).add_patterns([{"label": "club", "pattern": pattern}])
    found = [(ent.start, ent.end, ent.label_) for ent in nlp(TEXTS[0]).ents]
    # The first component takes precedence. The second does not overwrite tokens in existing entities.
    assert ((start, end, "club") in found) == ("first" in place)
    assert ((start, end, "per") in found) == ("last" in place)


def test_merged_entities_are_one_token(pipeline):
    nlp = spacy.load(pipeline[0])
    plain = [ent.text for ent in nlp(TEXTS[0]).ents]
    nlp.add_pipe("merge_entities")
    assert [token.text for token in nlp(TEXTS[0]) if token.ent_type_] == plain


def test_scores_for_recognisers_that_ask_for_them(pipeline):
    """Test the start, end, label and score of each entity, as required by frameworks that redact text."""
    doc = spacy.load(pipeline[0])(TEXTS[0])
    found = [(ent.start_char, ent.end_char, ent.label_, ent._.score) for ent in doc.ents]
    assert [row[:3] for row in found] == [(ent.start_char, ent.end_char, "per") for ent in doc.ents]
    assert [row[3] for row in found] == pytest.approx(list(doc.spans["bert_ner"].attrs["scores"]))
    assert all(0 < row[3] < 1 for row in found)


class NerModelConfiguration:
    """A stand-in for Presidio's class."""

    default_score = 0.85

    def __init__(self, model_to_presidio_entity_mapping):
        self.mapping = model_to_presidio_entity_mapping


class SpacyNlpEngine:
    """A stand-in for Presidio's class, which loads pipelines by name and renames labels after reading scores."""

    def __init__(self, models, configuration):
        self.nlp = {model["lang_code"]: spacy.load(model["model_name"]) for model in models}
        self.ner_model_configuration = configuration

    def _get_scores_for_entities(self, doc):
        return [self.ner_model_configuration.default_score] * len(doc.ents)

    def process_text(self, text, language):
        doc = self.nlp[language](text)
        entities, scores = doc.ents, self._get_scores_for_entities(doc)
        for ent in entities:
            ent.label_ = self.ner_model_configuration.mapping.get(ent.label_, ent.label_)
        return entities, scores


class AnalyzerEngine:
    """A stand-in for Presidio's class."""

    def __init__(self, nlp_engine):
        self.nlp_engine = nlp_engine

    def analyze(self, text, language):
        entities, scores = self.nlp_engine.process_text(text, language)
        return [(ent.label_, ent.start_char, ent.end_char, s) for ent, s in zip(entities, scores, strict=True)]


def test_the_example_for_presidio_gives_it_our_scores(pipeline, tmp_path, monkeypatch):
    """Test the example in `docs/component.md` with stand-ins for Presidio, which is not installed."""
    blocks = re.findall(r"^```py\n(.*?)^```", (ROOT / "docs/component.md").read_text(), flags=re.DOTALL | re.MULTILINE)
    (example,) = (block for block in blocks if "presidio" in block)
    classes = {cls.__name__: cls for cls in (AnalyzerEngine, NerModelConfiguration, SpacyNlpEngine)}
    monkeypatch.setitem(sys.modules, "presidio_analyzer", SimpleNamespace(**classes))
    monkeypatch.setitem(sys.modules, "presidio_analyzer.nlp_engine", SimpleNamespace(**classes))
    monkeypatch.chdir(tmp_path)
    nlp = spacy.load(pipeline[0])
    ruler = nlp.add_pipe("entity_ruler", before="bert_ner")
    ruler.add_patterns([{"label": "org", "pattern": "Brooklyn Nets"}])
    Path("training").mkdir()
    nlp.to_disk("training/model-best")
    found = {}
    exec(compile(example, "docs/component.md", "exec"), found)
    doc = nlp("Kevin Durant plays for the Brooklyn Nets.")
    names = {"per": "PERSON", "org": "ORGANIZATION"}
    expected = [(names[e.label_], e.start_char, e.end_char, pytest.approx(e._.score or 0.85)) for e in doc.ents]
    assert found["found"] == expected
    assert {row[0] for row in expected} == {"PERSON", "ORGANIZATION"}
    assert [row[3] for row in expected if row[0] == "ORGANIZATION"] == [0.85]
