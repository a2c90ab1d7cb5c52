"""Test that exported mistakes have the gold annotation and the predictions, and that `convert` reads them back."""

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.evaluation.mistake_export import export_format, export_mistakes

TEXT = "Ada Byron met </script> <img onerror=x> in Paris."
PER = {"start": 0, "end": 9, "label": "per", "here": True}
GEO = {"start": 43, "end": 48, "label": "geo", "here": False}
SHORT = {"start": 0, "end": 3, "label": "per", "score": 0.75, "here": True}
CASE = {"kind": "too short", "file": "test.spacy", "doc": 7, "text": TEXT, "gold": [PER, GEO], "predicted": [SHORT]}
AGAIN = CASE | {"kind": "missed", "gold": [PER | {"here": False}, GEO | {"here": True}]}
OTHER = CASE | {
    "kind": "spurious",
    "doc": 8,
    "text": "Paris left.",
    "gold": [],
    "predicted": [GEO | {"start": 0, "end": 5}],
}
MISTAKES = {"best": [CASE, AGAIN, OTHER], "last": [CASE]}


def test_label_studio_has_annotations_and_predictions_of_each_pipeline():
    first, second = json.loads(export_mistakes(MISTAKES, "label-studio"))
    assert first["data"] == {
        "text": TEXT,
        "source": "test.spacy:7",
        "kinds": {"best": ["too short", "missed"], "last": ["too short"]},
    }
    (annotation,) = first["annotations"]
    assert [region["value"] for region in annotation["result"]] == [
        {"start": 0, "end": 9, "text": "Ada Byron", "labels": ["per"]},
        {"start": 43, "end": 48, "text": "Paris", "labels": ["geo"]},
    ]
    assert [side["model_version"] for side in first["predictions"]] == ["best", "last"]
    assert first["predictions"][0]["result"][0]["score"] == 0.75
    assert (second["id"], second["annotations"][0]["result"]) == (2, [])


def test_prodigy_and_doccano_have_gold_spans_and_metadata():
    first, _ = map(json.loads, export_mistakes(MISTAKES, "prodigy").splitlines())
    assert first["spans"] == [{"start": 0, "end": 9, "label": "per"}, {"start": 43, "end": 48, "label": "geo"}]
    assert first["meta"]["predicted"]["best"] == [{"start": 0, "end": 3, "label": "per", "score": 0.75}]
    first, _ = map(json.loads, export_mistakes(MISTAKES, "doccano").splitlines())
    assert first["label"] == [[0, 9, "per"], [43, 48, "geo"]]
    assert first["kinds"]["best"] == ["too short", "missed"]


@pytest.mark.parametrize(
    ("name", "file", "format"),
    [("label-studio", "m.json", "label-studio"), ("prodigy", "m.jsonl", "jsonl"), ("doccano", "m.jsonl", "doccano")],
)
def test_convert_reads_the_gold_annotation_back(tmp_path, name, file, format):
    (tmp_path / file).write_text(export_mistakes(MISTAKES, name), encoding="utf8")
    done = convert(tmp_path / file, tmp_path / "out")
    assert format in done.description.lower().replace(" ", "-")
    docs = list(DocBin().from_disk(tmp_path / "out" / "m.spacy").get_docs(spacy.blank("en").vocab))
    assert [doc.text for doc in docs] == [TEXT, "Paris left."]
    assert [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs] == [
        [("Ada Byron", "per"), ("Paris", "geo")],
        [],
    ]


def test_the_format_is_named_or_follows_from_the_suffix():
    assert export_format(Path("a.json")) == "label-studio"
    assert export_format(Path("a.jsonl")) == "prodigy"
    assert export_format(Path("a.jsonl"), "doccano") == "doccano"
    for path, name in ((Path("a.txt"), None), (Path("a.json"), "brat")):
        with pytest.raises(BertNerError, match=r"Allowed: label-studio, prodigy, doccano"):
            export_format(path, name)
