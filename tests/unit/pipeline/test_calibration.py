import json
import shutil
import warnings
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.errors import BertNerError, CalibrationError
from spacy_bert_ner.losses.gold_tags import verdicts
from spacy_bert_ner.pipeline.calibration import calibrate_pipeline
from spacy_bert_ner.types import Entity

# Most tests use few entities.
pytestmark = [
    pytest.mark.usefixtures("few_exceptions"),
    pytest.mark.filterwarnings("ignore:The temperature for .* was fitted on"),
]

TEXTS = ["Kevin Durant lives in New York .", "Mr. O'Neill plays for the Nets .", "the United Nets in Brooklyn"]


OTHER = {"per": "geo", "geo": "per"}


@pytest.fixture
def pipeline(make_nlp, tagger, tmp_path):
    """Return a saved pipeline, and gold data with which every third predicted entity is incorrect."""
    nlp = make_nlp(name=tagger)
    docs = []
    n = 0
    for text in TEXTS * 4:
        doc = nlp(text)
        ents = []
        for ent in doc.ents:
            n += 1
            ents.append(ent if n % 3 else Span(doc, ent.start, ent.end, label=OTHER[ent.label_]))
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
    assert "expected calibration error on" in message
    cfg = json.loads((folder / "bert_ner" / "cfg").read_text())
    assert cfg["temperature"] != 1.0
    assert spacy.load(folder).get_pipe("bert_ner").cfg == cfg
    assert (folder / "bert_ner" / "model" / "model.safetensors").read_bytes() == weights


def test_data_in_another_format_gives_the_same_temperature(pipeline, tmp_path):
    folder, data = pipeline
    examples = []
    for doc in DocBin().from_disk(data).get_docs(spacy.blank("en").vocab):
        label = [[ent.start_char, ent.end_char, ent.label_] for ent in doc.ents]
        examples.append(json.dumps({"text": doc.text, "label": label}))
    (tmp_path / "dev.jsonl").write_text("\n".join(examples), encoding="utf8")
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert calibrate_pipeline(copy, tmp_path / "dev.jsonl") == calibrate_pipeline(folder, data)


def test_the_report(pipeline):
    report = calibrate_pipeline(*pipeline)["bert_ner"]
    assert set(report) == {"temperature", "ece_before", "ece_after", "n_entities"}
    # A second calibration does not change the temperature.
    again = calibrate_pipeline(*pipeline)["bert_ner"]
    assert again["temperature"] == pytest.approx(report["temperature"], rel=0.01)
    assert again["ece_before"] == pytest.approx(report["ece_after"], abs=0.01)


def test_the_progress_counts_the_examples_of_each_component(make_nlp, tagger, tmp_path, pipeline):
    nlp = make_nlp(name=tagger)
    nlp.add_pipe("sentencizer", first=True)
    nlp.to_disk(tmp_path / "two")
    shown = []

    def progress(items, activity, n_items):
        for item in items:
            shown.append((activity, n_items))
            yield item

    calibrate_pipeline(tmp_path / "two", pipeline[1], progress)
    n = len(DocBin().from_disk(pipeline[1]))
    assert shown == [("earlier components", n)] * n + [("bert_ner", n)] * n


def test_few_entities_are_told(pipeline):
    with pytest.warns(
        UserWarning, match=r"for 'bert_ner' was fitted on only \d\d predicted entities, .* at least 100 entities"
    ):
        calibrate_pipeline(*pipeline)


