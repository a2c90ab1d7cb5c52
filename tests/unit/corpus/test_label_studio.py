"""Test Label Studio exports: selecting an annotation, the text key, and CSV."""

import csv
import json
from pathlib import Path

import pytest
from corpora import fails, found

from spacy_bert_ner.corpus import CorpusStream, read_corpus

TEXT = "Ada met Bob."


def write(folder: Path, *tasks: object) -> Path:
    path = folder / "a.json"
    path.write_text(json.dumps(tasks))
    return path


def region(start: int, end: int, *labels: str, text: str | None = None) -> dict[str, object]:
    return {"start": start, "end": end, "labels": list(labels), "text": TEXT[start:end] if text is None else text}


def annotation(*regions: object, **more: object) -> dict[str, object]:
    return {"result": [{"type": "labels", "to_name": "x", "value": value} for value in regions], **more}


def task(*annotations: object, **data: object) -> dict[str, object]:
    return {"data": data or {"text": TEXT}, "annotations": list(annotations)}


ADA, BOB = region(0, 3, "per"), region(8, 11, "per")
IN_ADA, IN_BOB = [[("Ada", "per")]], [[("Bob", "per")]]

# Selecting an annotation


def test_completions_are_annotations(tmp_path):
    path = write(tmp_path, {"id": 1, "data": {"text": TEXT}, "completions": [annotation(ADA)]})
    assert found(path) == IN_ADA
    assert read_corpus(path).format == "label-studio"


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ([annotation(ADA), annotation(BOB, ground_truth=True)], IN_BOB),
        ([annotation(ADA, ground_truth=False), annotation(BOB, ground_truth=False)], IN_ADA),
        ([annotation(ADA), annotation(BOB, ground_truth=True, was_cancelled=True), annotation()], IN_ADA),
        ([annotation(ground_truth=True), annotation(BOB, ground_truth=True)], [[]]),
    ],
)
def test_the_ground_truth_comes_first(tmp_path, annotations, expected):
    path = write(tmp_path, task(*annotations) | {"predictions": [annotation(region(4, 7, "no"))]})
    assert found(path) == expected
    assert CorpusStream(path).messages() == [
        (
            "1 annotations were ignored because only one annotation per text is used. "
            "Remove those that should not be used."
        )
    ]


def test_texts_with_a_region_of_several_labels_are_left_out_and_counted(tmp_path):
    path = write(tmp_path, task(annotation(region(0, 3, "per", "org"), BOB)), task(annotation(BOB)))
    assert found(path) == IN_BOB
    assert CorpusStream(path).messages() == [
        (
            "1 texts were skipped because they have spans with several labels. Allowed: one label per "
            "span. Remove the extra labels to include these texts."
        )
    ]


# The text key


@pytest.mark.parametrize(
    "data",
    [
        {"sentence": TEXT, "meta": 5},
        {"title": "News", "sentence": TEXT},
        {"source": "Bob met Ada.", "sentence": TEXT},
        {"sentence": TEXT, "title": None},
    ],
    ids=["only-string", "only-fit", "only-place", "null"],
)
def test_the_text_is_under_the_key_that_the_regions_are_of(tmp_path, data):
    empty = task(annotation(), **data | {"sentence": "Nobody."})
    assert found(write(tmp_path, empty, task(annotation(ADA), **data))) == [[], *IN_ADA]


def test_the_text_is_under_the_key_that_is_named(tmp_path):
    path = write(tmp_path, task(annotation(ADA), text=TEXT, body="Ada left."))
    assert [s.words for s in read_corpus(path).sentences] == [["Ada", "met", "Bob", "."]]
    for key in ("body", "data.body"):
        assert [s.words for s in read_corpus(path, text_key=key).sentences] == [["Ada", "left", "."]]
    fails(
        path,
        ", line 1: the record requires data.x, but its keys are: text, body. Specify the key that contains the text",
        text_key="x",
    )


def test_a_text_that_may_be_under_several_keys_is_refused(tmp_path):
    path = write(tmp_path, task(annotation(), title="News", body=TEXT))
    fails(
        path,
        (
            ": each of these keys could contain the annotated text: title, body. Specify "
            "the correct key, such as --text-key title"
        ),
    )
    path = write(tmp_path, task(annotation(ADA), title=TEXT, body=TEXT))
    fails(path, ": each of these keys could contain the annotated text: title, body.")
    assert found(path, text_key="body") == IN_ADA


