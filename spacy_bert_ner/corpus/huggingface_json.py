"""Hugging Face datasets as JSON: an object a line, or one list of objects, with `tokens` and `ner_tags`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import CorpusError, Errors
from .records import first_record, records
from .sentence import Sentence
from .source import Source
from .tokens import COLUMNS, sentence_of


def is_json(rows: Sequence[str]) -> bool:
    """Whether the first record has both columns."""
    return set(COLUMNS) <= set(first_record(rows))


def read(source: Source) -> Iterator[Sentence]:
    """Read `tokens` and `ner_tags`, which are strings: JSON has no place for the names of numbers."""
    path = source.path
    for line, record in records(source):
        missing = [column for column in COLUMNS if column not in record]
        if missing:
            where, found = f"{path}, line {line}", ", ".join(record)[:200] or "none"
            raise CorpusError(Errors.missing_keys.format(where=where, found=found, missing=", ".join(missing)))
        if record["tokens"] != []:
            yield sentence_of(path, "line", line, record["tokens"], record["ner_tags"], None)
