"""Test evaluating pipelines on held-out examples, both through the command and in a file."""

import json
import shutil
from dataclasses import replace
from hashlib import sha256

import pytest
import spacy
from spacy.cli import app
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus
from typer.testing import CliRunner

import spacy_bert_ner.cli  # noqa: F401, its commands
from spacy_bert_ner.errors import BertNerError, CorpusError
from spacy_bert_ner.evaluation.measure import compute_metrics, run_pipeline
from spacy_bert_ner.evaluation.report import METRICS, evaluate
from spacy_bert_ner.types import Entity, Prediction
from spacy_bert_ner.util.pipelines import name_labels

pytestmark = [pytest.mark.charts, pytest.mark.usefixtures("sketched", "few_exceptions")]

GOLD = [
    ("Kevin Durant plays for the Brooklyn Nets .", [(0, 2, "per"), (4, 7, "org")]),
    ("New York and Paris", [(0, 2, "geo"), (3, 4, "geo")]),
    ("Nobody came .", []),
    ("Ada Lovelace met Paris", [(0, 2, "per"), (3, 4, "per")]),
]
PATTERNS = {
    "good": [("per", "Kevin Durant"), ("org", "the Brooklyn Nets"), ("geo", "New York"), ("geo", "Paris")],
    "bad": [("per", "Durant"), ("per", "New York"), ("geo", "Nobody came"), ("geo", "Paris")],
}


@pytest.fixture
def data(tmp_path):
    vocab = spacy.blank("en").vocab
    docs = []
    for text, entities in GOLD:
        doc = Doc(vocab, words=text.split())
        doc.set_ents([Span(doc, start, end, label=label) for start, end, label in entities])
        docs.append(doc)
    DocBin(docs=docs).to_disk(tmp_path / "test.spacy")
    return tmp_path / "test.spacy"


@pytest.fixture
def pipelines(tmp_path):
    """Return pipelines with an entity ruler. Any component that sets entities would be suitable."""
    for name, patterns in PATTERNS.items():
        nlp = spacy.blank("en")
        ruler = nlp.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": label, "pattern": pattern} for label, pattern in patterns])
        nlp.to_disk(tmp_path / name)
    return [tmp_path / name for name in PATTERNS]


def run(*arguments):
    return CliRunner().invoke(app, ["bert-ner", "evaluate", *map(str, arguments)])


def test_entities_are_found_and_counted(pipelines, data):
    found = run_pipeline(spacy.load(pipelines[0]), data)
    assert found.gold[0] == [Entity("per", 0, 2), Entity("org", 4, 7)]
    assert found.predicted == [found.gold[0], found.gold[1], [], [Entity("geo", 3, 4)]]
    told = compute_metrics(found)
    assert (told["n_docs"], told["n_words"]) == (4, 19)
    assert told["words_per_second"] > 0
    micro = told["scores"]["micro"]
    assert [micro[key] for key in ("right", "found", "gold")] == [4, 5, 6]
    assert told["mistakes"] == {
        **dict.fromkeys(["too long", "too short", "split", "merged", "shifted", "spurious"], 0),
        **{"wrong label": 1, "missed": 1},
    }
    assert told["schemas"]["exact"] | {"p": 1.0, "r": 5 / 6} == told["schemas"]["exact"]
    assert told["confusion"] == [
        {"gold": "geo", "predicted": "geo", "n": 2},
        {"gold": "org", "predicted": "org", "n": 1},
        {"gold": "per", "predicted": None, "n": 1},
        {"gold": "per", "predicted": "geo", "n": 1},
        {"gold": "per", "predicted": "per", "n": 1},
    ]


def test_the_scores_are_those_of_spacy(pipelines, data):
    for path in pipelines:
        nlp = spacy.load(path)
        expected = nlp.evaluate(list(Corpus(data)(nlp)))
        told = compute_metrics(run_pipeline(nlp, data))["scores"]
        expected_micro = {key: expected[f"ents_{key}"] for key in "prf"}
        assert {key: told["micro"][key] for key in "prf"} == pytest.approx(expected_micro)
        for label, row in expected["ents_per_type"].items():
            assert {key: told["per_label"][label][key] or 0.0 for key in "prf"} == pytest.approx(row)


