"""Test the page, the plots and the files in a report."""

import base64
import json
import re
import shutil
import sys
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import spacy
from spacy.cli import app
from spacy.tokens import Doc, DocBin, Span
from support import sketch
from typer.testing import CliRunner

import spacy_bert_ner.cli  # noqa: F401, its commands
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.evaluation import charts
from spacy_bert_ner.evaluation.report import _describe_pipeline, evaluate
from spacy_bert_ner.reporting.charts import to_svg

pytestmark = [pytest.mark.charts, pytest.mark.usefixtures("few_exceptions")]

TEXTS = [
    ("Kevin Durant lives in New York .", [("per", 0, 2), ("geo", 4, 6)]),
    ("New York and New York and Kevin", [("geo", 0, 2), ("geo", 3, 5), ("per", 6, 7)]),
    ("the lives .", []),
]


def write(path, texts=TEXTS, **options):
    vocab = spacy.blank("en").vocab
    docs = []
    for text, entities in texts:
        doc = Doc(vocab, words=text.split(" "), **options)
        doc.set_ents([Span(doc, start, end, label=label) for label, start, end in entities])
        docs.append(doc)
    DocBin(docs=docs).to_disk(path)
    return path


@pytest.fixture(scope="module")
def folder(tagger, tmp_path_factory):
    """Return a folder with a pipeline that gives scores, a pipeline without scores, and data."""
    folder = tmp_path_factory.mktemp("pipelines")
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.initialize()
    nlp.to_disk(folder / "bert")
    ruler = spacy.blank("en")
    patterns = [("per", "Kevin"), ("geo", "New York"), ("geo", "lives")]
    ruler.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": text} for label, text in patterns])
    ruler.to_disk(folder / "ruler")
    spacy.blank("en").to_disk(folder / "blank")
    write(folder / "test.spacy")
    write(folder / "train.spacy", [("New York is there", [("geo", 0, 2)])])
    (folder / "log.csv").write_text("step,loss_bert_ner,ents_f,iob_acc\n0,,0.1,0.5\n10,0.5,0.6,0.9\n")
    return folder


@pytest.fixture(scope="module")
def report(folder, tmp_path_factory):
    """Return the metrics and the output folder for a report on two pipelines."""
    output = tmp_path_factory.mktemp("report")
    options = {"train": folder / "train.spacy", "log": folder / "log.csv"}
    return evaluate([folder / "bert", folder / "ruler"], folder / "test.spacy", output, **options), output


class Page(HTMLParser):
    """A parsed page, with its text by heading and a list of all tags."""

    def __init__(self, text):
        super().__init__()
        self.under, self.heading, self.tags, self.open = {}, "", [], []
        self.feed(text)
        assert self.open == []  # all elements are closed

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br", "img", "input"}:
            self.open.append(tag)
        if tag in {"h1", "h2", "h3"}:
            self.heading = ""

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in {"h1", "h2", "h3"}:
            self.heading += data
        elif self.open and self.open[-1] not in {"style", "script"}:
            self.under[self.heading] = " ".join(f"{self.under.get(self.heading, '')} {data}".split())


def read(output):
    return Page((output / "report.html").read_text("utf8"))


def test_all_files_are_there(report):
    told, output = report
    assert sorted(path.name for path in output.iterdir()) == [
        "differences.jsonl",
        "metrics.json",
        "mistakes.jsonl",
        "plots",
        "report.html",
    ]
    # The second pipeline gives no scores.
    assert sorted(path.stem for path in (output / "plots").iterdir()) == [
        *("comparison", "confusion-1", "confusion-2", "labels-1", "labels-2"),
        *("reliability-1", "slices-1", "slices-2", "thresholds-1", "training"),
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (output / "plots").iterdir())
    assert json.loads((output / "metrics.json").read_text("utf8")) == json.loads(json.dumps(told))