def test_enough_entities_are_not_told(pipeline):
    folder, data = pipeline
    docs = list(DocBin().from_disk(data).get_docs(spacy.blank("en").vocab))
    DocBin(docs=docs * 5).to_disk(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert calibrate_pipeline(folder, data)["bert_ner"]["n_entities"] >= 100


def test_earlier_components_count(make_nlp, tagger, tmp_path, pipeline):
    # Entities from an earlier component leave fewer entities to predict.
    nlp = make_nlp(name=tagger)
    ruler = nlp.add_pipe("entity_ruler", first=True)
    ruler.add_patterns([{"label": "x", "pattern": word} for word in TEXTS[0].split()])
    nlp.to_disk(tmp_path / "with_ruler")
    with_ruler = calibrate_pipeline(tmp_path / "with_ruler", pipeline[1])["bert_ner"]["n_entities"]
    assert 0 < with_ruler < calibrate_pipeline(*pipeline)["bert_ner"]["n_entities"]


def add_two(nlp, tagger, **second):
    model = {"name": str(tagger), "overlap": 8}
    nlp.add_pipe("bert_ner", name="first", config={"model": model})
    nlp.add_pipe("bert_ner", name="second", config={"model": model, "spans_key": "second", **second})
    return nlp


def test_every_component_is_calibrated_whatever_its_name(tagger, tmp_path, pipeline):
    add_two(spacy.blank("en"), tagger, overwrite=True).to_disk(tmp_path / "two")
    reports = calibrate_pipeline(tmp_path / "two", pipeline[1])
    assert list(reports) == ["first", "second"]
    saved = [json.loads((tmp_path / "two" / name / "cfg").read_text())["temperature"] for name in reports]
    assert saved == pytest.approx([report["temperature"] for report in reports.values()])
    assert 1.0 not in saved


NO_SCORES = (
    r"Calibration of 'second' was skipped\. 'second' computes no entity scores because "
    "spans_key = null, .* Set the key of a span group"
)
NOTHING_LEFT = r"Calibration of 'second' was skipped\. Cannot fit a temperature for 'second': 0 of 0 predicted entities"


def temperatures(folder):
    return [json.loads((folder / name / "cfg").read_text())["temperature"] for name in ("first", "second")]


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"spans_key": None, "overwrite": True}, NO_SCORES),
        ({}, NOTHING_LEFT),  # the first component predicts all entities
    ],
)
def test_a_component_that_cannot_be_calibrated_is_skipped_and_named(tagger, tmp_path, pipeline, second, reason):
    add_two(spacy.blank("en"), tagger, **second).to_disk(tmp_path / "two")
    before = (tmp_path / "two" / "second" / "cfg").read_bytes()
    with pytest.warns(UserWarning, match=reason):
        reports = calibrate_pipeline(tmp_path / "two", pipeline[1])
    assert list(reports) == ["first"]
    assert temperatures(tmp_path / "two") == [pytest.approx(reports["first"]["temperature"]), 1.0]
    assert reports["first"]["temperature"] != 1.0
    assert (tmp_path / "two" / "second" / "cfg").read_bytes() == before


def test_where_no_component_can_be_calibrated_none_is(make_nlp, tagger, tmp_path, pipeline):
    # If neither component computes scores, calibration fails.
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", name="first", config={"model": {"name": str(tagger)}, "spans_key": None})
    nlp.add_pipe("bert_ner", name="second", config={"model": {"name": str(tagger)}, "spans_key": None})
    nlp.to_disk(tmp_path / "silent")
    done = run(tmp_path / "silent", pipeline[1])
    assert done.exit_code == 1
    message = " ".join(done.output.split())
    assert "'first' computes no entity scores" in message
    assert "'second' computes no entity scores" in message
    # One component computes no scores, and the other predicts no entities, as after too little training.
    add_two(spacy.blank("en"), tagger, spans_key=None).to_disk(tmp_path / "two")
    data = gold(tmp_path / "gold.spacy", ("Nobody", ["B-per"]))
    with pytest.raises(
        CalibrationError, match="'second' computes no entity scores.* Cannot fit a temperature for 'first'"
    ):
        calibrate_pipeline(tmp_path / "two", data)
    assert temperatures(tmp_path / "silent") == temperatures(tmp_path / "two") == [1.0, 1.0]


