"""Check and split the text that a user enters in the app, and format its entities as CSV or JSONL."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import BertNerError, Errors
from ..reporting.entity_html import EntitySpan

MAX_CHARACTERS = 1_000_000
"""Maximum number of characters in a text. This is spaCy's default. A text of this length takes minutes to annotate."""
PART_LENGTH = 3_000
"""Maximum number of characters in a part. Each part is annotated and shown separately."""
COLUMNS = ("text", "label", "score", "start", "end")


class Part(NamedTuple):
    """A part of a long text.

    start (int): offset of the part in the long text, in characters.
    text (str): text of the part.
    """

    start: int
    text: str


def check_text(text: str) -> str:
    """Check that a text can be annotated, and return it unchanged.

    RAISES BertNerError: the text is empty, contains only white space, or is too long.
    """
    if not text.strip():
        raise BertNerError(Errors.nothing_typed)
    if len(text) > MAX_CHARACTERS:
        raise BertNerError(Errors.typed_too_much.format(n=len(text), most=MAX_CHARACTERS))
    return text


def decode(content: bytes, name: str) -> str:
    """Decode a text file. Use UTF-16 if it starts with a UTF-16 byte-order mark, and UTF-8 otherwise.

    content (bytes): contents of the file.
    name (str): file name to show in error messages.
    RETURNS (str): the text.
    RAISES BertNerError: the file has another encoding or is not a text file.
    """
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as e:
        raise BertNerError(Errors.file_not_text.format(name=name, byte=e.start)) from e
    if "\x00" in text:
        raise BertNerError(Errors.file_not_text.format(name=name, byte=text.index("\x00")))
    return text


def split_text(text: str, max_length: int = PART_LENGTH) -> Iterator[Part]:
    """Split a long text into parts.

    Each part ends after a line if possible. Otherwise it ends after a sentence, between words, or at the maximum
    length, in this order of preference.

    text (str): the text.
    max_length (int): maximum number of characters in a part. Default: `PART_LENGTH`.
    YIELDS (Part): consecutive parts that cover the whole text.
    """
    start = 0
    while start < len(text):
        end = min(len(text), start + max_length)
        if end < len(text):
            for mark in ("\n", ". ", " "):
                cut = text.rfind(mark, start + max_length // 2, end)
                if cut >= 0:
                    end = cut + len(mark)
                    break
        yield Part(start, text[start:end])
        start = end


def filter_entities(entities: Sequence[EntitySpan], min_score: float, labels: Sequence[str]) -> list[EntitySpan]:
    """Select the entities with one of the labels and either no score or a score of at least `min_score`."""
    return [
        entity for entity in entities if (entity.score is None or entity.score >= min_score) and entity.label in labels
    ]


def table_rows(parts: Sequence[Part], entities: Sequence[Sequence[EntitySpan]]) -> list[dict[str, object]]:
    """Return one table row for each entity in all parts. Offsets are relative to the whole text."""
    return [
        {
            "text": part.text[entity.start : entity.end],
            "label": entity.label,
            "score": entity.score,
            "start": part.start + entity.start,
            "end": part.start + entity.end,
        }
        for part, entities_of_part in zip(parts, entities, strict=True)
        for entity in entities_of_part
    ]


def to_csv(table: Sequence[dict[str, object]]) -> str:
    """Format table rows as CSV with a header."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return file.getvalue()


def to_jsonl(table: Sequence[dict[str, object]]) -> str:
    """Format table rows as JSONL."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table)
