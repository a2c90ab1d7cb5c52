"""Spans at the offsets that a file gives, found in its text: checked, compared, without white space at their edges."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import CorpusError, Errors
from .passage import Passage, Span, shorten


class PlacedSpans(NamedTuple):
    """The spans of a passage at characters of its text, without white space at their edges.

    spans: those that cover a character that is not white space.
    trimmed: those that began or ended with white space, as the file has them.
    blank: those of white space alone, which are left out, as the file has them.
    """

    spans: list[Span]
    trimmed: list[Span]
    blank: list[Span]


def place_spans(passage: Passage) -> PlacedSpans:
    """Find the spans of a passage in its text.

    RAISES CorpusError: a span is empty or outside the text, or does not cover what the file says. The message names
        file, line and record.
    """
    placed = PlacedSpans([], [], [])
    text = passage.text
    for span in passage.spans:
        pieces = span.fragments or ((span.start, span.end),)
        for start, end in pieces:
            if not 0 <= start < end <= len(text):
                message = Errors.span_outside.format(
                    where=passage.where(span), start=start, end=end, label=shorten(span.label), n=len(text)
                )
                raise CorpusError(message)
        if span.declared_text is not None:
            _check_declared(passage, span, " ".join(text[start:end] for start, end in pieces))
        trimmed = [_trim(text, start, end) for start, end in pieces]
        if trimmed != list(pieces):
            placed.trimmed.append(span)
        if not (kept := [piece for piece in trimmed if piece[0] < piece[1]]):
            placed.blank.append(span)
            continue
        whole = _join_pieces(text, kept)
        end = max(end for _, end in whole)
        fragments = tuple(whole) if len(whole) > 1 else ()
        placed.spans.append(span._replace(start=whole[0][0], end=end, fragments=fragments))
    return placed


def _check_declared(passage: Passage, span: Span, covered: str) -> None:
    """Refuse a span that does not cover what the file says.

    White space is not compared. brat writes a line break as a space, Label Studio as a backslash and n.
    """
    declared = span.declared_text or ""
    if _bare(declared) != _bare(covered):
        message = Errors.span_text.format(
            where=passage.where(span), declared=shorten(declared), covered=shorten(covered)
        )
        raise CorpusError(message)


def _bare(text: str) -> str:
    return "".join(text.replace("\\n", "\n").split())


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    covered = text[start:end]
    return start + len(covered) - len(covered.lstrip()), end - len(covered) + len(covered.rstrip())


def _join_pieces(text: str, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pieces in the order of the text; those that only white space divides are one, as brat cuts at line breaks."""
    whole: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if whole and not text[whole[-1][1] : start].strip():
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((start, end))
    return whole
