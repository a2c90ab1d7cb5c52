"""Read Hugging Face datasets in JSON format: one object per line, or a list of objects.

Each object has words and tags. It can also have `spaces` and `document`. See `dataset_row` for the key names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...errors import CorpusError, Errors
from ..sentence import Invalid, Sentence
from .dataset_row import COLUMNS, DOCUMENT, TAGS, WORDS, Columns, find_columns, has_tags, sentence_of
from .json_records import Record, first_readable, first_record, name_at, read_records, shown_keys
from .json_stream import values
from .text_source import TextSource


def is_json(rows: Sequence[str]) -> bool:
    """Return whether the first record has `tokens` and `ner_tags`, or other known keys with one tag per word."""
    record = first_record(rows)
    if set(COLUMNS) <= set(record):
        return True
    words = next((record[key] for key in WORDS if key in record), None)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return False
    return any(_are_tags(record[key], len(words)) for key in TAGS if key in record)


def read(source: TextSource, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read the words and tags. Tags must be strings, because the format cannot store names for numbers.

    source (TextSource): the file.
    document_key (str | None): the key for the document name or a dotted path such as `meta.source`. If None (the
        default), `document` is used.
    YIELDS (Sentence | Invalid): the sentence, or the error if the record is invalid.
    RAISES CorpusError: several keys may contain the tags, or the rest of the file cannot be read. See `read_records`.
    """
    path = source.path
    columns = _columns(source)

    def parse(line: int, record: Record) -> Sentence:
        missing = [column for column in columns if column not in record]
        if missing:
            where, found = f"{path}, line {line}", shown_keys(record)
            raise CorpusError(Errors.missing_keys.format(where=where, found=found, missing=", ".join(missing)))
        name = {DOCUMENT: name_at(path, line, record, document_key)} if document_key else {}
        return sentence_of(path, "line", line, record | name, None, columns)

    return (item for item in read_records(source, parse) if isinstance(item, Invalid) or item.words)


def _columns(source: TextSource) -> Columns:
    """Return the keys for words and tags in the first record. Return the usual keys if either is missing."""
    first = first_readable(values(source))
    names = list(first[0]) if first else []
    if not any(name in names for name in WORDS) or not any(name in names for name in TAGS):
        return COLUMNS
    return find_columns(source.path, names, lambda name: has_tags(record.get(name) for record in first))


def _are_tags(value: object, n_words: int) -> bool:
    """Return whether a value can be the list of tags for `n_words` words."""
    if not isinstance(value, list) or len(value) != n_words:
        return False
    return all(tag is None or (isinstance(tag, str | int) and not isinstance(tag, bool)) for tag in value)