def test_files_in_other_formats_are_read(pipelines, data, tmp_path):
    nlp = spacy.load(pipelines[0])
    expected = run_pipeline(nlp, data)
    for name, options in (("test.conll", "columns"), ("test.jsonl", "spans"), ("test.csv", "csv")):
        (tmp_path / name).write_text(written(options), encoding="utf8")
        found = run_pipeline(nlp, tmp_path / name)
        assert (found.gold, found.predicted) == (expected.gold, expected.predicted)
        assert [origin.number for origin in found.origins] == [1, 2, 3, 4]


def written(format):
    """Return the gold Docs as text with one tag in each line, with spans, or with sentences and tags in two columns."""
    lines = ["text;labels"] if format == "csv" else []
    for text, entities in GOLD:
        words = text.split()
        tags = ["O"] * len(words)
        for start, end, label in entities:
            tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
        starts = [len(" ".join([*words[:i], ""])) for i in range(len(words))]
        spans = [[starts[start], starts[end - 1] + len(words[end - 1]), label] for start, end, label in entities]
        lines += {
            "columns": [*map(" ".join, zip(words, tags, strict=True)), ""],
            "spans": [json.dumps({"text": text, "label": spans})],
            "csv": [f"{text};{' '.join(tags)}"],
        }[format]
    return "\n".join([*lines, ""])


def test_a_file_that_needs_options_is_to_be_converted(pipelines, tmp_path):
    record = {"text": "Kevin left", "label": [[0, 3, "per"]]}
    (tmp_path / "test.jsonl").write_text(json.dumps(record), encoding="utf8")
    with pytest.raises(BertNerError, match=r"(?s)--misaligned.*options of bert-ner convert\. Convert the file with"):
        run_pipeline(spacy.load(pipelines[0]), tmp_path / "test.jsonl")


def test_tokens_without_annotation_do_not_count(pipelines, data, tmp_path):
    doc = Doc(spacy.blank("en").vocab, words=["Kevin", "Durant", "left", "Paris"])
    doc.set_ents([Span(doc, 0, 2, label="per")], missing=[doc[3:4]], default="outside")
    DocBin(docs=[doc, Doc(doc.vocab, words=["New", "York"])]).to_disk(tmp_path / "part.spacy")
    found = run_pipeline(spacy.load(pipelines[0]), tmp_path / "part.spacy")
    assert (found.gold, found.predicted) == ([[Entity("per", 0, 2)]], [[Entity("per", 0, 2)]])


def test_other_tokens_are_brought_to_those_of_the_gold_docs(pipelines, data, tmp_path):
    nlp = spacy.load(pipelines[0])
    doc = Doc(nlp.vocab, words=["Kev", "in", "Durant", "left"], spaces=[False, True, True, False])
    doc.set_ents([Span(doc, 0, 3, label="per")])
    DocBin(docs=[doc]).to_disk(tmp_path / "other.spacy")
    nlp.tokenizer = lambda text: Doc(nlp.vocab, words=text.split())
    assert run_pipeline(nlp, tmp_path / "other.spacy").predicted == [[Entity("per", 0, 3)]]


def test_a_gold_token_that_the_pipeline_cuts_is_right_once(tmp_path):
    nlp = spacy.blank("en")
    patterns = [("geo", "Paris"), ("geo", "Lyon"), ("per", "Rome")]
    nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": text} for label, text in patterns])
    texts = [["Paris-Lyon", "and", "Rome-Paris"], ["Lyon", "left"]]
    gold = [Doc(nlp.vocab, words=words, spaces=[True] * len(words)) for words in texts]
    gold[0].set_ents([Span(gold[0], i, i + 1, label="geo") for i in (0, 2)])
    gold[1].set_ents([Span(gold[1], 0, 1, label="geo")])
    DocBin(docs=gold).to_disk(tmp_path / "test.spacy")
    found = run_pipeline(nlp, tmp_path / "test.spacy")
    assert found.predicted[0] == [Entity("geo", 0, 1)] * 2 + [Entity("per", 2, 3), Entity("geo", 2, 3)]
    told = compute_metrics(found)
    assert [told["scores"]["micro"][key] for key in ("right", "found", "gold")] == [3, 5, 3]
    assert {kind: n for kind, n in told["mistakes"].items() if n} == {"spurious": 2}
    assert told["confusion"] == [
        {"gold": None, "predicted": "geo", "n": 1},
        {"gold": None, "predicted": "per", "n": 1},
        {"gold": "geo", "predicted": "geo", "n": 3},
    ]
    right = {"strict": 3, "exact": 3, "partial": 3, "type": 3}
    assert {name: told["schemas"][name]["correct"] for name in right} == right
    # Add scores as a `bert_ner` component would set them.
    scored = [[Prediction(*entity, 0.5) for entity in doc] for doc in found.predicted]
    curve = compute_metrics(replace(found, scored=scored))["confidence"]["all"]["curve"]
    assert curve == [{"threshold": 0.5, "p": 3 / 5, "r": 1.0}]


