"""Test the model card that is created from a report's metrics."""

import json
import shutil
import subprocess

import pytest
import spacy
from fork_server import fast_python
from huggingface_hub import ModelCardData, metadata_load
from spacy.cli import app
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

import spacy_bert_ner.cli  # noqa: F401, its commands
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.evaluation.model_card import checkpoint_card, write_card
from spacy_bert_ner.evaluation.report import evaluate
from spacy_bert_ner.util.provenance import pipeline_sum

pytestmark = [pytest.mark.charts, pytest.mark.usefixtures("sketched")]

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


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Return a folder with a pipeline, data, and a report on them."""
    folder = tmp_path_factory.mktemp("originals")
    nlp = spacy.blank(
        "en", meta={"name": "names", "version": "1.2.3", "license": "MIT", "description": "People | places"}
    )
    patterns = [("per", "Kevin"), ("per", "Ada"), ("geo", "Paris"), ("per", "Lima")]
    nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": text} for label, text in patterns])
    nlp.to_disk(folder / "pipeline")
    data, train = write(folder / "test.spacy", TEXTS), write(folder / "train.spacy", TEXTS[:1])
    evaluate([folder / "pipeline"], data, folder / "report", train=train)
    return folder


@pytest.fixture
def pipeline(originals, tmp_path):
    """Return a copy of the pipeline because the model card is written to its folder."""
    shutil.copytree(originals / "pipeline", tmp_path / "pipeline")
    return tmp_path / "pipeline"


@pytest.fixture
def metrics(originals, tmp_path):
    for name in ("test.spacy", "train.spacy"):
        shutil.copy(originals / name, tmp_path)
    shutil.copytree(originals / "report", tmp_path / "report")
    return tmp_path / "report" / "metrics.json"


def lines(path):
    """Return the lines of a card below its metadata."""
    text = path.read_text("utf8")
    assert text.startswith("---\n")
    return text.split("\n---\n", 1)[1].splitlines()


def test_the_metadata_is_what_the_hub_asks_for(pipeline, metrics):
    meta = json.loads((pipeline / "meta.json").read_text())
    (pipeline / "meta.json").write_text(json.dumps(meta | {"license": "CC BY-SA 4.0"}))
    written = metadata_load(write_card(pipeline, metrics))
    tags = ["spacy", "token-classification", "named-entity-recognition"]
    assert written == {
        "language": "en",
        "license": "cc-by-sa-4.0",
        "library_name": "spacy",
        "pipeline_tag": "token-classification",
        "tags": tags,
        "metrics": ["precision", "recall", "f1"],
        "model-index": [
            {
                "name": "en_names",
                "results": [
                    {
                        "task": {"type": "token-classification", "name": "Named entity recognition"},
                        "dataset": {"name": "test.spacy", "type": "custom", "split": "test"},
                        "metrics": [
                            {"type": "precision", "value": 0.8, "name": "Precision"},
                            {"type": "recall", "value": 0.8, "name": "Recall"},
                            {"type": "f1", "value": 0.8, "name": "F1"},
                        ],
                    }
                ],
            }
        ],
    }
    assert len(ModelCardData(**written).eval_results) == 3  # the client reads the results back


def test_the_base_model_is_named_only_if_it_is_on_the_hub(pipeline, metrics):
    cfg = pipeline / "entity_ruler" / "cfg"
    for commit, named in ((None, None), ("abc", ["me/encoder"])):
        cfg.write_text(json.dumps({"source": {"name": "me/encoder", "commit": commit}}))
        report = json.loads(metrics.read_text())
        (one,) = report["pipelines"].values()
        one["sha256"] = pipeline_sum(pipeline)
        metrics.write_text(json.dumps(report))
        assert metadata_load(write_card(pipeline, metrics)).get("base_model") == named


@pytest.mark.parametrize(
    ("meta", "fields"),
    [
        ({"lang": "xx"}, {"language": "multilingual"}),
        ({"lang": "de", "license": "MIT"}, {"language": "de", "license": "mit"}),
        ({"lang": "de", "license": "My terms"}, {"language": "de", "license": "other", "license_name": "my-terms"}),
        ({"lang": "de", "license": "", "datasets": ["me/names"]}, {"language": "de", "datasets": ["me/names"]}),
    ],
)
def test_what_is_not_known_is_left_out(tmp_path, meta, fields):
    path = tmp_path / "README.md"
    path.write_text(checkpoint_card({"name": "names", "version": "1.0.0", **meta}, ["per"]))
    always = {"library_name": "transformers", "pipeline_tag": "token-classification"}
    assert metadata_load(path) == {**fields, **always, "tags": ["named-entity-recognition", "spacy-bert-ner"]}


def test_the_card_has_scores_labels_data_and_limits(pipeline, metrics, tmp_path):
    (tmp_path / "labels.json").write_text('{"per": "People, by <name>"}')
    path = write_card(pipeline, metrics, tmp_path / "labels.json")
    assert path == pipeline / "README.md"
    card = lines(path)
    assert card[1] == "# en_names 1.2.3"
    assert 'nlp = spacy.load("en_names")' in card
    assert [
        line for line in card if line.startswith("The pipeline was evaluated on 2 documents with 8 words. An entity")
    ]
    assert (
        "- 1 of 2 documents are also in the training data, word for word. Scores on training data are not a valid test."
        in card
    )
    assert card[3] == "People \\| places"
    assert "| Licence | MIT |" in card
    told = json.loads(metrics.read_text())
    (one,) = told["pipelines"].values()
    low, high = one["scores"]["per_label"]["per"]["f_interval"]
    assert f"| per | 0.750 | 1.000 | 0.857 | {low:.3f} to {high:.3f} | 3 |" in card
    assert [line for line in card if line.startswith("| **all** | 0.800 | 0.800 | 0.800 |")]
    assert "| per | People, by &lt;name&gt; | Ada, Kevin |" in card
    assert "| geo | not specified | Paris |" in card
    assert f"| held-out | test.spacy | `{told['data']['sha256']['test.spacy']}` |" in card
    assert f"| training | train.spacy | `{told['train']['sha256']['train.spacy']}` |" in card
    assert "- The label with the lowest F1 is geo (F1 0.667)." in card
    assert "- The most frequent type of mistake is wrong label (100%)." in card
    assert (
        "- Recall is 0.000 for entities that do not occur in the training data, and 1.000 for entities that occur "
        "there with the same label." in card
    )
    narrow = "Intervals are too narrow, because they are computed by resampling documents."
    assert f"- There are only 2 documents. {narrow}" in card
    assert "\n\n\n" not in path.read_text()


@pytest.mark.parametrize(
    ("told", "shown"),
    [({"score_attribute": "certainty"}, ", ent._.certainty"), ({}, ", ent._.score"), ({"score_attribute": None}, "")],
)
def test_the_example_names_the_attribute_with_the_scores(pipeline, metrics, told, shown):
    report = json.loads(metrics.read_text())
    (one,) = report["pipelines"].values()
    del one["score_attribute"]  # as in older reports
    one |= {"confidence": {"all": {"ece": 0.1, "n": 3}, "per_label": {}, "wanted_precision": 0.9}, **told}
    metrics.write_text(json.dumps(report))
    card = lines(write_card(pipeline, metrics))
    assert f"print([(ent.text, ent.label_{shown}) for ent in doc.ents])" in card


def test_it_is_replaced_but_not_what_was_written_by_hand(pipeline, metrics):
    write_card(pipeline, metrics)
    write_card(pipeline, metrics, name="people", version="2.0.0")
    assert lines(pipeline / "README.md")[1] == "# en_people 2.0.0"
    written = (pipeline / "README.md").read_text()
    for changed in ("# Mine", written.replace("## Limits", "## Limits\n\n- Mine"), f"{written}Mine\n"):
        (pipeline / "README.md").write_text(changed)
        with pytest.raises(BertNerError, match=r"README.md was written or edited by hand, so it is not replaced"):
            write_card(pipeline, metrics)
        assert (pipeline / "README.md").read_text() == changed


def test_a_report_on_what_the_pipeline_was_before_is_refused(pipeline, metrics):
    meta = json.loads((pipeline / "meta.json").read_text())
    (pipeline / "meta.json").write_text(json.dumps(meta | {"description": "New words"}))
    write_card(pipeline, metrics)
    assert lines(pipeline / "README.md")[3] == "New words"
    write_card(pipeline, metrics)  # writing the card does not invalidate the metrics
    nlp = spacy.load(pipeline)
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "per", "pattern": "Eve"}])
    nlp.to_disk(pipeline)
    with pytest.raises(BertNerError, match=r"but not on the current files of .*pipeline. .* evaluate "):
        write_card(pipeline, metrics)


def test_hidden_files_make_no_other_pipeline(pipeline, metrics):
    (pipeline / ".DS_Store").write_text("of a system")
    (pipeline / "vocab" / ".DS_Store").write_text("of a system")
    assert write_card(pipeline, metrics).is_file()


def test_data_that_was_not_trained_on_is_called_so(pipeline, tmp_path):
    data, train = write(tmp_path / "test.spacy", TEXTS[1:]), write(tmp_path / "train.spacy", TEXTS[:1])
    evaluate([pipeline], data, tmp_path / "report", train=train)
    card = write_card(pipeline, tmp_path / "report" / "metrics.json").read_text()
    evaluated = "The pipeline was evaluated on 1 held-out document with 3 words."
    assert f"{evaluated} There is no overlap with the training data. An entity is correct" in card
    assert "also in the training data" not in card


def test_the_same_words_with_other_spaces_are_trained_on(pipeline, tmp_path):
    data = write(tmp_path / "test.spacy", TEXTS[:1])
    doc = Doc(spacy.blank("en").vocab, words=TEXTS[0][0].split(), spaces=[False] * len(TEXTS[0][0].split()))
    doc.set_ents([Span(doc, start, end, label=label) for label, start, end in TEXTS[0][1]])
    DocBin(docs=[doc]).to_disk(tmp_path / "train.spacy")
    report = evaluate([pipeline], data, tmp_path / "report", train=tmp_path / "train.spacy")
    assert report["train"]["n_shared"] == 1


def test_labels_that_are_not_in_the_held_out_data_have_their_guidelines(tmp_path):
    nlp = spacy.blank("en", meta={"name": "rare"})
    patterns = [("per", "Ada"), ("art", "Guernica")]
    nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": text} for label, text in patterns])
    nlp.to_disk(tmp_path / "pipeline")
    data = write(tmp_path / "test.spacy", [("Ada left", [("per", 0, 1)])])
    train = write(tmp_path / "train.spacy", [("Ada left Lima", [("per", 0, 1), ("geo", 2, 3)])])
    evaluate([tmp_path / "pipeline"], data, tmp_path / "report", train=train)
    (tmp_path / "labels.json").write_text('{"per": "people", "art": "works", "geo": "places"}')
    path = write_card(tmp_path / "pipeline", tmp_path / "report" / "metrics.json", tmp_path / "labels.json")
    card = lines(path)
    assert {"| per | people | Ada |", "| art | works |  |", "| geo | places | Lima |"} <= {*card}
    assert sum(line.startswith(("| art |", "| geo |")) for line in card) == 2  # labels without entities have no scores
    (tmp_path / "labels.json").write_text('{"pre": "people"}')
    with pytest.raises(
        BertNerError, match=r"guidelines for pre, which the pipeline does not predict. Allowed: per, art, geo."
    ):
        write_card(tmp_path / "pipeline", tmp_path / "report" / "metrics.json", tmp_path / "labels.json")


@pytest.mark.parametrize("key", ["lang", "name", "components"])
def test_a_meta_that_lacks_something_is_named(pipeline, metrics, key):
    meta = json.loads((pipeline / "meta.json").read_text())
    del meta[key]
    (pipeline / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(BertNerError, match=rf"meta.json has no valid {key}, so it is not the meta.json"):
        write_card(pipeline, metrics)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# heading", "\\# heading"),
        ("C# & $x$ ~~no~~", "C# &amp; \\$x\\$ \\~\\~no\\~\\~"),
        ("- list\n2. _em_ a_b", "\\- list 2. \\_em\\_ a_b"),
        ("12. Mai", "12\\. Mai"),
        ("![x](y) <b> `c` *d* a|b \\", "!\\[x\\](y) &lt;b&gt; \\`c\\` \\*d\\* a\\|b \\\\"),
    ],
)
def test_markup_in_a_meta_stays_text(pipeline, metrics, text, shown):
    meta = json.loads((pipeline / "meta.json").read_text())
    (pipeline / "meta.json").write_text(json.dumps(meta | {"description": text}))
    assert lines(write_card(pipeline, metrics))[3] == shown


def test_a_name_breaks_neither_title_nor_code(pipeline, metrics):
    card = lines(write_card(pipeline, metrics, name='x"\n<b>', version="1\n# 2"))
    assert card[1] == '# en_x" &lt;b&gt; 1 # 2'
    assert 'nlp = spacy.load("en_x\\"\\n<b>")' in card


def test_without_a_version_the_title_is_the_name(pipeline, metrics):
    meta = json.loads((pipeline / "meta.json").read_text())
    del meta["version"]
    (pipeline / "meta.json").write_text(json.dumps(meta))
    assert lines(write_card(pipeline, metrics))[1] == "# en_names"


@pytest.mark.process
def test_spacy_package_takes_it_along(pipeline, metrics, tmp_path):
    write_card(pipeline, metrics)
    command = [fast_python(), "-m", "spacy", "package", str(pipeline), str(tmp_path), "--build", "none"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert lines(tmp_path / "en_names-1.2.3" / "README.md") == lines(pipeline / "README.md")
    assert spacy.load(pipeline)("Ada").ents[0].label_ == "per"


def test_of_several_pipelines_it_takes_its_own(pipeline, metrics, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    evaluate([tmp_path / "blank", pipeline], tmp_path / "test.spacy", tmp_path / "report")
    write_card(pipeline, metrics)
    assert "| **all** | 0.800 |" in (pipeline / "README.md").read_text()
    spacy.blank("de").to_disk(tmp_path / "other")
    with pytest.raises(BertNerError, match=r"is a report on .*blank, .*pipeline, but not on .*other"):
        write_card(tmp_path / "other", metrics)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "metrics.json cannot be read: .* Allowed: a JSON object"),
        ("[]", "metrics.json cannot be read: it is not a JSON object"),
        ("{}", "metrics.json is not an evaluation report: it contains no pipeline"),
        (
            '{"pipelines": {"a": {"sha256": SUM}}}',
            "is not an evaluation report: KeyError.* the evaluate command writes",
        ),
        ('{"pipelines": {"a": {}}}', "metrics.json is a report on a, but not on the current files"),
        ('{"pipelines": {"a": 1}}', "metrics.json is not an evaluation report"),
        (
            '{"pipelines": {"a": {"sha256": SUM, "labels": [], "scores": {"per_label": {}}}}, "train": null}',
            "metrics.json is not an evaluation report",
        ),
    ],
)
def test_what_is_no_report_is_refused(pipeline, tmp_path, content, message):
    (tmp_path / "metrics.json").write_text(content.replace("SUM", json.dumps(pipeline_sum(pipeline))))
    with pytest.raises(BertNerError, match=message):
        write_card(pipeline, tmp_path / "metrics.json")
    assert not (pipeline / "README.md").exists()


def test_guidelines_are_texts(pipeline, metrics, tmp_path):
    (tmp_path / "labels.json").write_text('{"per": 1}')
    with pytest.raises(BertNerError, match="labels.json contains a value that is not text"):
        write_card(pipeline, metrics, tmp_path / "labels.json")


def test_the_command(pipeline, metrics, tmp_path):
    run = CliRunner().invoke(
        app, ["bert-ner", "card", str(pipeline), str(metrics), "--name", "x", "--version", "9.0.0"]
    )
    assert run.exit_code == 0, run.output
    assert lines(pipeline / "README.md")[1] == "# en_x 9.0.0"
    run = CliRunner().invoke(app, ["bert-ner", "card", str(tmp_path / "nowhere"), str(metrics)])
    assert run.exit_code == 1
    assert "does not exist" in " ".join(run.output.split())