def test_what_is_not_there(tmp_path, pipeline):
    folder, data = pipeline
    for arguments in ((tmp_path / "nothing", data), (folder, tmp_path / "nothing.spacy")):
        done = run(*arguments)
        assert done.exit_code == 1
        assert "does not exist" in " ".join(done.output.split())
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(
        BertNerError, match="no component created by the factory 'bert_ner'. Its components are: none. Allowed: a pipe"
    ):
        calibrate_pipeline(tmp_path / "blank", data)


def test_what_is_no_pipeline(tmp_path, pipeline):
    (tmp_path / "empty").mkdir()
    done = run(tmp_path / "empty", pipeline[1])
    assert done.exit_code == 1
    assert "Not calibrated" in done.output


def test_the_command_tells_what_was_done(monkeypatch, tmp_path):
    report = {"temperature": 1.5, "ece_before": 0.25, "ece_after": 0.125, "n_entities": 7}
    given = []
    monkeypatch.setattr("spacy.cli._util.setup_gpu", lambda gpu_id, silent: given.append(gpu_id))
    monkeypatch.setattr(
        "spacy_bert_ner.pipeline.calibration.calibrate_pipeline",
        lambda folder, data, progress: (
            given.extend([folder, data]) or {"one": report, "two": report | {"temperature": 2}}
        ),
    )
    done = run(tmp_path, tmp_path / "dev.spacy", "--gpu-id", "3")
    assert given == [3, tmp_path, tmp_path / "dev.spacy"]
    rest = "expected calibration error on the 7 entities used for the fit: 0.250 before, 0.125 after"
    message = " ".join(done.output.split())
    assert f"one: temperature 1.50; {rest}" in message
    assert f"two: temperature 2.00; {rest}" in message


def gold(path, *annotated):
    """Write Docs with the given words and tags. Without tags, they have no annotation."""
    vocab = spacy.blank("en").vocab
    DocBin(docs=[Doc(vocab, words=text.split(), ents=tags) for text, tags in annotated]).to_disk(path)
    return path


def relabelled(path, output, labels):
    """Copy data and change its labels."""
    docs = list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))
    for doc in docs:
        doc.set_ents([Span(doc, ent.start, ent.end, label=labels.get(ent.label_, ent.label_)) for ent in doc.ents])
    DocBin(docs=docs).to_disk(output)
    return output


def refused(status, folder, data):
    """Return the output of a command that fails, after checking that it did not change the pipeline."""
    before = (folder / "bert_ner" / "cfg").read_bytes()
    done = run(folder, data)
    assert done.exit_code == status, done.output
    assert (folder / "bert_ner" / "cfg").read_bytes() == before
    assert [p.name for p in Path(folder / "bert_ner").iterdir() if p.name.startswith(".")] == []
    return " ".join(done.output.split())


@pytest.mark.parametrize(("tag", "n_right"), [("B-per", 1), ("B-geo", 0)])
def test_a_pipeline_that_has_learned_too_little_stops_no_project(pipeline, tmp_path, tag, n_right):
    folder, _ = pipeline
    data = gold(tmp_path / "gold.spacy", ("Nobody", [tag]))
    assert f"{n_right} of 1 predicted entities are correct" in refused(0, folder, data)


@pytest.mark.parametrize("tags", [None, ["O"], []])
def test_data_without_a_gold_entity_is_an_error(pipeline, tmp_path, tags):
    folder, _ = pipeline
    data = gold(tmp_path / "plain.spacy", *[("Durant", tags)] * bool(tags != []))
    message = refused(1, folder, data)
    assert "has no gold entities, so no temperature can be fitted. Allowed: a file of held-out" in message


def test_data_with_no_label_of_the_pipeline_is_an_error(pipeline, tmp_path):
    folder, data = pipeline
    message = refused(1, folder, relabelled(data, tmp_path / "upper.spacy", {"per": "PER", "geo": "city"}))
    assert (
        "The data has these labels: PER (the pipeline has per), city. The pipeline predicts these labels: geo, per."
    ) in message


