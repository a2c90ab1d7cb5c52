"""The model card, from the numbers of a report."""

import json
import subprocess
import sys

import pytest
import spacy
from spacy.cli import app
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

import spacy_bert_ner.cli  # noqa: F401, its commands
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.evaluation.card import write_card
from spacy_bert_ner.evaluation.report import evaluate

TEXTS = [
    ("Kevin met Ada in Paris", [("per", 0, 1), ("per", 2, 3), ("geo", 4, 5)]),
    ("Ada left Lima", [("per", 0, 1), ("geo", 2, 3)]),
]


def write(path, texts):
    vocab = spacy.blank("en").vocab
    docs = []
    for text, entities in texts:
        doc = Doc(vocab, words=text.split())
        doc.set_ents([Span(doc, start, end, label=label) for label, start, end in entities])
        docs.append(doc)
    DocBin(docs=docs).to_disk(path)
    return path


@pytest.fixture
def pipeline(tmp_path):
    nlp = spacy.blank(
        "en", meta={"name": "names", "version": "1.2.3", "license": "MIT", "description": "People | places"}
    )
    patterns = [("per", "Kevin"), ("per", "Ada"), ("geo", "Paris"), ("per", "Lima")]
    nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": text} for label, text in patterns])
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


@pytest.fixture
def metrics(pipeline, tmp_path):
    data, train = write(tmp_path / "test.spacy", TEXTS), write(tmp_path / "train.spacy", TEXTS[:1])
    evaluate([pipeline], data, tmp_path / "report", train=train)
    return tmp_path / "report" / "metrics.json"


def lines(path):
    return path.read_text("utf8").splitlines()


def test_the_card_has_scores_labels_data_and_limits(pipeline, metrics, tmp_path):
    (tmp_path / "labels.json").write_text('{"per": "People, by <name>"}')
    path = write_card(pipeline, metrics, tmp_path / "labels.json")
    assert path == pipeline / "README.md"
    card = lines(path)
    assert card[1] == "# en_names 1.2.3"
    assert card[3] == "People \\| places"
    assert "| Licence | MIT |" in card
    told = json.loads(metrics.read_text())
    (one,) = told["pipelines"].values()
    low, high = one["scores"]["per_label"]["per"]["f_interval"]
    assert f"| per | 0.750 | 1.000 | 0.857 | {low:.3f} to {high:.3f} | 3 |" in card
    assert [line for line in card if line.startswith("| **all** | 0.800 | 0.800 | 0.800 |")]
    assert "| per | People, by &lt;name&gt; | Ada, Kevin |" in card
    assert "| geo | not said | Paris |" in card
    assert f"| held out | test.spacy | `{told['data']['sha256']['test.spacy']}` |" in card
    assert f"| training | train.spacy | `{told['train']['sha256']['train.spacy']}` |" in card
    assert "- The weakest label is geo, with F1 0.667." in card
    assert "- Most mistakes are of the kinds: wrong label (100%)." in card
    assert "- Recall is 0.000 for strings that the training data never has, and 1.000 for the others." in card
    assert "- There are 2 documents only: intervals, which are drawn over documents, are too narrow." in card
    assert "\n\n\n" not in path.read_text()


def test_it_is_replaced_but_not_what_was_written_by_hand(pipeline, metrics):
    write_card(pipeline, metrics)
    write_card(pipeline, metrics, name="people", version="2.0.0")
    assert lines(pipeline / "README.md")[1] == "# en_people 2.0.0"
    (pipeline / "README.md").write_text("# Mine")
    with pytest.raises(BertNerError, match=r"README.md is there, and was not written by this command"):
        write_card(pipeline, metrics)
    assert (pipeline / "README.md").read_text() == "# Mine"


def test_spacy_package_takes_it_along(pipeline, metrics, tmp_path):
    write_card(pipeline, metrics)
    command = [sys.executable, "-m", "spacy", "package", str(pipeline), str(tmp_path), "--build", "none"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert lines(tmp_path / "en_names-1.2.3" / "README.md") == lines(pipeline / "README.md")
    assert spacy.load(pipeline)("Ada").ents[0].label_ == "per"


def test_of_several_pipelines_it_takes_its_own(pipeline, metrics, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    evaluate([tmp_path / "blank", pipeline], tmp_path / "test.spacy", tmp_path / "report")
    write_card(pipeline, metrics)
    assert "| **all** | 0.800 |" in (pipeline / "README.md").read_text()
    spacy.blank("en").to_disk(tmp_path / "other")
    with pytest.raises(BertNerError, match=r"is a report on .*blank, .*pipeline, and not on .*other"):
        write_card(tmp_path / "other", metrics)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "metrics.json cannot be read: .* Allowed: a table in JSON"),
        ("[]", "metrics.json cannot be read: it is no table"),
        ("{}", "metrics.json is no report on a pipeline: it names no pipeline"),
        ('{"pipelines": {"a": {}}}', "metrics.json is no report on a pipeline: KeyError.* evaluate writes"),
        ('{"pipelines": {"a": 1}}', "metrics.json is no report on a pipeline"),
        (
            '{"pipelines": {"a": {"scores": {"per_label": {}, "micro": {}}}}, "train": null}',
            "metrics.json is no report on a pipeline",
        ),
    ],
)
def test_what_is_no_report_is_refused(pipeline, tmp_path, content, message):
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(BertNerError, match=message):
        write_card(pipeline, tmp_path / "metrics.json")
    assert not (pipeline / "README.md").exists()


def test_guidelines_are_texts(pipeline, metrics, tmp_path):
    (tmp_path / "labels.json").write_text('{"per": 1}')
    with pytest.raises(BertNerError, match="labels.json has something else than text"):
        write_card(pipeline, metrics, tmp_path / "labels.json")


def test_the_command(pipeline, metrics, tmp_path):
    run = CliRunner().invoke(
        app, ["bert-ner", "card", str(pipeline), str(metrics), "--name", "x", "--version", "9.0.0"]
    )
    assert run.exit_code == 0, run.output
    assert lines(pipeline / "README.md")[1] == "# en_x 9.0.0"
    run = CliRunner().invoke(app, ["bert-ner", "card", str(tmp_path / "nowhere"), str(metrics)])
    assert run.exit_code == 1
    assert "no such file" in " ".join(run.output.split())
