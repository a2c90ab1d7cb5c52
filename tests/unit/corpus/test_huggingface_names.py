"""Test Hugging Face datasets with column names other than `tokens` and `ner_tags`."""

import json
import re
from pathlib import Path

import pytest

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.errors import CorpusError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

WORDS, TAGS = ["Ada", "met"], ["B-per", "O"]


def as_json(folder: Path, row: dict[str, object]) -> Path:
    path = folder / "a.json"
    path.write_text(json.dumps(row) + "\n" + json.dumps(row))
    return path


def as_parquet(folder: Path, row: dict[str, object]) -> Path:
    path = folder / "a.parquet"
    pq.write_table(pa.table({name: [cell, cell] for name, cell in row.items()}), path)
    return path


def as_stream(folder: Path, row: dict[str, object]) -> Path:
    path = folder / "a.arrow"
    table = pa.table({name: [cell, cell] for name, cell in row.items()})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    return path


@pytest.mark.parametrize("write", [as_json, as_parquet, as_stream])
@pytest.mark.parametrize(
    "row",
    [
        {"tokens": WORDS, "tags": TAGS},
        {"tokens": WORDS, "labels": TAGS},
        {"words": WORDS, "ner": TAGS},
        {"words": WORDS, "ner_tags": TAGS},
        {"words": ["x", "y"], "tokens": WORDS, "tags": ["O", "O"], "labels": ["O", "O"], "ner_tags": TAGS},
        {"tokens": WORDS, "tags": ["NNP", "VBD"], "labels": TAGS},
        {"tokens": WORDS, "labels": "news", "ner": TAGS},
    ],
    ids=["tags", "labels", "ner", "words", "usual-names", "one-holds-tags", "one-is-no-list"],
)
def test_words_and_tags_have_other_names_too(tmp_path, write, row):
    corpus = read_corpus(write(tmp_path, row))
    assert [(s.words, s.tags) for s in corpus.sentences] == [(WORDS, TAGS)] * 2
    assert corpus.format == ("huggingface-json" if write is as_json else "huggingface")


@pytest.mark.parametrize("write", [as_json, as_parquet, as_stream])
@pytest.mark.parametrize("tags", [TAGS, ["x", "y"]])
def test_tags_under_two_names_are_refused(tmp_path, write, tags):
    path = write(tmp_path, {"tokens": WORDS, "tags": tags, "labels": tags})
    rest = (
        ": each of these fields could contain the entity tags: tags, labels. Allowed: a single "
        "such field, or several of which one is named ner_tags. Rename"
    )
    with pytest.raises(CorpusError, match=re.escape(f"{path}{rest}")):
        CorpusStream(path)


def features(**names: list[str]) -> dict[bytes, bytes]:
    labels = {
        name: {"feature": {"names": of, "_type": "ClassLabel"}, "_type": "Sequence"} for name, of in names.items()
    }
    return {b"huggingface": json.dumps({"info": {"features": labels}}).encode()}


def test_the_schema_names_the_numbers_of_the_column_and_tells_which_holds_tags(tmp_path):
    table = pa.table({"words": [WORDS], "tags": [[0, 1]], "labels": [[1, 0]]})
    metadata = features(tags=["NNP", "VBD"], labels=["O", "B-per"])
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "a.parquet")
    assert read_corpus(tmp_path / "a.parquet").sentences[0].tags == ["B-per", "O"]
    pq.write_table(table.replace_schema_metadata(features(labels=["O", "B-per"])), tmp_path / "b.parquet")
    assert read_corpus(tmp_path / "b.parquet").sentences[0].tags == ["B-per", "O"]
    pq.write_table(table, tmp_path / "c.parquet")
    with pytest.raises(CorpusError, match="each of these fields could contain the entity tags: tags, labels"):
        CorpusStream(tmp_path / "c.parquet")


@pytest.mark.parametrize(
    ("row", "rest"),
    [
        (
            {"tokens": WORDS, "labels": [0, 1]},
            "line 1: the tag 0 is a number without a name. .*cast_column('labels'",
        ),
        ({"tokens": WORDS, "labels": ["O", True]}, "line 2: labels = .* is invalid"),
        (
            {"tokens": WORDS, "labels": ["O"]},
            "line 2: the number of tokens .2. differs from the number of values in labels .1..",
        ),
        ({"tokens": WORDS, "tags": TAGS}, "line 2: the data lacks labels. Its columns are: tokens, tags"),
        ({"tokens": "Ada", "labels": ["O"]}, "line 2: tokens = 'Ada' is invalid"),
    ],
)
def test_errors_give_the_names_of_the_file(tmp_path, row, rest):
    path = tmp_path / "a.json"
    first = [] if "line 1" in rest else [{"tokens": WORDS, "labels": TAGS}]
    path.write_text("\n".join(json.dumps(one) for one in (*first, row)))
    with pytest.raises(CorpusError, match=rest.replace("(", r"\(")):
        CorpusStream(path)


def test_errors_about_types_give_the_names_of_the_file(tmp_path):
    path = as_parquet(tmp_path, {"words": WORDS, "labels": [0.5, 1.0]})
    rest = (
        "the column labels has the invalid type list<.*double>. Allowed: lists of strings in "
        "words, and lists of strings or integers in labels"
    )
    with pytest.raises(CorpusError, match=rest):
        CorpusStream(path)