def test_the_page_needs_nothing_else_and_runs_only_its_own_script(report):
    text = (report[1] / "report.html").read_text("utf8")
    page = read(report[1])
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "base"}
    (script,) = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    assert script == files("spacy_bert_ner.evaluation").joinpath("report.js").read_text("utf8")
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'\"" in text
    assert [attrs for tag, attrs in page.tags if tag == "script"] == [{}]
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    addresses = [
        value for _, attrs in page.tags for key, value in attrs.items() if key in {"src", "href", "xlink:href"}
    ]
    assert all(value.startswith(("#", "data:image/png")) for value in addresses)
    assert "default-src 'none'" in text
    assert not re.search(r"url\(\s*['\"]?http", text)


def test_links_lead_to_what_is_on_the_page_and_charts_are_described(report):
    page = read(report[1])
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert links == ["#pipeline-1", "#pipeline-2", "#compared", "#made"]
    assert {link[1:] for link in links} <= ids
    charts = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(charts) == 8  # the confusion matrices are tables
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in charts)


def test_every_part_has_its_heading(report):
    under = read(report[1]).under
    assert {
        *("Evaluation", "Comparison", "Training", "Next steps", "Labels", "Matching schemas"),
        *("Label confusion", "Slices", "Calibration", "Mistakes"),
        "Reproducibility",
    } <= set(under)
    assert "seen in training" in under["Slices"]
    assert spacy.__version__ in under["Reproducibility"]
    assert "[components.bert_ner]" in under["Reproducibility"]


def test_each_mistake_is_shown_and_written(report):
    told, output = report
    rows = [json.loads(line) for line in (output / "mistakes.jsonl").read_text("utf8").splitlines()]
    second = [*told["pipelines"]][1]
    assert [(row["kind"], row["text"]) for row in rows if row["pipeline"] == second] == [
        ("too short", "Kevin Durant lives in New York ."),
        ("spurious", "Kevin Durant lives in New York ."),
        ("spurious", "the lives ."),
    ]
    assert told["pipelines"][second]["mistakes"]["spurious"] == 2
    shown = read(output).under["Mistakes"]
    assert "too short: 1" in shown
    assert "spurious: 2" in shown


def test_differences_are_shown_and_written(report):
    told, output = report
    rows = [json.loads(line) for line in (output / "differences.jsonl").read_text("utf8").splitlines()]
    assert rows[0]["pipelines"] == [*told["pipelines"]]
    shown = " ".join(read(output).under.values())
    assert f"Sentences with different predictions: {len(rows)}" in shown
    assert "paired bootstrap" in shown


def test_what_has_to_be_known_to_get_the_same_numbers(report, folder):
    told = report[0]
    assert {"python", "system", "spacy-bert-ner", "spacy", "torch", "transformers"} <= set(told["versions"])
    assert list(told["data"]["sha256"]) == ["test.spacy"]
    assert list(told["train"]["sha256"]) == ["train.spacy"]
    first, second = told["pipelines"].values()
    assert (first["component"], second["component"]) == ("bert_ner", None)
    assert first["config"] == spacy.load(folder / "bert").config.to_str()
    assert told["training"]["F1"] == {"ents_f": [(0.0, 0.1), (10.0, 0.6)]}


def test_scores_are_told_of_the_pipeline_that_gives_them(report):
    first, second = report[0]["pipelines"].values()
    assert first["confidence"]["all"]["n"] == first["scores"]["micro"]["found"]
    assert second["confidence"] is None
    assert "No entity has a score" in " ".join(read(report[1]).under.values())


def test_thresholds_that_the_pipeline_has_are_told(folder, tmp_path):
    config = {"components.bert_ner.thresholds": {"per": 0.25}}
    spacy.load(folder / "bert", config=config).to_disk(tmp_path / "choosy")
    told = evaluate([tmp_path / "choosy"], folder / "test.spacy")
    assert told["pipelines"][str(tmp_path / "choosy")]["thresholds"] == {"per": 0.25}


def page_of(pipeline, data, tmp_path, **options):
    told = evaluate([pipeline], data, tmp_path / "out", **options)
    return told["pipelines"][str(pipeline)], " ".join(read(tmp_path / "out").under.values())


