"""Align character spans with tokens, convert the spans to tags, and count those that do not fit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple, cast

import spacy
from spacy.tokens import Doc
from spacy.util import get_lang_class

from ..decoding.tag_scheme import OUTSIDE
from ..errors import CorpusError, Errors
from ..types import Entity
from .offset_units import ASTRAL, CHARACTERS, OFFSET_UNITS
from .sentence import Invalid, Sentence, entities
from .span_placement import SpanPlaceError, place_spans, trim
from .span_report import SpanAlignmentReport, add_shown
from .span_text import AnnotatedText, Span, Tokens, shorten


class TokenEdges(NamedTuple):
    """The character offsets where each token in a text starts and ends. *Shape of each:* `(n_tokens,)`"""

    starts: list[int]
    ends: list[int]

    def touched(self, start: int, end: int) -> tuple[int, int]:
        """Return the index of the first token that overlaps a character range, and the index after the last one."""
        return bisect_right(self.ends, start), bisect_left(self.starts, end)

    def align(self, start: int, end: int) -> bool:
        """Return whether a character range starts and ends at token boundaries."""
        first, last = self.touched(start, end)
        return first < last and (self.starts[first], self.ends[last - 1]) == (start, end)


class _AlignedSpan(NamedTuple):
    """A span with token indices, from `first` (inclusive) to `last` (exclusive).

    If `label` is None, the annotation of these tokens is unknown.
    """

    first: int
    last: int
    label: str | None
    span: Span


class SpanAligner:
    """An aligner that converts spans to tags. It tokenizes passages without tokens.

    tokenize: function that creates a Doc from a text.
    lang (str): the language of the tokenizer, for error messages.
    misaligned (str): how to handle misaligned spans, a key in `MISALIGNED`.
    overlap (str): how to handle overlapping spans, a value in `OVERLAP`.
    unit (str): unit of the span offsets, a key in `OFFSET_UNITS`. It can be changed between two passes.
    is_named (bool): whether the user specified the unit. If so, no span is counted as ambiguous.
    """

    def __init__(
        self,
        tokenize: Callable[[str], Doc],
        lang: str,
        misaligned: str,
        overlap: str,
        unit: str = CHARACTERS,
        *,
        is_named: bool = True,
    ) -> None:
        self._tokenize = tokenize
        self._lang, self._misaligned, self._overlap = lang, misaligned, overlap
        self.unit, self._is_named = unit, is_named

    def sentences(
        self, passages: Iterable[AnnotatedText | Invalid], report: SpanAlignmentReport
    ) -> Iterator[Sentence | Invalid]:
        """Yield a sentence for each passage that is annotated and not empty. Invalid passages are passed through.

        passages: the passages to convert.
        report (SpanAlignmentReport): the report to update with counts and lists of spans.
        """
        for passage in passages:
            if isinstance(passage, Invalid):
                yield passage
                continue
            report.n_unused += passage.n_unused
            report.n_ignored += passage.n_ignored
            report.n_many_labels += passage.has_many_labels
            report.n_left_out += not passage.annotated
            if passage.is_read:
                report.n_partial += passage.is_partial
                try:
                    yield self._fit(passage, report)
                except CorpusError as e:
                    report.n_misplaced += isinstance(e, SpanPlaceError)
                    yield Invalid(e)

    def _fit(self, passage: AnnotatedText, report: SpanAlignmentReport) -> Sentence:
        tokens = self.tokens(passage)
        words, spaces = tokens
        edges = token_edges(tokens)
        distinct = self._placed(passage, edges, report)
        self._count_ambiguous(passage, edges, report)
        aligned_spans: dict[object, _AlignedSpan] = {}
        for span in distinct:
            aligned = self._align(span, edges, passage, report)
            if aligned.first < aligned.last:
                aligned_spans.setdefault(aligned[:3], aligned)  # several spans may align with the same tokens
        tags: list[str | None] = [None if passage.is_partial else OUTSIDE] * len(words)
        for first, last, label, _ in self._choose(list(aligned_spans.values()), passage, report):
            inside = f"I-{label}" if label is not None else None
            tags[first:last] = [inside] * (last - first)
            if label is not None:
                tags[first] = f"B-{label}"
        for start, end in passage.unknown:
            first, last = edges.touched(start, end)
            if any(tag not in (None, OUTSIDE) for tag in tags[first:last]):
                covered = shorten(passage.text[start:end])
                message = Errors.unknown_entity.format(where=passage.where(), start=start, end=end, covered=covered)
                raise CorpusError(message)
            tags[first:last] = [None] * (last - first)
        known_spaces = spaces if passage.has_spaces else None
        incorrect = self._incorrect(passage, edges, tags, report) if passage.rejected else ()
        return Sentence(words, tags, [passage.line] * len(words), known_spaces, passage.document, incorrect)

    def _incorrect(
        self, passage: AnnotatedText, edges: TokenEdges, tags: list[str | None], report: SpanAlignmentReport
    ) -> tuple[Entity, ...]:
        """Return the distinct rejected spans with token indices.

        Skip spans that cannot be entities, such as parts of tokens.

        tags: IOB2 tags. *Shape:* `(n_tokens,)`
        RAISES CorpusError: a rejected span is also an entity.
        """
        incorrect: dict[Entity, Span] = {}
        for span in passage.rejected:
            placed = place_spans(passage._replace(spans=[span]), edges.align, self.unit)
            aligned_parts = (
                [] if placed.trimmed else [part for part in placed.spans if edges.align(part.start, part.end)]
            )
            report.n_rejected_misfits += not aligned_parts
            for part in aligned_parts:
                incorrect.setdefault(Entity(part.label, *edges.touched(part.start, part.end)), part)
        for entity in entities(tags):
            if entity in incorrect:
                rejected = incorrect[entity]
                covered = shorten(passage.text[rejected.start : rejected.end])
                message = Errors.accepted_and_rejected
                raise CorpusError(message.format(where=passage.where(rejected), covered=covered, label=entity.label))
        report.n_rejected += len(incorrect)
        return tuple(incorrect)

    def _placed(self, passage: AnnotatedText, edges: TokenEdges, report: SpanAlignmentReport) -> list[Span]:
        """Return the distinct spans in a passage. Spans with different fragments are distinct."""
        placed = place_spans(passage, edges.align, self.unit)
        spans = {(span.start, span.end, span.label, span.fragments): span for span in reversed(placed.spans)}
        report.n_spans += len(spans) + len(placed.blank)
        report.n_trimmed += len(placed.trimmed) - len(placed.blank)
        report.n_blank += len(placed.blank)
        for span in placed.trimmed:
            add_shown(report.trimmed, passage, span)
        return [*reversed(spans.values())]

    def _count_ambiguous(self, passage: AnnotatedText, edges: TokenEdges, report: SpanAlignmentReport) -> None:
        """Count spans whose position would change if their offsets counted UTF-16 units."""
        if self._is_named or self.unit != CHARACTERS or passage.text.isascii() or passage.tokens:
            return
        astral = ASTRAL.search(passage.text)
        spans = [span for span in passage.spans if span.declared_text is None and astral and span.end > astral.start()]
        if spans:
            to_characters = OFFSET_UNITS["utf-16"].to_characters(passage)
        for span in spans:
            start, end = to_characters(span.start), to_characters(span.end)
            report.n_ambiguous += 1
            if start is not None and end is not None:
                report.n_ambiguous_aligned += edges.align(*trim(passage.text, start, end))
            add_shown(report.ambiguous, passage, span)

    def tokens(self, passage: AnnotatedText) -> Tokens:
        """Return the tokens in a passage. If the file does not contain them, tokenize the text.

        RAISES CorpusError: the tokenizer changes the text, or the text contains NUL.
        """
        if passage.tokens:
            return passage.tokens
        if "\0" in passage.text:
            raise CorpusError(Errors.nul_in_text.format(where=passage.where(), position=passage.text.index("\0")))
        doc = self._tokenize(passage.text)
        tokens = Tokens([token.text for token in doc], [bool(token.whitespace_) for token in doc])
        if "".join(f"{word} " if space else word for word, space in zip(*tokens, strict=True)) != passage.text:
            raise CorpusError(Errors.text_changed.format(where=passage.where(), lang=self._lang))
        return tokens

    def _align(
        self, span: Span, edges: TokenEdges, passage: AnnotatedText, report: SpanAlignmentReport
    ) -> _AlignedSpan:
        """Align a span with tokens.

        I  love  [Ber]liners  .      expand: Berliners   contract: no token   missing: Berliners, unknown
        """
        first, last = edges.touched(span.start, span.end)
        if edges.align(span.start, span.end) and not span.fragments:
            return _AlignedSpan(first, last, span.label, span)
        report.n_misaligned += 1
        add_shown(report.misaligned, passage, span)
        label: str | None = span.label
        if self._misaligned == "contract":
            start, end = max(span.fragments or [span[:2]], key=lambda piece: piece[1] - piece[0])
            first, last = bisect_left(edges.starts, start), bisect_right(edges.ends, end)
        elif self._misaligned != "expand":
            label = None
        report.n_lost += label is not None and first >= last
        return _AlignedSpan(first, last, label, span)

    def _choose(
        self, aligned: list[_AlignedSpan], passage: AnnotatedText, report: SpanAlignmentReport
    ) -> list[_AlignedSpan]:
        """Choose which spans to keep if several share a token."""
        if self._overlap == "first":
            aligned.sort(key=lambda candidate: candidate.span.start)
        else:
            aligned.sort(key=lambda candidate: (candidate.span.start - candidate.span.end, candidate.span.start))
        firsts: list[int] = []  # index of the first token in each chosen span, in text order
        chosen: list[_AlignedSpan] = []
        for candidate in aligned:
            i = bisect_left(firsts, candidate.last)
            rival = chosen[i - 1] if i and chosen[i - 1].last > candidate.first else None
            if rival is None:
                firsts.insert(i, candidate.first)
                chosen.insert(i, candidate)
                continue
            report.n_overlapping += 1
            add_shown(report.overlapping, passage, candidate.span, rival.span)
        return chosen


def token_edges(tokens: Tokens) -> TokenEdges:
    """Return the character offsets where each token starts and ends in the text that the tokens form."""
    words, spaces = tokens
    edges = accumulate((len(word) + space for word, space in zip(words, spaces, strict=True)), initial=0)
    starts = list(edges)[:-1]
    return TokenEdges(starts, [start + len(word) for start, word in zip(starts, words, strict=True)])


@lru_cache(maxsize=4)
def check_language(lang: str) -> None:
    """Reject a language that spaCy does not support, without building its tokenizer.

    RAISES CorpusError: spaCy does not support the language.
    """
    with _translate_import_error(lang):
        get_lang_class(lang)


@lru_cache(maxsize=4)
def tokenizer(lang: str) -> Callable[[str], Doc]:
    """Return the tokenizer for a language. Building one takes a fraction of a second, so the last four are cached.

    RAISES CorpusError: spaCy does not support the language, or the language requires a package that is not installed.
    """
    with _translate_import_error(lang):
        return cast(Callable[[str], Doc], spacy.blank(lang).tokenizer)


@contextmanager
def _translate_import_error(lang: str) -> Iterator[None]:
    try:
        yield
    except ImportError as e:
        raise CorpusError(Errors.bad_language.format(lang=lang, reason=e)) from e
