"""Check and split the input text of the app, and write its entities as CSV or JSONL."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import BertNerError, Errors
from ..reporting.entity_html import EntitySpan

MAX_CHARACTERS = 1_000_000
"""Maximum characters of a text: the default limit of spaCy, and some minutes of computation."""
PART_LENGTH = 3_000
"""Maximum characters of a part, which is annotated and shown at once."""
COLUMNS = ("text", "label", "score", "start", "end")


class Part(NamedTuple):
    """A part of a long text, and the offset of its first character in that text."""

    start: int
    text: str


def check_text(text: str) -> str:
    """Return a text unchanged if it can be annotated.

    RAISES BertNerError: the text is empty or only white space, or it is too long.
    """
    if not text.strip():
        raise BertNerError(Errors.nothing_typed)
    if len(text) > MAX_CHARACTERS:
        raise BertNerError(Errors.typed_too_much.format(n=len(text), most=MAX_CHARACTERS))
    return text


def decode(content: bytes, name: str) -> str:
    """Decode a text file: as UTF-16 if it begins with its byte-order mark, as UTF-8 otherwise.

    content (bytes): content of the file
    name (str): file name, for errors
    RAISES BertNerError: the file has another encoding, or is not text.
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
    """Split a long text after a line, else after a sentence, else between words, else anywhere.

    text (str): the text
    max_length (int): maximum characters of a part
    YIELDS: parts that together are the whole text.
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
    """Select the entities with one of the labels and a score of at least `min_score`, or without a score."""
    return [
        entity for entity in entities if (entity.score is None or entity.score >= min_score) and entity.label in labels
    ]


def table_rows(parts: Sequence[Part], entities: Sequence[Sequence[EntitySpan]]) -> list[dict[str, object]]:
    """Return one table row per entity of all parts, with offsets in the whole text."""
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
    """Format rows as CSV with a header."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return file.getvalue()


def to_jsonl(table: Sequence[dict[str, object]]) -> str:
    """Format rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table)
