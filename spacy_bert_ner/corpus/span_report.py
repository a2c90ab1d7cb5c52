"""Report on the spans in a file with counts, lists and messages for the user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import CorpusError, Errors
from ..types import INCORRECT_SPANS
from .span_text import AnnotatedText, Span

MISALIGNED = {
    "error": "",
    "expand": "expanded to whole tokens",
    "contract": "contracted to whole tokens",
    "missing": "left unknown",
}
"""Ways to handle a span that does not start and end at token boundaries, and their descriptions in messages."""
OVERLAP = ("error", "longest", "first")
"""Ways to handle spans that share a token: raise an error, keep the longest span, or keep the span that starts first.
"""
N_SHOWN = 5
"""Maximum number of spans that a message lists for each problem."""
N_KEPT = 10_000
"""Maximum number of spans in the complete list for each problem."""
CUT = "… and "
"""Start of the last line in a truncated list."""
_CONTEXT = 25  # number of characters shown on each side of a span


class ListedError(CorpusError):
    """An error for rejected spans.

    message (str): the error message, which lists the first rejected spans.
    lines: all spans that do not fit, with a heading for each problem.
    """

    def __init__(self, message: str, lines: list[str]) -> None:
        super().__init__(message)
        self.lines = lines


@dataclass
class SpanAlignmentReport:
    """Statistics on the spans in a file. They are complete when the whole file has been read.

    The lists name the file, line and record of each span and show its context. Each list contains at most `N_KEPT`
    spans.
    """

    converted: str = ""
    """Message about the detected offset unit. It is empty if offsets count characters or the user specified the unit.
    """
    n_spans: int = 0
    """Number of spans. Spans with the same position and label count once."""
    n_misplaced: int = 0
    """Number of texts with a span that is outside the text or does not cover its declared text."""
    n_misaligned: int = 0
    """Number of spans that do not start and end at token boundaries."""
    n_lost: int = 0
    """Number of misaligned spans that were lost because they contain no whole token."""
    n_trimmed: int = 0
    """Number of spans that started or ended with white space, excluding blank spans."""
    n_blank: int = 0
    """Number of blank spans, which contain only white space and are skipped."""
    n_overlapping: int = 0
    """Number of spans that were dropped because they share a token with a span that was kept."""
    n_ambiguous: int = 0
    """Number of spans that follow a character beyond U+FFFF and are ambiguous: neither their text nor the unit is
    declared."""
    n_ambiguous_aligned: int = 0
    """Number of ambiguous spans that would start and end at token boundaries if their offsets counted UTF-16 units."""
    n_left_out: int = 0
    """Number of texts that were not annotated or whose annotation was rejected."""
    n_unused: int = 0
    """Number of additional annotations of the same texts."""
    n_rejected: int = 0
    """Number of spans that the annotator rejected and that are stored as incorrect spans."""
    n_rejected_misfits: int = 0
    """Number of rejected spans that are skipped because no entity can have their boundaries."""
    n_ignored: int = 0
    """Number of spans that the annotator ignored. They are skipped."""
    n_partial: int = 0
    """Number of texts in which nothing is known about the words outside the spans."""
    n_many_labels: int = 0
    """Number of texts that are skipped because one of their spans has several labels."""
    misaligned: list[str] = field(default_factory=list)
    """Spans that do not start and end at token boundaries."""
    trimmed: list[str] = field(default_factory=list)
    """Spans with white space at their edges, including blank spans."""
    overlapping: list[str] = field(default_factory=list)
    """Dropped spans, each with the span that was kept instead."""
    ambiguous: list[str] = field(default_factory=list)
    """Spans whose position depends on the offset unit."""

    def check(self, misaligned: str, overlap: str) -> None:
        """Reject misaligned and overlapping spans unless the options specify how to handle them.

        misaligned (str): how to handle misaligned spans, a key in `MISALIGNED`.
        overlap (str): how to handle overlapping spans, a value in `OVERLAP`.
        RAISES ListedError: the file contains such spans. The message counts them and lists the first of them.
        """
        errors = []
        if self.n_misaligned and misaligned == "error":
            listed = bullets(self.misaligned, self.n_misaligned)
            errors.append(Errors.misaligned_spans.format(n=self.n_misaligned, total=self.n_spans, listed=listed))
        if self.n_overlapping and overlap == "error":
            listed = bullets(self.overlapping, self.n_overlapping)
            errors.append(Errors.overlapping_spans.format(n=self.n_overlapping, total=self.n_spans, listed=listed))
        if errors:
            raise ListedError("\n".join(errors), self.lines())

    def lines(self) -> list[str]:
        """Return all spans that do not fit, with a heading for each problem."""
        kinds = {
            "Spans with white space at their edges": self.trimmed,
            "Spans that do not start and end at token boundaries": self.misaligned,
            "Spans that share tokens with another span": self.overlapping,
            "Spans after characters beyond U+FFFF": self.ambiguous,
        }
        return [line for kind, spans in kinds.items() if spans for line in (f"{kind}: {len(spans)}", *spans, "")]

    def messages(self, misaligned: str, overlap: str) -> list[str]:
        """Return messages about all changed or skipped input.

        misaligned (str): how misaligned spans were handled, a key in `MISALIGNED`.
        overlap (str): how overlapping spans were handled, a value in `OVERLAP`.
        """
        messages = [self.converted] if self.converted else []
        if self.n_ambiguous:
            messages.append(
                Errors.offsets_ambiguous.format(
                    n=self.n_ambiguous, n_aligned=self.n_ambiguous_aligned, first=self.ambiguous[0]
                )
            )
        if self.n_trimmed or self.n_blank:
            listed = bullets(self.trimmed, self.n_trimmed + self.n_blank)
            message = Errors.spans_trimmed.format(
                n=self.n_trimmed, total=self.n_spans, n_blank=self.n_blank, listed=listed
            )
            messages.append(message)
        if self.n_misaligned:
            listed = bullets(self.misaligned, self.n_misaligned)
            done = MISALIGNED[misaligned]
            messages.append(
                Errors.spans_fitted.format(
                    n=self.n_misaligned, total=self.n_spans, done=done, lost=self.n_lost, listed=listed
                )
            )
        if self.n_overlapping:
            listed = bullets(self.overlapping, self.n_overlapping)
            messages.append(
                Errors.spans_dropped.format(n=self.n_overlapping, total=self.n_spans, overlap=overlap, listed=listed)
            )
        if self.n_left_out:
            messages.append(Errors.texts_left_out.format(n=self.n_left_out))
        if self.n_unused:
            messages.append(Errors.annotations_unused.format(n=self.n_unused))
        if self.n_rejected:
            messages.append(Errors.spans_rejected.format(n=self.n_rejected, key=INCORRECT_SPANS))
        if self.n_rejected_misfits:
            messages.append(Errors.rejected_misfits.format(n=self.n_rejected_misfits))
        if self.n_ignored:
            messages.append(Errors.spans_ignored.format(n=self.n_ignored))
        if self.n_partial:
            messages.append(Errors.texts_partial.format(n=self.n_partial))
        if self.n_many_labels:
            messages.append(Errors.spans_of_many_labels.format(n=self.n_many_labels))
        return messages


def add_shown(lines: list[str], passage: AnnotatedText, span: Span, rival: Span | None = None) -> None:
    """Add a span to a list in a report unless the list is full. `rival` is the span that was kept instead, if any."""
    if len(lines) < N_KEPT:
        lines.append(show(passage, span) + (f" and {_name(passage, rival)}" if rival else ""))


def show(passage: AnnotatedText, span: Span) -> str:
    """Format a span with its position and its context."""
    text, start, end = passage.text, span.start, span.end
    covered = text[start:end] if end - start <= 60 else f"{text[start : start + 60]}…"
    context = f"{text[max(0, start - _CONTEXT) : start]}[{covered}]{text[end : end + _CONTEXT]}"
    return f"{passage.where(span)}: {_name(passage, span)} in {context!r}"


def _name(passage: AnnotatedText, span: Span) -> str:
    return f"{passage.text[span.start : span.end][:60]!r} ({span.label}, {span.start}-{span.end})"


def bullets(items: Iterable[object], total: int | None = None) -> str:
    """Format a list with one item per line.

    items: the items.
    total (int | None): total number of items. Only the first `N_SHOWN` are listed, and the rest are counted. Default:
        None, list all items.
    """
    lines = list(items)
    if total is not None:
        lines = lines[:N_SHOWN]
        lines += [f"{CUT}{total - len(lines)} more"] if total > len(lines) else []
    return "\n".join(f"- {line}" for line in lines)
