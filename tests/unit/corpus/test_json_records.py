"""Test JSON records from Prodigy and doccano: skipped records, rejected records, and the text key."""

import json

import pytest
from corpora import fails, found, lines, messages
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.errors import CorpusError

TEXT = "Ada met Bob in New York."


# Prodigy


def span(start: int, end: int, **more: object) -> dict[str, object]:
    return {"start": start, "end": end, "label": "per", **more}


def test_rejected_and_ignored_spans_are_no_entities_and_counted(tmp_path):
    spans = [span(0, 3, answer="accept"), span(4, 7, answer="reject"), span(15, 23, answer="ignore"), span(8, 11)]
    path = lines(tmp_path, {"text": TEXT, "spans": spans, "answer": "accept"})
    assert found(path) == [[("Ada", "per"), ("Bob", "per")]]
    assert messages(path) == [
        "1 spans were not saved as entities because the annotator rejected them. To train on them as incorrect spans: "
        "[components.bert_ner] "
        'incorrect_spans_key = "incorrect_spans"',
        "1 spans were skipped because the annotator ignored them. No action is required.",
    ]
    fails(
        lines(tmp_path, {"text": TEXT, "spans": [span(0, 3, answer="maybe")]}),
        ", line 1: the answer 'maybe' is invalid. Allowed: accept, reject, ignore.",
    )


@pytest.mark.parametrize(
    ("row", "rest"),
    [
        (
            {"label": "NEWS", "answer": "accept"},
            ", line 2: label = 'NEWS' labels the whole text, as in text clas",
        ),
        ({"options": [], "accept": ["A"], "answer": "accept"}, ", line 2: options = [] labels the whole text"),
        ({"label": "NEWS"}, ", line 2: label = 'NEWS' labels the whole text"),
        ({"label": ["NEWS"]}, ", line 2: label = ['NEWS'] labels the whole text"),
        ({"label": 3}, ", line 2: label = 3 labels the whole text"),
    ],
)
def test_labels_of_whole_texts_are_refused(tmp_path, row, rest):
    first = {"text": "a", **row, "answer": "reject"} if "answer" in row else {"text": "a", "label": []}
    fails(lines(tmp_path, first, {"text": TEXT, **row}), rest)


def test_a_file_without_spans_is_refused(tmp_path):
    rows = [{"text": "a", "answer": "reject"}, {"text": TEXT, "answer": "accept"}, {"text": "b", "answer": "accept"}]
    fails(
        lines(tmp_path, *rows),
        ": no record has spans. The first record without spans is on line 2. The file looks like text-classif",
    )
    assert found(lines(tmp_path, *rows, {"text": "Ada", "spans": [span(0, 3)]})) == [[], [], [("Ada", "per")]]


def test_a_file_that_is_refused_writes_nothing(tmp_path):
    path = lines(tmp_path, {"text": TEXT, "answer": "accept"})
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out")])
    assert (result.exit_code, (tmp_path / "out").exists()) == (1, False)


# doccano


def numbered(*spans: tuple[int, int, object], **more: object) -> dict[str, object]:
    annotations = [{"label": label, "start_offset": start, "end_offset": end} for start, end, label in spans]
    return {"text": TEXT, "annotations": annotations, **more}


def test_numbers_of_labels_have_the_names_that_stand_beside_the_file(tmp_path):
    path = lines(tmp_path, {"text": "a", "annotations": []}, numbered((0, 3, 7), (15, 23, 12)))
    config = tmp_path / "label_config.json"
    fails(path, ", line 2: the span label 7 is a number without a name. Export the labels from doccano")
    config.write_text('[{"id": 7, "text": "per", "color": "#fff"}]')
    fails(path, f", line 2: the span label 12 has no name in {config}, which only names these numbers: 7.")
    config.write_text('[{"id": 7, "text": "per"}, {"id": 12, "text": "loc"}]')
    assert found(path) == [[], [("Ada", "per"), ("New York", "loc")]]
    assert read_corpus(path).format == "doccano"


@pytest.mark.parametrize("text", ["[", "{}5", '[{"name": "per"}]', "[5]", "5", '"a"'])
def test_a_file_of_labels_that_is_none_is_refused(tmp_path, text):
    path = lines(tmp_path, numbered((0, 3, 7)))
    (tmp_path / "label_config.json").write_text(text)
    with pytest.raises(CorpusError, match="label_config.json cannot be read as doccano labels"):
        CorpusStream(path)


def test_labels_by_name_need_no_file_beside_them(tmp_path):
    (tmp_path / "label_config.json").write_text("[")
    assert found(lines(tmp_path, numbered((0, 3, "per")))) == [[("Ada", "per")]]


# The text key


def test_the_text_may_be_under_another_key(tmp_path):
    rows = [
        {"body": "Ada left.", "spans": [span(0, 3)]},
        {"body": "Ada left.", "label": [[0, 3, "per"]]},
        {"article": {"body": "Ada left."}, "entities": [[0, 3, "per"]]},
    ]
    for row, format, key in zip(rows, ("jsonl", "doccano", "jsonl"), ("body", "body", "article.body"), strict=True):
        path = lines(tmp_path, row)
        fails(path, ", line 1: the format cannot be detected")
        assert found(path, text_key=key) == [[("Ada", "per")]]
        assert read_corpus(path, text_key=key).format == format
        fails(
            path, (f", line 1: the record requires x, but its keys are: {', '.join(row)}."), text_key="x", format=format
        )


def test_formats_without_a_text_key_refuse_one(tmp_path):
    path = lines(tmp_path, {"tokens": ["a"], "ner_tags": ["O"]})
    rest = (
        "--text-key a applies only to these formats: label-studio, jsonl, doccano. The format of this corpus "
        "is huggingface-json. Omit the "
        "option."
    )
    with pytest.raises(CorpusError, match=rest):
        CorpusStream(path, text_key="a")


def test_the_command_and_what_makes_the_split_again_take_the_key(tmp_path):
    path = lines(tmp_path, *({"body": f"Ada left {word}.", "spans": [span(0, 3)]} for word in "abcdefghij"))
    options = ["--text-key", "body", "--split", "80/20"]
    assert CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out"), *options]).exit_code == 0
    again = json.loads((tmp_path / "out" / "split.json").read_text())["again"]
    assert again.startswith("python -m spacy bert-ner convert a.jsonl OUTPUT_DIR --split 80/20 ")
    assert "--text-key body" in again
    assert CliRunner().invoke(app, ["inspect", str(path), "--text-key", "body"]).exit_code == 0


# NUL characters


def test_a_nul_is_refused_but_where_it_is_in_a_token(tmp_path):
    fails(
        lines(tmp_path, {"text": "Ada\0 x", "label": []}),
        ", line 1: the text contains a NUL character (U+0000) at offset 3,",
    )
    tokens = [{"text": "a\0", "start": 0, "end": 2}]
    path = lines(tmp_path, {"text": "a\0", "spans": [], "tokens": tokens})
    convert(path, tmp_path / "out", to="jsonl")
    assert read_corpus(tmp_path / "out" / "a.jsonl").sentences[0].words == ["a\0"]
