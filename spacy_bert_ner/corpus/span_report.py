"""What became of the spans of a file: counts, lists, and what a user is told of them."""

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
"""What becomes of a span that does not begin and end where tokens do."""
OVERLAP = ("error", "longest", "first")
"""Which of the spans that share a token is kept: none, the longest, or that which begins first."""
N_SHOWN = 5
"""How many spans of a kind a message lists."""
N_KEPT = 10_000
"""How many spans of a kind are kept, for a list of all."""
CUT = "… and "
"""How the last row of a list begins that is cut."""
_CONTEXT = 25  # characters on either side of a span


class ListedError(CorpusError):
    """Spans are refused, of which the message lists the first.

    lines: all of them, with a heading for each kind.
    """

    def __init__(self, message: str, lines: list[str]) -> None:
        super().__init__(message)
        self.lines = lines


@dataclass
class SpanAlignmentReport:
    """What became of the spans of a file, when all of it has been read.

    The lists name file, line and record, and show the span in its context. Each ends after `N_KEPT` of them.
    """

    converted: str = ""
    """What the offsets count, as it was told from the spans; empty where they count characters, or it was named."""
    n_spans: int = 0
    """Without those that have the same place and label as another."""
    n_misplaced: int = 0
    """Texts with a span that is outside of them, or does not cover what the file says."""
    n_misaligned: int = 0
    n_lost: int = 0
    """Of the misaligned ones, those that are no entity now, as no token is left to them."""
    n_trimmed: int = 0
    """Spans that began or ended with white space, without those of white space alone."""
    n_blank: int = 0
    """Spans of white space alone, which are left out."""
    n_overlapping: int = 0
    """Spans that share a token with one that was kept in their place."""
    n_ambiguous: int = 0
    """Spans behind a character beyond U+FFFF whose text the file does not say, where no unit was named."""
    n_ambiguous_aligned: int = 0
    """Of these, those that also begin and end where tokens do if their offsets count UTF-16 units."""
    n_left_out: int = 0
    """Texts that nobody annotated, or whose annotation was rejected."""
    n_unused: int = 0
    """Further annotations of the same texts."""
    n_rejected: int = 0
    """Spans that the annotator rejected, and that are kept as incorrect ones."""
    n_rejected_misfits: int = 0
    """Others of these, which are left out: no entity can begin and end there."""
    n_ignored: int = 0
    """Spans that the annotator ignored, which are left out."""
    n_partial: int = 0
    """Texts of which nothing is known but whether their spans are entities."""
    n_many_labels: int = 0
    """Texts with a span of several labels, which are left out."""
    misaligned: list[str] = field(default_factory=list)
    trimmed: list[str] = field(default_factory=list)
    """Those with white space at their edges, or of white space alone."""
    overlapping: list[str] = field(default_factory=list)
    """Those that were left out, each with the one that was kept."""
    ambiguous: list[str] = field(default_factory=list)

    def check(self, misaligned: str, overlap: str) -> None:
        """Refuse misaligned and overlapping spans, unless the options say what to do with them.

        RAISES ListedError: the message counts both kinds and lists the first of each.
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
        """All spans that did not fit, with a heading for each kind."""
        kinds = {
            "White space at the edges": self.trimmed,
            "Not where tokens begin and end": self.misaligned,
            "Sharing tokens with another": self.overlapping,
            "Behind characters beyond U+FFFF": self.ambiguous,
        }
        return [line for kind, spans in kinds.items() if spans for line in (f"{kind}: {len(spans)}", *spans, "")]

    def messages(self, misaligned: str, overlap: str) -> list[str]:
        """What a user should know of what was not taken as it stands."""
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


def add_shown(shown: list[str], passage: AnnotatedText, span: Span, rival: Span | None = None) -> None:
    """Add a span, and the one that was kept in its place, to a list of a report, unless that is full."""
    if len(shown) < N_KEPT:
        shown.append(show(passage, span) + (f" and {_name(passage, rival)}" if rival else ""))


def show(passage: AnnotatedText, span: Span) -> str:
    """A span with its place and its context."""
    text, start, end = passage.text, span.start, span.end
    covered = text[start:end] if end - start <= 60 else f"{text[start : start + 60]}…"
    context = f"{text[max(0, start - _CONTEXT) : start]}[{covered}]{text[end : end + _CONTEXT]}"
    return f"{passage.where(span)}: {_name(passage, span)} in {context!r}"


def _name(passage: AnnotatedText, span: Span) -> str:
    return f"{passage.text[span.start : span.end][:60]!r} ({span.label}, {span.start}-{span.end})"


def bullets(shown: Iterable[object], total: int | None = None) -> str:
    """A list, a line each.

    total (int | None): how many there are; then the first are listed, and the others counted. None to list all.
    """
    rows = list(shown)
    if total is not None:
        rows = rows[:N_SHOWN]
        rows += [f"{CUT}{total - len(rows)} more"] if total > len(rows) else []
    return "\n".join(f"- {row}" for row in rows)