def test_labels_that_the_pipeline_never_gives_are_told(pipeline, tmp_path):
    folder, data = pipeline
    upper = relabelled(data, tmp_path / "upper.spacy", {"per": "PER"})
    message = r"pipeline' never predicts, so their entities count as missed: PER \(the pipeline has per\)\. It predicts"
    with pytest.warns(UserWarning, match=message):
        calibrate_pipeline(folder, upper)


@pytest.mark.parametrize("damage", [b"", b"no DocBin"])
def test_a_damaged_file_is_an_error(pipeline, tmp_path, damage):
    (tmp_path / "bad.spacy").write_bytes(damage)
    assert "bad.spacy" in refused(1, pipeline[0], tmp_path / "bad.spacy")


def test_of_a_folder_the_dev_part_is_taken(pipeline, tmp_path):
    folder, data = pipeline
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    shutil.copy(data, corpus / "held_out.spacy")
    gold(corpus / "train.spacy", ("Nobody", ["B-per"]))
    message = refused(1, folder, corpus)
    assert "The folder contains no split.json that identifies the dev split." in message
    assert "Specify which file to use: python -m spacy bert-ner calibrate PIPELINE" in message
    parts = {"train": {"file": "train.spacy"}, "dev": {"file": "held_out.spacy"}}
    (corpus / "split.json").write_text(json.dumps({"parts": parts}))
    done = run(folder, corpus)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "corpus is a folder; using its dev data:" in said
    assert "held_out.spacy" in said
    from_folder = json.loads((folder / "bert_ner" / "cfg").read_text())
    calibrate_pipeline(folder, data)
    assert json.loads((folder / "bert_ner" / "cfg").read_text())["temperature"] == pytest.approx(
        from_folder["temperature"], rel=0.01
    )


@pytest.mark.parametrize(
    ("label", "start", "end", "verdict"),
    [
        ("per", 0, 2, True),
        ("org", 0, 2, False),
        ("per", 0, 1, False),
        ("per", 0, 3, False),
        ("per", 1, 2, False),
        ("geo", 3, 6, True),
        ("geo", 3, 5, False),  # ends inside a gold token
        ("geo", 6, 7, None),
        ("geo", 5, 7, None),  # part of the span has no annotation
    ],
)
def test_when_an_entity_is_right(label, start, end, verdict):
    vocab = spacy.blank("en").vocab
    gold = Doc(vocab, words=["Kevin", "Durant", "left", "New", "York", "today"])
    ents = [Span(gold, 0, 2, label="per"), Span(gold, 3, 5, label="geo")]
    gold.set_ents(ents, missing=[gold[5:6]], default="outside")
    words, spaces = ["Kevin", "Durant", "left", "New", "Yo", "rk", "today"], [True] * 4 + [False, True, True]
    assert verdicts(Example(Doc(vocab, words, spaces), gold), [Entity(label, start, end)]) == [verdict]


def test_white_space_that_only_one_text_has_makes_nothing_wrong():
    vocab = spacy.blank("en").vocab
    gold = Doc(vocab, words=["Then", "Kevin", "Durant", "left"], ents=["O", "B-per", "I-per", "O"])
    predicted = Doc(vocab, words=["Then", "  ", "Kevin", "Durant", "left"])
    assert verdicts(Example(predicted, gold), [Entity("per", 2, 4), Entity("per", 2, 3)]) == [True, False]


def test_what_is_misaligned_tells_nothing():
    vocab = spacy.blank("en").vocab
    gold = Doc(vocab, words=["hour", "-long", "talks"], spaces=[False, True, False], ents=["B-tim", "O", "O"])
    eg = Example(Doc(vocab, words=["hour-long", "talks"]), gold)
    assert verdicts(eg, [Entity("tim", 0, 1), Entity("tim", 1, 2)]) == [None, False]
