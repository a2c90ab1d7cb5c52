"""Provide helpers for tests on annotated text: writing JSONL, reading entities, and checking errors."""

import json
from pathlib import Path

import pytest

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.sentence import entities
from spacy_bert_ner.errors import CorpusError


def lines(folder: Path, *rows: object, name: str = "a.jsonl") -> Path:
    """Write records as JSONL and return the path."""
    path = folder / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def found(path: Path, **options: object) -> list[list[tuple[str, str]]]:
    """Return the words and the label of each entity, by sentence."""
    return [
        [(" ".join(sentence.words[entity.start : entity.end]), entity.label) for entity in entities(sentence.tags)]
        for sentence in read_corpus(path, **options).sentences
    ]


def fails(path: Path, rest: str, **options: object) -> None:
    """Check that a file is rejected with an error message that starts with its path, followed by `rest`."""
    with pytest.raises(CorpusError) as caught:
        CorpusStream(path, **options)
    assert str(caught.value).startswith(f"{path}{rest}")


def messages(path: Path, **options: object) -> list[str]:
    """Return the messages that a user sees about a file."""
    return CorpusStream(path, **options).messages()
