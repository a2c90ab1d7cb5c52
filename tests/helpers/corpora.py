"""What tests of annotated text share: files of JSON, and what is read of a file or refused."""

import json
from pathlib import Path

import pytest

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.sentence import entities
from spacy_bert_ner.errors import CorpusError


def lines(folder: Path, *rows: object, name: str = "a.jsonl") -> Path:
    """Write a record a line."""
    path = folder / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def found(path: Path, **options: object) -> list[list[tuple[str, str]]]:
    """The words and the label of each entity, by sentence."""
    return [
        [(" ".join(sentence.words[entity.start : entity.end]), entity.label) for entity in entities(sentence.tags)]
        for sentence in read_corpus(path, **options).sentences
    ]


def fails(path: Path, rest: str, **options: object) -> None:
    """Hold that a file is refused, by an error that begins with its path and this."""
    with pytest.raises(CorpusError) as caught:
        CorpusStream(path, **options)
    assert str(caught.value).startswith(f"{path}{rest}")


def messages(path: Path, **options: object) -> list[str]:
    """What a user is told of a file."""
    return CorpusStream(path, **options).messages()
