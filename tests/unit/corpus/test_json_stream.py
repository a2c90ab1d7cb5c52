"""Test JSON as found in files: arrays, lines, multi-line objects, trailing commas, and files that are not corpora."""

import json
from pathlib import Path

import pytest

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.readers import json_stream
from spacy_bert_ner.errors import CorpusError

ADA = {"id": 1, "text": "Ada left.", "label": [[0, 3, "per"]]}
BOB = {"id": 2, "text": "Bob left.", "label": [[0, 3, "per"]]}


def write(folder: Path, text: str, name: str = "a.json") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def indented(*records: object) -> list[str]:
    return [json.dumps(record, indent=1) for record in records]


@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("\n".join(indented(ADA, BOB)), [1, 12]),
        ("\n\n".join(indented(ADA, BOB)) + "\n\n", [1, 13]),
        (",\n".join(indented(ADA, BOB)) + ",\n", [1, 12]),
        ("".join(indented(ADA, BOB)), [1, 11]),
        (f"{json.dumps(ADA)},\n\n{json.dumps(BOB)}  ,\n", [1, 3]),
        (f"[\n{json.dumps(ADA)},\n{json.dumps(BOB)},\n]\n", [2, 3]),
        (f"[{json.dumps(ADA)}, {json.dumps(BOB)} , ]", [1, 1]),
        ('{"id": 1,\n"text": "Ada left.", "label": [[0, 3, "per"]]}\n' + json.dumps(BOB), [1, 3]),
    ],
    ids=["objects", "blank-lines", "commas", "no-line-between", "lines-with-commas", "array", "array-on-a-line", "two"],
)
def test_objects_over_lines_and_trailing_commas_are_read(tmp_path, monkeypatch, text, lines, chunk):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    sentences = read_corpus(write(tmp_path, text)).sentences
    assert [(s.words[0], s.tags[0], s.lines[0]) for s in sentences] == [
        ("Ada", "B-per", lines[0]),
        ("Bob", "B-per", lines[1]),
    ]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("\n".join(indented(ADA, BOB))[:-3], ", line 21: the record is not valid JSON (Expecting ',' delimiter"),
        ("\n".join(indented(ADA))[:-3], ", line 10: the record is not valid JSON (Expecting ',' delimiter"),
        (
            "\n".join(indented(ADA, BOB)).replace('"Bob left."', "Bob left."),
            ", line 14: the record is not valid JSON (Expecting value",
        ),
        (
            "\n".join(indented(ADA)).replace('"Ada left."', "Ada left."),
            ", line 3: the record is not valid JSON (Expecting value",
        ),
        ("\n,,".join(indented(ADA, BOB)), ", line 12: the record is not valid JSON (Expecting value"),
        (f"{json.dumps(ADA)},,\n", ", line 1: the record is not valid JSON (Extra data at character"),
        (
            f"{json.dumps(ADA)}\n{json.dumps(BOB)} x\n",
            ", line 2: the record is not valid JSON (Extra data at character",
        ),
        (f"[{json.dumps(ADA)},\n,]", ", line 2: the record is not valid JSON (Expecting value"),
        (f"[{json.dumps(ADA)},\n", ", line 2: the record is not valid JSON (Expecting value"),
        (
            f"[{json.dumps(ADA)},\n{json.dumps(BOB)},\n]\n]",
            ", line 4: the record is not valid JSON (text after the end of the array",
        ),
        (f"{json.dumps(ADA)},\n{json.dumps(BOB)[:-1]},\n", ", line 2: the record is not valid JSON"),
        ('["a",\n"b"]', ', line 1: ["a", "b"] is not a JSON object'.replace('"', "'")),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1 << 16])
def test_what_is_cut_or_no_json_is_refused_with_its_line(tmp_path, monkeypatch, text, rest, chunk):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    path = write(tmp_path, text)
    with pytest.raises(CorpusError) as caught:
        CorpusStream(path, format="doccano")
    assert str(caught.value).startswith(f"{path}{rest}")


def test_a_first_line_that_is_cut_is_left_out_alone(tmp_path):
    path = write(tmp_path, f"{json.dumps(ADA)[:-2]}\n{json.dumps(BOB)}\n")
    stream = CorpusStream(path, format="doccano", skip_invalid=1)
    assert [sentence.words[0] for sentence in stream] == ["Bob"]
    assert "is not valid JSON" in str(stream.invalid[0])