def test_labels_of_any_name_are_told_from_what_is_missed_and_spurious(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "missed", "pattern": "Ada"}])
    doc = Doc(nlp.vocab, words=["Ada", "met", "Eve", "and", "Ada"])
    doc.set_ents([Span(doc, 0, 1, label="spurious"), Span(doc, 2, 3, label="spurious")])
    DocBin(docs=[doc]).to_disk(tmp_path / "test.spacy")
    told = compute_metrics(run_pipeline(nlp, tmp_path / "test.spacy"))
    assert told["confusion"] == [
        {"gold": None, "predicted": "missed", "n": 1},
        {"gold": "spurious", "predicted": None, "n": 1},
        {"gold": "spurious", "predicted": "missed", "n": 1},
    ]
    assert told["strings"] == [
        {"text": "Ada", "gold": None, "predicted": "missed", "n": 1},
        {"text": "Ada", "gold": "spurious", "predicted": "missed", "n": 1},
        {"text": "Eve", "gold": "spurious", "predicted": None, "n": 1},
    ]


def test_what_is_done_once_is_no_part_of_the_speed(pipelines, data, monkeypatch):
    """Test the speed with a clock that advances by 100 for the first text and by 1 for each later text."""
    nlp = spacy.load(pipelines[0])
    now = [0.0]

    def work(doc):
        now[0] += 1 if now[0] else 100
        return doc

    Language.component("tests_work", func=work)
    nlp.add_pipe("tests_work")
    monkeypatch.setattr("spacy_bert_ner.evaluation.measure.time.perf_counter", lambda: now[0])
    assert run_pipeline(nlp, data).seconds == 4


def test_two_pipelines_are_compared_and_written(pipelines, data, tmp_path):
    report = evaluate(pipelines, data, tmp_path / "report")
    (pair,) = report["comparisons"]
    assert (pair["from"], pair["to"]) == tuple(map(str, pipelines))
    names = [*report["pipelines"]]
    scores = [report["pipelines"][name]["scores"]["micro"]["f"] for name in names]
    assert pair["difference"] == pytest.approx(scores[1] - scores[0])
    assert pair["difference"] < 0
    assert 0 < pair["p_value"] <= 1
    written = json.loads((tmp_path / "report" / METRICS).read_text())
    assert written["pipelines"][names[0]]["scores"] == report["pipelines"][names[0]]["scores"]
    assert written["data"]["sha256"] == {"test.spacy": sha256(data.read_bytes()).hexdigest()}
    evaluate(pipelines[:1], data, tmp_path / "report")  # replaces the previous report
    assert json.loads((tmp_path / "report" / METRICS).read_text())["comparisons"] == []


