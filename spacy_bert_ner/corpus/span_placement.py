"""Locate spans in a text. Check their offsets and declared texts, and trim white space at their edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..errors import CorpusError, Errors
from .offset_units import CHARACTERS, OFFSET_UNITS
from .span_text import AnnotatedText, Span, shorten

FoundOffsets = tuple[int, int]


class SpanPlaceError(CorpusError):
    """An error for a span that is outside its text or does not cover its declared text.

    The offsets of such a span may use another unit.
    """


class PlacedSpans(NamedTuple):
    """The spans in a passage, with character offsets.

    spans: the spans without white space at their edges. Blank spans are excluded.
    trimmed: the original spans that start or end with white space, including blank spans.
    blank: the original spans that contain only white space. They are skipped.
    """

    spans: list[Span]
    trimmed: list[Span]
    blank: list[Span]


def place_spans(passage: AnnotatedText, align: Callable[[int, int], bool], unit: str = CHARACTERS) -> PlacedSpans:
    """Locate the spans of a passage in its text.

    passage (AnnotatedText): the text and its spans.
    align: function that returns whether a character range starts and ends at token boundaries. White space that is part
        of a token is kept.
    unit (str): unit of the offsets in `passage`, a key in `OFFSET_UNITS`. Default: characters.
    RETURNS (PlacedSpans): the spans with character offsets.
    RAISES SpanPlaceError: a span is empty, is outside the text, or does not cover its declared text. The message names
        the file, line and record.
    """
    placed = PlacedSpans([], [], [])
    text = passage.text
    spans = passage.spans if unit == CHARACTERS else _in_characters(passage, unit)
    for span in spans:
        pieces = span.fragments or ((span.start, span.end),)
        for start, end in pieces:
            if not 0 <= start < end <= len(text):
                raise _outside(passage, span, start, end, unit)
        if span.declared_text is not None and not covers(text, pieces, span.declared_text):
            covered = " ".join(text[start:end] for start, end in pieces)
            message = Errors.span_text.format(
                where=passage.where(span),
                declared=shorten(span.declared_text),
                covered=shorten(covered),
                unit=OFFSET_UNITS[unit].title,
            )
            raise SpanPlaceError(message)
        if not span.fragments and not text[span.start].isspace() and not text[span.end - 1].isspace():
            placed.spans.append(span)  # nearly all spans take this shortcut
            continue
        trimmed = [trim_piece(text, start, end, align) for start, end in pieces]
        if trimmed != list(pieces):
            placed.trimmed.append(span)
        if not (non_blank := [piece for piece in trimmed if piece[0] < piece[1]]):
            placed.blank.append(span)
            continue
        joined = _join_pieces(text, non_blank)
        end = max(end for _, end in joined)
        fragments = tuple(joined) if len(joined) > 1 else ()
        placed.spans.append(span._replace(start=joined[0][0], end=end, fragments=fragments))
    return placed


def _in_characters(passage: AnnotatedText, unit: str) -> list[Span]:
    """Convert span offsets to characters.

    RAISES SpanPlaceError: a span is empty, or one of its offsets is inside a character or outside the text.
    """
    to_characters = OFFSET_UNITS[unit].to_characters(passage)
    spans = []
    for span in passage.spans:
        pieces = []
        for start, end in span.fragments or ((span.start, span.end),):
            first, last = to_characters(start), to_characters(end)
            if not 0 <= start < end or first is None or last is None:
                raise _outside(passage, span, start, end, unit)
            pieces.append((first, last))
        fragments = tuple(pieces) if span.fragments else ()
        start, end = min(start for start, _ in pieces), max(end for _, end in pieces)
        spans.append(span._replace(start=start, end=end, fragments=fragments))
    return spans


def _outside(passage: AnnotatedText, span: Span, start: int, end: int, unit: str) -> SpanPlaceError:
    where, n, title = passage.where(span), OFFSET_UNITS[unit].length(passage), OFFSET_UNITS[unit].title
    label = shorten(span.label)
    return SpanPlaceError(Errors.span_outside.format(where=where, start=start, end=end, label=label, n=n, unit=title))


def covers(text: str, pieces: Iterable[FoundOffsets], declared: str) -> bool:
    """Return whether pieces of a text match the text that the file declares.

    White space is ignored. brat writes a line break as a space, and Label Studio writes it as a backslash and an n.
    """
    return bare(declared) == bare(" ".join(text[start:end] for start, end in pieces))


def bare(text: str) -> str:
    """Remove white space, including line breaks that Label Studio writes as a backslash and an n."""
    return "".join(text.replace("\\n", "\n").split())


def trim(text: str, start: int, end: int) -> FoundOffsets:
    """Return a character range without the white space at its edges."""
    covered = text[start:end]
    return start + len(covered) - len(covered.lstrip()), end - len(covered) + len(covered.rstrip())


def trim_piece(text: str, start: int, end: int, align: Callable[[int, int], bool]) -> FoundOffsets:
    """Return a character range without the white space at its edges, unless it is part of a token."""
    trimmed = trim(text, start, end)
    is_token = trimmed[0] < trimmed[1] and not align(*trimmed) and align(start, end)
    return (start, end) if is_token else trimmed


def _join_pieces(text: str, pieces: list[FoundOffsets]) -> list[FoundOffsets]:
    """Sort pieces in text order and join pieces separated only by white space. brat splits spans at line breaks."""
    joined: list[FoundOffsets] = []
    for start, end in sorted(pieces):
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