def test_an_object_over_lines_that_is_no_record_is_left_out_alone(tmp_path):
    bad = {"id": 3, "text": "Eve left.", "label": [[0, 30, "per"]]}
    stream = CorpusStream(write(tmp_path, "\n".join(indented(ADA, bad, BOB))), skip_invalid=1)
    assert [sentence.words[0] for sentence in stream] == ["Ada", "Bob"]


def test_numbers_that_are_none_are_read_as_before(tmp_path):
    path = write(tmp_path, json.dumps(ADA | {"score": float("nan")}) + "\n" + json.dumps(BOB | {"score": -1e999}))
    assert len(read_corpus(path).sentences) == 2


def test_errors_name_the_id_of_the_record(tmp_path):
    """Test an array on one line, for which a line number does not identify the record."""
    path = write(tmp_path, json.dumps([ADA, BOB | {"id": "b", "label": [[0, 3, ""]]}]))
    with pytest.raises(CorpusError, match="line 1, id 'b': the span 0-3 has the invalid label ''"):
        CorpusStream(path)
    path = write(tmp_path, json.dumps([ADA, ADA]))
    with pytest.raises(CorpusError, match="line 1: the ID 1 is already used on line 1"):
        CorpusStream(path)
    rows = [{"id": i, "tokens": ["a"], "ner_tags": tags} for i, tags in ((5, ["O"]), (6, []))]
    with pytest.raises(
        CorpusError, match="line 1, id 6: the number of tokens .1. differs from the number of values in ner_tags .0."
    ):
        CorpusStream(write(tmp_path, json.dumps(rows)))


OTHER = {
    "package": {"name": "x", "version": "1.0.0", "scripts": {"test": "jest"}, "dependencies": {"text": "^1.0.0"}},
    "tsconfig": {"compilerOptions": {"target": "es5", "types": ["a"]}, "include": ["src"]},
    "notebook": {
        "cells": [{"cell_type": "code", "source": ["a"], "outputs": [{"data": {"text": "a"}}]}],
        "nbformat": 4,
    },
    "geojson": {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"text": "a"}}]},
    "coco": {
        "info": {},
        "images": [{"id": 1}],
        "annotations": [{"id": 1, "image_id": 1, "bbox": [0, 0, 1, 1]}],
        "categories": [],
    },
    "squad": {"version": "1", "data": [{"title": "a", "paragraphs": [{"context": "a", "qas": []}]}]},
    "spacy-json": [{"id": 0, "paragraphs": [{"raw": "a", "sentences": [{"tokens": [{"orth": "a", "ner": "O"}]}]}]}],
    "tweet": {"text": "a", "entities": {"hashtags": [], "urls": []}},
    "plot": {"data": [{"x": [1], "labels": ["a"]}], "layout": {}},
    "arrays": {"data": [1, 2], "labels": [0, 1]},
    "image-classes": {"text": ["a"], "label": [1]},
    "annotations": {"text": "a", "annotations": [{"note": "x"}]},
    "classes": {"classes": ["a"], "annotations": [{"bbox": []}]},
    "articles": {"tokens": ["a", "b"], "tags": ["news"]},
    "subwords": {"tokens": {"[CLS]": 0}, "labels": ["a"]},
    "relations": {"tokens": ["a"], "entities": {"a": 1}},
    "scierc": {"sentences": [["a"]], "ner": [[[0, 0, "x"]]]},
    "vocabulary": {"tokenized_text": "a b", "ner": "x"},
    "wiki": {"content": "a", "annotation": "b"},
    "counts": {"text": "a", "label": {"a": 3}},
    "strings": ["a", "b"],
    "pair": ["a", {"b": 1}],
    "numbers": [[1, 2], [3, 4]],
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", OTHER)
def test_other_json_is_not_taken_for_a_corpus(tmp_path, name, indent):
    path = write(tmp_path, json.dumps(OTHER[name], indent=indent))
    with pytest.raises(CorpusError, match=r", line 1: the format cannot be detected from|contains spaCy JSON"):
        CorpusStream(path)