def test_a_pipeline_without_entities(folder, tmp_path):
    told, shown = page_of(folder / "blank", folder / "test.spacy", tmp_path)
    assert told["scores"]["micro"]["p"] is None
    assert "The pipeline predicted no entities, so precision is undefined" in shown
    assert [path.stem for path in sorted((tmp_path / "out" / "plots").iterdir())] == ["confusion", "labels", "slices"]
    assert titles(charts.labels(told)) == ["Recall, all labels: 0.000", "F1, all labels: 0.000"]


def test_data_without_an_entity(folder, tmp_path):
    data = write(tmp_path / "none.spacy", [("the lives .", [])])
    told, shown = page_of(folder / "ruler", data, tmp_path)
    assert told["scores"]["micro"]["r"] is None
    assert "The data has no gold entities, so recall is undefined" in shown
    assert "There is only one document" in shown
    assert titles(charts.labels(told)) == ["Precision, all labels: 0.000", "F1, all labels: 0.000"]


def test_scores_without_a_gold_entity(folder, tmp_path):
    texts = [(text, []) for text, _ in TEXTS]
    told, _ = page_of(folder / "bert", write(tmp_path / "none.spacy", texts), tmp_path)
    assert told["confidence"]["all"]["n"]
    assert titles(charts.thresholds(told)) == ["Precision (dashed line: target 0.90)"]


def titles(chart):
    """Return the titles of a chart's panels after checking that no panel is empty."""
    figure, axes = plt.subplots(chart.n_rows, chart.n_columns, squeeze=False)
    chart.draw(axes)
    panels = [panel for row in axes for panel in row]
    assert all(len(line.get_xdata()) for panel in panels for line in panel.get_lines()[:1])
    assert all(panel.get_lines() for panel in panels)
    plt.close(figure)
    return [panel.get_title() or panel.get_title(loc="left") for panel in panels]


@pytest.mark.usefixtures("sketched")
def test_strings_that_are_confused_are_told(folder, tmp_path):
    texts = [("Kevin met Kevin", [("org", 0, 1), ("org", 2, 3)]), ("New York lives near Ada", [("org", 4, 5)])]
    told, _ = page_of(folder / "ruler", write(tmp_path / "data.spacy", texts), tmp_path)
    assert told["strings"][0] == {"text": "Kevin", "gold": "org", "predicted": "per", "n": 2}
    shown = read(tmp_path / "out").under["Label confusion"]
    assert "Most frequently confused strings string gold label predicted label count Kevin org per 2" in shown
    assert "Ada org none (missed) 1 New York none (spurious) geo 1 lives none (spurious) geo 1" in shown