def test_the_command_prints_a_table_and_the_difference(pipelines, data, tmp_path):
    done = run(*pipelines, data, "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.output.splitlines()]
    assert ["org", "1.0000", "1.0000", "1.0000", "0.3424", "to", "1.0000", "1"] in rows  # one entity
    assert any(row[:4] == ["all", "0.8000", "0.6667", "0.7273"] for row in rows)
    assert "Mistakes: 1 wrong label, 1 missed" in done.output
    assert "p = 0." in done.output
    assert (tmp_path / "report" / METRICS).exists()


def test_a_difference_that_is_the_same_in_all_draws_has_no_interval(pipelines, data, tmp_path):
    shutil.copytree(pipelines[0], tmp_path / "same")
    done = run(pipelines[0], tmp_path / "same", data, "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    assert "F1 +0.0000 (no interval: all resamples have the same difference), p = 1.000" in " ".join(
        done.output.split()
    )
    page = (tmp_path / "report" / "report.html").read_text("utf8")
    assert "<b>+0.0000</b> (no interval: all resamples have the same difference; p = 1.000" in page


def test_where_nothing_is_found_there_is_no_score(data, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    done = run(tmp_path / "blank", data)
    assert done.exit_code == 0, done.output
    assert ["all", "-", "0.0000", "0.0000", "0.0000", "to", "0.5615", "6"] in [
        r.split() for r in done.output.splitlines()
    ]
    assert "Mistakes: 6 missed" in done.output


def test_nothing_is_evaluated_without_annotation(pipelines, tmp_path):
    DocBin(docs=[Doc(spacy.blank("en").vocab, words=["New", "York"])]).to_disk(tmp_path / "plain.spacy")
    done = run(pipelines[0], tmp_path / "plain.spacy")
    assert done.exit_code == 1
    assert "has no Doc with entity annotations" in " ".join(done.output.split())


def test_what_is_not_there_is_named(pipelines, data, tmp_path):
    with pytest.raises(BertNerError, match="none as a pipeline. OSError: .* Allowed: the folder of"):
        evaluate([tmp_path / "none"], data)
    with pytest.raises(BertNerError, match=r"test.spacy is a file, not a pipeline. .* the data as the last argument"):
        evaluate([data, *pipelines], data)
    with pytest.raises(BertNerError, match=r"good is specified twice. Allowed: each pipeline once"):
        evaluate([*pipelines, pipelines[0]], data)
    with pytest.raises(BertNerError, match=r"bad/\.\./good is specified twice"):
        evaluate([pipelines[0], pipelines[1] / ".." / "good"], data)
    with pytest.raises(BertNerError, match="none.spacy"):
        evaluate(pipelines, tmp_path / "none.spacy")
    assert run(data).exit_code == 2


def test_texts_beyond_what_a_pipeline_takes_are_named(pipelines, data, monkeypatch):
    monkeypatch.setitem(Language.__init__.__kwdefaults__, "max_length", 20)
    doc = Doc(spacy.blank("en").vocab, words=["word"] * 5, spaces=[True] * 5)
    doc.set_ents([], default="outside")
    DocBin(docs=[doc]).to_disk(data)
    with pytest.raises(
        BertNerError,
        match=r"test.spacy, document 1: the text has 25 characters. Allowed: at most 20, the pipeline's max_len",
    ):
        run_pipeline(spacy.load(pipelines[0]), data)


def test_a_component_that_fails_is_told(pipelines, data, monkeypatch):
    nlp = spacy.load(pipelines[0])

    def fail(docs):
        raise KeyError("nO")

    monkeypatch.setattr(nlp, "pipe", fail)
    with pytest.raises(BertNerError, match="The pipeline ruler failed on a text. .* this error: KeyError: 'nO'"):
        run_pipeline(nlp, data, "ruler")


@pytest.mark.parametrize("beside", [[], [METRICS]])
def test_a_folder_with_something_else_is_not_replaced(pipelines, data, tmp_path, beside):
    (tmp_path / "mine").mkdir()
    for name in ("thesis.txt", *beside):
        (tmp_path / "mine" / name).write_text("years of work")
    with pytest.raises(BertNerError, match="mine already exists and is not an earlier report, so it is not replaced"):
        evaluate(pipelines, data, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_report_takes_the_place_of_nothing_else(pipelines, data, tmp_path, monkeypatch):
    evaluate(pipelines[:1], data, tmp_path / "report")
    (tmp_path / "report" / "plots" / "mine.png").write_text("years of work")
    with pytest.raises(BertNerError, match="report already exists and is not an earlier report"):
        evaluate(pipelines, data, tmp_path / "report")
    assert (tmp_path / "report" / "plots" / "mine.png").read_text() == "years of work"
    with pytest.raises(BertNerError, match="bad/report would be inside the pipeline .*bad and would change it"):
        evaluate(pipelines, data, pipelines[1] / "report")
    (tmp_path / "here" / "deeper").mkdir(parents=True)
    for folder in ("here", "here/deeper"):
        monkeypatch.chdir(tmp_path / folder)
        with pytest.raises(BertNerError, match="would replace the current folder"):
            evaluate(pipelines, data, tmp_path / "here")


def corpus_of(data, **parts):
    """Return a folder in which the train, dev and test splits all contain the data.

    If splits are passed, the folder also contains a `split.json`.
    """
    folder = data.parent / "corpus"
    folder.mkdir()
    for name in ("train", "dev", "test"):
        shutil.copy(data, folder / f"{name}.spacy")
    if parts:
        record = {"parts": {part: {"file": f"{name}.spacy"} for part, name in parts.items()}}
        (folder / "split.json").write_text(json.dumps(record))
    return folder


def test_the_command_scores_the_test_part_of_a_folder_and_says_so(pipelines, data):
    folder = corpus_of(data, train="train", dev="dev", test="test")
    done = run(pipelines[0], folder, "--train", folder)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    for part in ("test", "train"):
        assert f"corpus is a folder; using its {part} data: {folder}/{part}.spacy" in said
    assert any(row.split()[-1:] == ["6"] for row in done.output.splitlines())  # the gold entities in a single file
    assert "is a folder" not in run(pipelines[0], data).output


def test_a_folder_without_a_test_part_is_refused_before_pipelines_are_opened(pipelines, data, tmp_path):
    folder = corpus_of(data)
    done = run(tmp_path / "no pipeline", folder, "--report", tmp_path / "report")
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert (
        f"contains these .spacy files: {folder}/dev.spacy, {folder}/test.spacy, "
        f"{folder}/train.spacy. The folder contains no split"
    ) in said
    assert f"Specify which file to use: python -m spacy bert-ner evaluate PIPELINE {folder}/test.spacy" in said
    assert not (tmp_path / "report").exists()
    with pytest.raises(CorpusError, match=r"identifies the train split\. .* --train \S+/train.spacy$"):
        evaluate(pipelines, data, train=folder)


def relabelled(data, **labels):
    """Change labels in the data."""
    docs = list(DocBin().from_disk(data).get_docs(spacy.blank("en").vocab))
    for doc in docs:
        doc.set_ents([Span(doc, ent.start, ent.end, label=labels.get(ent.label_, ent.label_)) for ent in doc.ents])
    DocBin(docs=docs).to_disk(data)
    return data


def test_labels_that_a_pipeline_never_gives_are_told(pipelines, data):
    done = run(*pipelines, relabelled(data, per="PER", org="company"))
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert (
        f"The data has labels that '{pipelines[0]}' never predicts, so their entities count as missed: PER (the "
        "pipeline has per), company. It predicts these labels: geo, org, per. Rename the labels in the annotation, and "
        "convert it again."
    ) in said
    assert f"'{pipelines[1]}' never predicts, so their entities count as missed: PER (the pipeline has per)" in said


def test_known_labels_are_not_told(pipelines, data):
    assert "never predicts" not in run(pipelines[0], data).output


@Language.component("tests_silent")
def silent(doc):
    return doc


@Language.component("tests_ents_without_labels", assigns=["doc.ents"])
def ents_without_labels(doc):
    return doc


@Language.component("tests_flag", assigns=["doc._.flag"])
def flag(doc):
    return doc


@pytest.mark.filterwarnings("ignore:.W036.")  # the rulers have no patterns
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tests_silent", []),
        ("tests_ents_without_labels", []),
        ("tests_flag", ["PER"]),
        ("sentencizer", ["PER"]),
        ("attribute_ruler", ["PER"]),
        ("merge_entities", ["PER"]),
        ("span_ruler", ["PER"]),
    ],
)
def test_where_a_component_does_not_tell_its_labels_none_is_unknown(pipelines, data, name, expected):
    nlp = spacy.load(pipelines[0])
    nlp.add_pipe(name)
    assert compute_metrics(run_pipeline(nlp, relabelled(data, per="PER")))["unknown_labels"] == expected


def test_labels_of_a_span_ruler_that_sets_entities_are_known(pipelines, data):
    nlp = spacy.load(pipelines[0])
    ruler = nlp.add_pipe("span_ruler", config={"annotate_ents": True, "spans_key": None})
    ruler.add_patterns([{"label": "PER", "pattern": "no such text"}])
    assert compute_metrics(run_pipeline(nlp, relabelled(data, per="PER")))["unknown_labels"] == []


def test_labels_in_messages():
    assert name_labels(["PER", "Geo", "art"], ["per", "Per", "geo", "art"]) == (
        "PER (the pipeline has Per, per), Geo (the pipeline has geo), art"
    )
    assert name_labels([f"l{i}" for i in range(10)], []) == "l0, l1, l2, l3, l4, l5, l6, l7 and 2 more"