def test_offsets_in_other_units_tell_the_key_too(tmp_path):
    data = {"title": "News", "body": f"🦄 {TEXT}"}
    path = write(tmp_path, task(annotation(region(3, 6, "per", text="Ada")), **data))
    assert found(path) == IN_ADA
    assert CorpusStream(path).offsets == "utf-16"


def test_json_min_has_the_text_under_other_keys_too(tmp_path):
    record = {"id": 1, "body": TEXT, "label": [ADA], "annotator": "x@y.z", "annotation_id": 1, "created_at": "2024"}
    assert found(write(tmp_path, record)) == IN_ADA


# CSV


def table(folder: Path, *rows: list[str], delimiter: str = ",", begin: str = "") -> Path:
    path = folder / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(begin)
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


HEADER = ["id", "text", "label", "annotator", "annotation_id"]


@pytest.mark.parametrize(("delimiter", "begin"), [(",", ""), ("\t", ""), (",", "\ufeff"), (",", "\n\n")])
def test_csv_has_regions_as_json(tmp_path, delimiter, begin):
    rows = [
        HEADER,
        ["7", TEXT, json.dumps([ADA]), "1", "1"],
        ["7", TEXT, json.dumps([BOB]), "2", "2"],
        ["8", "Nobody\ncame.", "", "1", "3"],
        ["9", "[{Bob}] left.", "[]", "1", "4"],
        ["10", "Nobody.", "", "", ""],
    ]
    path = table(tmp_path, *rows, delimiter=delimiter, begin=begin)
    assert found(path) == [*IN_ADA, [], []]
    corpus = read_corpus(path)
    assert (corpus.format, [s.document for s in corpus.sentences]) == (
        "label-studio",
        ["a.csv 7", "a.csv 8", "a.csv 9"],
    )
    n_before = begin.count("\n")
    assert [s.lines[0] - n_before for s in corpus.sentences] == [2, 4, 6]
    assert CorpusStream(path).messages() == [
        (
            "1 texts were skipped because they were not annotated or their annotation was "
            "rejected. No action is required if this is intended."
        ),
        (
            "1 annotations were ignored because only one annotation per text is used. "
            "Remove those that should not be used."
        ),
    ]


def test_csv_with_the_columns_of_another_format_is_label_studios(tmp_path):
    header = ["text", "labels", "annotator", "annotation_id", "created_at", "lead_time"]
    path = table(tmp_path, header, [TEXT, json.dumps([ADA]), "x", "1", "2024", "3.5"])
    assert (found(path), read_corpus(path).format) == (IN_ADA, "label-studio")


def test_csv_has_the_text_in_other_columns_too(tmp_path):
    header = ["id", "body", "title", "label", "annotator", "annotation_id"]
    path = table(tmp_path, header, ["1", TEXT, "News", json.dumps([ADA]), "1", "1"])
    assert found(path) == IN_ADA
    assert [s.words for s in read_corpus(path, text_key="body").sentences] == [["Ada", "met", "Bob", "."]]


def test_csv_with_a_text_of_many_characters_is_read(tmp_path):
    limit = 1 << 17  # the default limit in Python
    csv.field_size_limit(limit)
    text = TEXT + " word" * 40_000
    path = table(tmp_path, HEADER, ["1", text, json.dumps([ADA]), "1", "1"])
    assert len(read_corpus(path).sentences[0].words) == 40_004
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("row", "rest"),
    [
        (["1", TEXT, "[]", "1"], ", line 3: the header has 5 fields, but this row has 4."),
        (["2", TEXT, json.dumps([ADA])[:-2], "1", "1"], ", line 3: the record is not valid JSON ("),
        (
            ["2", TEXT, json.dumps([region(0, 4, "per", text="Bob")]), "1", "1"],
            ", line 3, id 2: the text of a span is d",
        ),
    ],
)
def test_bad_rows_of_csv_are_refused_and_left_out(tmp_path, row, rest):
    path = table(tmp_path, HEADER, ["1", TEXT, json.dumps([ADA]), "1", "1"], row, ["3", TEXT, "", "1", "2"])
    fails(path, rest)
    assert found(path, skip_invalid=1) == [*IN_ADA, []]