def test_of_two_components_of_ours_the_settings_of_none_are_told(folder, tagger, tmp_path):
    nlp = spacy.load(folder / "bert")
    nlp.add_pipe("bert_ner", "second", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.to_disk(tmp_path / "two")
    (told,) = evaluate([tmp_path / "two"], folder / "test.spacy")["pipelines"].values()
    assert (told["component"], told["temperature"], told["thresholds"]) == (None, None, {})
    assert told["score_attribute"] == "score"
    pipe = nlp.get_pipe("second")
    pipe.settings = replace(pipe.settings, score_attribute="second_score")
    assert _describe_pipeline(nlp)["score_attribute"] is None
    nlp.remove_pipe("bert_ner")
    assert _describe_pipeline(nlp)["score_attribute"] == "second_score"


def test_neither_gold_nor_predicted_entities(folder, tmp_path):
    data = write(tmp_path / "none.spacy", [("the .", [])])
    told, _ = page_of(folder / "blank", data, tmp_path)
    assert told["scores"]["per_label"] == {}
    assert read(tmp_path / "out").under["Mistakes"] == "The pipeline made no mistakes."
    assert list((tmp_path / "out" / "plots").iterdir()) == []  # no empty plots


@pytest.mark.usefixtures("sketched")
def test_labels_that_the_pipeline_never_gives(folder, tmp_path):
    data = write(tmp_path / "other.spacy", [("Kevin paid 5 dollars", [("per", 0, 1), ("money", 2, 4)])])
    told, shown = page_of(folder / "bert", data, tmp_path)
    assert told["unknown_labels"] == ["money"]
    assert "The pipeline never predicts these labels, so all their gold entities are missed: money." in shown


@pytest.mark.usefixtures("sketched")
def test_two_pipelines_without_a_score_cannot_be_compared(folder, tmp_path):
    data = write(tmp_path / "none.spacy", [("the .", [])])
    spacy.blank("en").to_disk(tmp_path / "blank")
    evaluate([folder / "blank", tmp_path / "blank"], data, tmp_path / "out")
    shown = " ".join(read(tmp_path / "out").under.values())
    assert "These pipelines cannot be compared, because at least one of them has no F1." in shown
    assert "Both pipelines predict the same entities." in shown


HOSTILE = "<script>alert('x')</script>"


def test_whatever_is_in_data_and_labels_is_escaped(tmp_path):
    nlp = spacy.blank("en")
    label = f"$x${HOSTILE}\x1b\u202e"
    nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": "Kevin"}])
    nlp.to_disk(tmp_path / "pipeline")
    texts = [(f"Kevin met {HOSTILE} \x00 \x1b[31m \u202e ]]> &amp;", [("<img src=x>\x07", 0, 1)])]
    data = write(tmp_path / "data.spacy", texts)
    evaluate([tmp_path / "pipeline"], data, tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text("utf8")
    assert text.count("<script") == text.count("</script") == 1  # the page's own
    assert "<img" not in text
    assert not [c for c in ("\x00", "\x07", "\x1b", "\u202e") if c in text]
    assert "&lt;script&gt;" in text


def test_shares_of_the_confusion_matrix_are_of_all_labels():
    """Test that shares relate to all labels, including labels for which there is no space in the matrix."""
    names = [f"l{i:02}" for i in range(51)]
    rows = {name: {"gold": 10 if name != "l50" else 1} for name in names}
    cells = [{"gold": "l00", "predicted": "l00", "n": 5}, {"gold": "l00", "predicted": "l50", "n": 5}]
    chart = charts.confusion({"scores": {"per_label": rows}, "confusion": cells})
    figure, axes = plt.subplots(squeeze=False)
    chart.draw(axes)
    (image,) = axes[0][0].get_images()
    assert image.get_array()[0, 0] == 0.5
    plt.close(figure)


def test_training_data_without_entities_is_none(folder, tmp_path):
    data = write(tmp_path / "none.spacy", [("the lives .", [])])
    with pytest.raises(BertNerError, match="none.spacy has no entities, so entities seen and unseen in training"):
        evaluate([folder / "ruler"], folder / "test.spacy", train=data)


@pytest.mark.parametrize("n_labels", [3, 50, 70])
def test_labels_can_be_read_whether_few_or_many(n_labels, sketched, tmp_path, monkeypatch):
    """Test that labels in a chart do not overlap, and that each of up to 50 labels has a row."""
    monkeypatch.setattr(
        "spacy_bert_ner.evaluation.html_report.to_svg", lambda x: (to_svg if x.name == "labels" else sketch)(x)
    )
    labels = [f"a-rather-long-label-{i}" for i in range(n_labels)]
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": x, "pattern": f"w{i}"} for i, x in enumerate(labels)])
    nlp.to_disk(tmp_path / "pipeline")
    data = write(tmp_path / "data.spacy", [(f"w{i} here", [(x, 0, 1)]) for i, x in enumerate(labels)])
    evaluate([tmp_path / "pipeline"], data, tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text("utf8")
    (chart,) = re.findall(r'<svg role="img" aria-label="Precision.*?</svg>', text, re.DOTALL)
    heights = sorted(float(y) for y in re.findall(r'y="([0-9.]+)"[^>]*>a-rather', chart))
    assert len(heights) == min(n_labels, 50)
    assert all(b - a > 12 for a, b in pairwise(heights))
    shown = " ".join(read(tmp_path / "out").under.values())
    assert ("20 less frequent labels are only in the table" in shown) == (n_labels == 70)


@pytest.mark.usefixtures("sketched")
def test_labels_without_room_are_counted_of_each_pipeline_and_of_all(tmp_path):
    """Test data with 52 labels and a pipeline that predicts two more. There is space for 50 labels."""
    labels = [f"l{i:02}" for i in range(52)]
    for name, more in (("one", []), ("two", ["x", "y"])):
        nlp = spacy.blank("en")
        patterns = [{"label": label, "pattern": label} for label in [*labels, *more]]
        nlp.add_pipe("entity_ruler").add_patterns(patterns)
        nlp.to_disk(tmp_path / name)
    data = write(
        tmp_path / "data.spacy", [(" ".join([*labels, "x", "y"]), [(x, i, i + 1) for i, x in enumerate(labels)])]
    )
    evaluate([tmp_path / "one", tmp_path / "two"], data, tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text("utf8")
    assert re.findall(r"(\d+) less frequent labels are (.*?)\.", text) == [
        ("4", "not shown"),
        ("2", "only in the table"),
        ("4", "only in the table"),
    ]


@pytest.mark.usefixtures("sketched")
def test_the_page_stays_small_and_says_where_the_rest_is(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "per", "pattern": "Kevin"}])
    nlp.to_disk(tmp_path / "pipeline")
    texts = [(f"Kevin met somebody else at {i} o'clock", [("org", 0, 1)]) for i in range(60)]
    evaluate([tmp_path / "pipeline"], write(tmp_path / "data.spacy", texts), tmp_path / "out")
    shown = read(tmp_path / "out").under["Mistakes"]
    assert "wrong label: 60 The page shows 25. The file mistakes.jsonl contains all of them." in shown
    assert len((tmp_path / "out" / "mistakes.jsonl").read_text("utf8").splitlines()) == 60


def run(*arguments):
    done = CliRunner().invoke(app, ["bert-ner", "evaluate", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.usefixtures("sketched")
def test_the_command_takes_training_data_log_and_precision(folder, tmp_path):
    out = tmp_path / "out"
    options = ["--train", folder / "train.spacy", "--log", folder / "log.csv", "--precision", "0.5", "--report", out]
    code, output = run(folder / "bert", folder / "test.spacy", *options)
    assert code == 0, output
    assert "report.html" in output
    (told,) = json.loads((out / "metrics.json").read_text("utf8"))["pipelines"].values()
    assert told["confidence"]["wanted_precision"] == 0.5
    assert "seen in training" in told["slices"]


@pytest.mark.usefixtures("sketched")
def test_the_command_takes_dev_data_and_exports_mistakes(folder, tmp_path):
    out, mistakes = tmp_path / "out", tmp_path / "mistakes.json"
    options = ["--dev", folder / "train.spacy", "--report", out, "--export-mistakes", mistakes]
    code, output = run(folder / "bert", folder / "test.spacy", *options)
    assert code == 0, output
    assert "Wrote" in output
    assert "Thresholds on dev data" in (out / "report.html").read_text("utf8")
    tasks = json.loads(mistakes.read_text("utf8"))
    assert {"data", "annotations", "predictions"} <= tasks[0].keys()  # the format of Label Studio
    code, output = run(folder / "ruler", folder / "test.spacy", "--export-mistakes", tmp_path / "mistakes.txt")
    assert code == 1
    assert "label-studio, prodigy, doccano" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--precision", "1.5"], "--precision 1.5 is invalid. Allowed: a number from 0 to 1"),
        (["--train", "nowhere.spacy"], "nowhere.spacy does not exist"),
        (["--log", "nowhere.csv"], "nowhere.csv does not exist"),
    ],
)
def test_bad_options_are_told_before_anything_is_written(folder, tmp_path, options, message):
    code, output = run(folder / "ruler", folder / "test.spacy", "--report", tmp_path / "out", *options)
    assert code == 1
    assert message in output
    assert not (tmp_path / "out").exists()


def test_damaged_data_is_named(folder, tmp_path):
    (tmp_path / "bad.spacy").write_bytes((folder / "test.spacy").read_bytes()[:-9])
    with pytest.raises(BertNerError, match=r"bad.spacy"):
        evaluate([folder / "ruler"], tmp_path / "bad.spacy")
    with pytest.raises(BertNerError, match=r"bad.spacy"):
        evaluate([folder / "ruler"], folder / "test.spacy", train=tmp_path / "bad.spacy")


def test_of_a_folder_the_test_part_is_scored_and_the_training_part_is_known(folder, tmp_path):
    data = tmp_path / "corpus"
    data.mkdir()
    shutil.copy(folder / "test.spacy", data / "held_out.spacy")
    shutil.copy(folder / "train.spacy", data / "train.spacy")
    write(data / "dev.spacy", TEXTS[:1])
    files = {"train": "train.spacy", "dev": "dev.spacy", "test": "held_out.spacy"}
    (data / "split.json").write_text(json.dumps({"parts": {part: {"file": name} for part, name in files.items()}}))
    told = evaluate([folder / "ruler"], data, train=data)
    whole = evaluate([folder / "ruler"], folder / "test.spacy", train=folder / "train.spacy")
    name = str(folder / "ruler")
    assert told["pipelines"][name]["scores"] == whole["pipelines"][name]["scores"]
    assert (told["data"]["path"], list(told["data"]["sha256"])) == (str(data / "held_out.spacy"), ["held_out.spacy"])
    expected = whole["train"] | {"path": str(data / "train.spacy")}
    assert told["train"] == expected


def test_of_a_folder_the_only_file_is_scored(folder, tmp_path):
    (tmp_path / "data" / "sub").mkdir(parents=True)
    write(tmp_path / "data" / "sub" / "b.spacy", TEXTS)
    told = evaluate([folder / "ruler"], tmp_path / "data")
    assert list(told["data"]["sha256"]) == ["b.spacy"]


@pytest.mark.usefixtures("sketched")
def test_mistakes_say_which_doc_of_which_file_they_are_in(folder, tmp_path):
    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab), Doc(vocab, words=["Kevin"]), Doc(vocab, words=["the", "lives"], spaces=[True, False])]
    docs[2].set_ents([], default="outside")
    DocBin(docs=docs).to_disk(tmp_path / "b.spacy")
    evaluate([folder / "ruler"], tmp_path / "b.spacy", tmp_path / "out")
    (row,) = map(json.loads, (tmp_path / "out" / "mistakes.jsonl").read_text("utf8").splitlines())
    assert (row["file"], row["doc"], row["text"]) == ("b.spacy", 3, "the lives")
    assert "b.spacy, document 3" in read(tmp_path / "out").under["Mistakes"]


