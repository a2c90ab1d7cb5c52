"""Hugging Face datasets as JSON: an object a line, or one list of objects, with `tokens` and `ner_tags`, and perhaps
`spaces` and `document`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import CorpusError, Errors
from .records import Record, first_record, name_at, read_records
from .sentence import Invalid, Sentence
from .source import Source
from .tokens import COLUMNS, DOCUMENT, sentence_of


def is_json(rows: Sequence[str]) -> bool:
    """Whether the first record has both columns."""
    return set(COLUMNS) <= set(first_record(rows))


def read(source: Source, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read `tokens` and `ner_tags`, which are strings: JSON has no place for the names of numbers.

    document_key: the key, or keys with dots between them, of what names the document of a record.
    """
    path = source.path

    def parse(line: int, record: Record) -> Sentence:
        missing = [column for column in COLUMNS if column not in record]
        if missing:
            where, found = f"{path}, line {line}", ", ".join(record)[:200] or "none"
            raise CorpusError(Errors.missing_keys.format(where=where, found=found, missing=", ".join(missing)))
        name = {DOCUMENT: name_at(path, line, record, document_key)} if document_key else {}
        return sentence_of(path, "line", line, record | name, None)

    return (item for item in read_records(source, parse) if isinstance(item, Invalid) or item.words)
