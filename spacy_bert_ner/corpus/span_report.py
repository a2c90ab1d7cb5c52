"""Report on the spans of a file: counts, lists and messages for the user."""

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
"""Handling of a span that does not start and end at token boundaries, and how messages describe it."""
OVERLAP = ("error", "longest", "first")
"""Which of the spans that share a token is kept: none, the longest, or the one that starts first."""
N_SHOWN = 5
"""Number of spans of each kind that a message lists."""
N_KEPT = 10_000
"""Number of spans of each kind that are stored for the complete lists."""
CUT = "… and "
"""The start of the last row of a truncated list."""
_CONTEXT = 25  # characters on either side of a span


class ListedError(CorpusError):
    """Spans are rejected; the message lists the first of them.

    message (str): the error message.
    lines: all rejected spans, with a heading for each kind.
    """

    def __init__(self, message: str, lines: list[str]) -> None:
        super().__init__(message)
        self.lines = lines


@dataclass
class SpanAlignmentReport:
    """Statistics on the spans of a file, complete when the whole file has been read.

    The lists name file, line and record, and show each span in its context. Each list stops after `N_KEPT` spans.
    """

    converted: str = ""
    """A message about the detected unit of the offsets; empty if they count characters or the user specified the unit.
    """
    n_spans: int = 0
    """Number of spans, without those that have the same position and label as another."""
    n_misplaced: int = 0
    """Texts with a span that is outside of them or does not cover its declared text."""
    n_misaligned: int = 0
    n_lost: int = 0
    """Misaligned spans that are not entities any more because no token is left in them."""
    n_trimmed: int = 0
    """Spans that started or ended with white space, without those of only white space."""
    n_blank: int = 0
    """Spans of only white space, which are skipped."""
    n_overlapping: int = 0
    """Spans dropped because they share a token with a span that was kept."""
    n_ambiguous: int = 0
    """Spans after a character beyond U+FFFF whose text the file does not declare, if the user specified no unit."""
    n_ambiguous_aligned: int = 0
    """Ambiguous spans that also start and end at token boundaries if their offsets count UTF-16 units."""
    n_left_out: int = 0
    """Texts that nobody annotated, or whose annotation was rejected."""
    n_unused: int = 0
    """Further annotations of the same texts."""
    n_rejected: int = 0
    """Spans that the annotator rejected and that are stored as incorrect spans."""
    n_rejected_misfits: int = 0
    """Rejected spans that are skipped because no entity can start and end there."""
    n_ignored: int = 0
    """Spans that the annotator ignored, which are skipped."""
    n_partial: int = 0
    """Texts about which nothing is known except whether their spans are entities."""
    n_many_labels: int = 0
    """Texts with a span of several labels, which are skipped."""
    misaligned: list[str] = field(default_factory=list)
    trimmed: list[str] = field(default_factory=list)
    """Spans with white space at their edges, or of only white space."""
    overlapping: list[str] = field(default_factory=list)
    """Dropped spans, each with the span that was kept instead."""
    ambiguous: list[str] = field(default_factory=list)

    def check(self, misaligned: str, overlap: str) -> None:
        """Reject misaligned and overlapping spans unless the options specify how to handle them.

        misaligned (str): a key of `MISALIGNED`.
        overlap (str): one of `OVERLAP`.
        RAISES ListedError: there are such spans. The message counts both kinds and lists the first of each.
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
        """Return all spans that did not fit, with a heading for each kind."""
        kinds = {
            "With white space at their edges": self.trimmed,
            "Not at token boundaries": self.misaligned,
            "Sharing tokens with another": self.overlapping,
            "After characters beyond U+FFFF": self.ambiguous,
        }
        return [line for kind, spans in kinds.items() if spans for line in (f"{kind}: {len(spans)}", *spans, "")]

    def messages(self, misaligned: str, overlap: str) -> list[str]:
        """Return messages about all input that was changed or skipped.

        misaligned (str): a key of `MISALIGNED`.
        overlap (str): one of `OVERLAP`.
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
    """Add a span, and the span that was kept instead, to a list of a report unless the list is full."""
    if len(lines) < N_KEPT:
        lines.append(show(passage, span) + (f" and {_name(passage, rival)}" if rival else ""))


def show(passage: AnnotatedText, span: Span) -> str:
    """Return a span with its position and its context."""
    text, start, end = passage.text, span.start, span.end
    covered = text[start:end] if end - start <= 60 else f"{text[start : start + 60]}…"
    context = f"{text[max(0, start - _CONTEXT) : start]}[{covered}]{text[end : end + _CONTEXT]}"
    return f"{passage.where(span)}: {_name(passage, span)} in {context!r}"


def _name(passage: AnnotatedText, span: Span) -> str:
    return f"{passage.text[span.start : span.end][:60]!r} ({span.label}, {span.start}-{span.end})"


def bullets(items: Iterable[object], total: int | None = None) -> str:
    """Format a list with one item on each line.

    total (int | None): total number of items. The first `N_SHOWN` are listed, and the others are counted. None lists
        all.
    """
    lines = list(items)
    if total is not None:
        lines = lines[:N_SHOWN]
        lines += [f"{CUT}{total - len(lines)} more"] if total > len(lines) else []
    return "\n".join(f"- {line}" for line in lines)