@pytest.mark.usefixtures("sketched")
def test_white_space_of_all_kinds_is_shown_as_such(folder, tmp_path):
    texts = [("the\tlives\u00a0of\u3000Ada\u200d\x07 lives", [])]
    evaluate([folder / "ruler"], write(tmp_path / "data.spacy", texts), tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text("utf8")
    assert "the lives of Ada\u200d\ufffd <mark" in text


def test_without_matplotlib_there_are_numbers_and_no_report(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert evaluate([folder / "ruler"], folder / "test.spacy")["pipelines"]
    with pytest.raises(BertNerError, match=r"--report .*matplotlib is not installed.*\[report\]"):
        evaluate([folder / "ruler"], folder / "test.spacy", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_installed_package_is_opened_by_its_name(folder, monkeypatch):
    named = []
    real = spacy.load
    monkeypatch.setattr(spacy, "load", lambda name: named.append(name) or real(folder / "ruler"))
    assert evaluate([Path("en_my_ner")], folder / "test.spacy")["pipelines"]["en_my_ner"]["scores"]
    assert named == ["en_my_ner"]


def test_a_folder_with_metrics_and_plots_of_others_is_not_replaced(folder, tmp_path):
    (tmp_path / "mine" / "plots").mkdir(parents=True)
    (tmp_path / "mine" / "metrics.json").write_text('{"acc": 1}')
    (tmp_path / "mine" / "plots" / "mine.csv").write_text("years of work")
    with pytest.raises(BertNerError, match="is not an earlier report, so it is not replaced"):
        evaluate([folder / "ruler"], folder / "test.spacy", tmp_path / "mine")
    assert (tmp_path / "mine" / "plots" / "mine.csv").exists()
