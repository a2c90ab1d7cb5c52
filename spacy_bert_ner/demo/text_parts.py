"""Text that somebody gives to the page, and what can be taken away from it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import BertNerError, Errors
from ..reporting.entity_html import EntitySpan

MOST_CHARACTERS = 1_000_000
"""Of a text: what spaCy takes too, and some minutes of work."""
PART = 3_000
"""Characters of a part: what is annotated, and shown, at once."""
COLUMNS = ("text", "label", "score", "start", "end")


class Part(NamedTuple):
    """A piece of a long text, and its first character there."""

    start: int
    text: str


def check(text: str) -> str:
    """A text that can be annotated.

    RAISES BertNerError: there is nothing in it, or it is too long.
    """
    if not text.strip():
        raise BertNerError(Errors.nothing_typed)
    if len(text) > MOST_CHARACTERS:
        raise BertNerError(Errors.typed_too_much.format(n=len(text), most=MOST_CHARACTERS))
    return text


def decode(content: bytes, name: str) -> str:
    """The text of a file: in UTF-8, or in UTF-16 where it begins with that byte-order mark.

    RAISES BertNerError: it is another encoding, or no text.
    """
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as e:
        raise BertNerError(Errors.file_not_text.format(name=name, byte=e.start)) from e
    if "\x00" in text:
        raise BertNerError(Errors.file_not_text.format(name=name, byte=text.index("\x00")))
    return text


def parts(text: str, most: int = PART) -> Iterator[Part]:
    """Cut a long text: behind a line, else behind a sentence, else between words, else anywhere.

    most: characters of a part.
    """
    start = 0
    while start < len(text):
        end = min(len(text), start + most)
        if end < len(text):
            for mark in ("\n", ". ", " "):
                cut = text.rfind(mark, start + most // 2, end)
                if cut >= 0:
                    end = cut + len(mark)
                    break
        yield Part(start, text[start:end])
        start = end


def chosen(entities: Sequence[EntitySpan], least: float, labels: Sequence[str]) -> list[EntitySpan]:
    """The entities with a score of `least` or more, or without any, and with one of the labels."""
    return [one for one in entities if (one.score is None or one.score >= least) and one.label in labels]


def rows(parts: Sequence[Part], entities: Sequence[Sequence[EntitySpan]]) -> list[dict[str, object]]:
    """The entities of all parts as rows of a table, in characters of the whole text."""
    return [
        {
            "text": part.text[one.start : one.end],
            "label": one.label,
            "score": one.score,
            "start": part.start + one.start,
            "end": part.start + one.end,
        }
        for part, found in zip(parts, entities, strict=True)
        for one in found
    ]


def to_csv(table: Sequence[dict[str, object]]) -> str:
    """Rows as CSV, with the names of the columns."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return file.getvalue()


def to_jsonl(table: Sequence[dict[str, object]]) -> str:
    """Rows as JSON, a line each."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table)
