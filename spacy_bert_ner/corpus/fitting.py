"""Spans at character offsets to tags of tokens, with everything counted that does not fit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple, cast

import spacy
from spacy.tokens import Doc
from spacy.util import get_lang_class

from ..errors import CorpusError, Errors
from ..tags import OUTSIDE
from .offsets import place_spans
from .passage import Passage, Span, Tokens, shorten
from .sentence import Invalid, Sentence

MISALIGNED = {"error": "", "expand": "widened to them", "contract": "narrowed to them", "missing": "left unknown"}
"""What becomes of a span that does not begin and end where tokens do."""
OVERLAP = ("error", "longest", "first")
"""Which of the spans that share a token is kept: none, the longest, or that which begins first."""
_N_SHOWN = 5
_CONTEXT = 25  # characters on either side of a span


@dataclass
class SpanReport:
    """What became of the spans of a file, when all of it has been read."""

    n_spans: int = 0
    """Without those that have the same place and label as another."""
    n_misaligned: int = 0
    n_lost: int = 0
    """Of the misaligned ones, those that are no entity now, as no token is left to them."""
    n_trimmed: int = 0
    """Spans that began or ended with white space, without those of white space alone."""
    n_blank: int = 0
    """Spans of white space alone, which are left out."""
    n_overlapping: int = 0
    """Spans that share a token with one that was kept in their place."""
    n_left_out: int = 0
    """Texts that nobody annotated, or whose annotation was rejected."""
    n_unused: int = 0
    """Further annotations of the same texts."""
    shown_misaligned: list[str] = field(default_factory=list)
    """The first of them, with file, line and context."""
    shown_trimmed: list[str] = field(default_factory=list)
    """The first of those with white space at their edges, or of white space alone."""
    shown_overlapping: list[str] = field(default_factory=list)

    def check(self, misaligned: str, overlap: str) -> None:
        """Refuse misaligned and overlapping spans, unless the options say what to do with them.

        RAISES CorpusError: the message counts them and lists the first.
        """
        if self.n_misaligned and misaligned == "error":
            listed = bullets(self.shown_misaligned)
            raise CorpusError(Errors.misaligned_spans.format(n=self.n_misaligned, total=self.n_spans, listed=listed))
        if self.n_overlapping and overlap == "error":
            listed = bullets(self.shown_overlapping)
            raise CorpusError(Errors.overlapping_spans.format(n=self.n_overlapping, total=self.n_spans, listed=listed))

    def messages(self, misaligned: str, overlap: str) -> list[str]:
        """What a user should know of what was not taken as it stands."""
        messages = []
        if self.n_trimmed or self.n_blank:
            listed = bullets(self.shown_trimmed)
            message = Errors.spans_trimmed.format(
                n=self.n_trimmed, total=self.n_spans, n_blank=self.n_blank, listed=listed
            )
            messages.append(message)
        if self.n_misaligned:
            listed = bullets(self.shown_misaligned)
            done = MISALIGNED[misaligned]
            messages.append(
                Errors.spans_fitted.format(
                    n=self.n_misaligned, total=self.n_spans, done=done, lost=self.n_lost, listed=listed
                )
            )
        if self.n_overlapping:
            listed = bullets(self.shown_overlapping)
            messages.append(
                Errors.spans_dropped.format(n=self.n_overlapping, total=self.n_spans, overlap=overlap, listed=listed)
            )
        if self.n_left_out:
            messages.append(Errors.texts_left_out.format(n=self.n_left_out))
        if self.n_unused:
            messages.append(Errors.annotations_unused.format(n=self.n_unused))
        return messages


class _Fitted(NamedTuple):
    """The tokens of a span, from `first` up to, not including, `last`; without a label they are unknown."""

    first: int
    last: int
    label: str | None
    span: Span


class Fitter:
    """Tokenizes passages that have no tokens, and turns spans into tags.

    tokenize: makes a Doc of a text.
    lang (str): whose tokenizer it is, for the errors.
    misaligned (str): a key of `MISALIGNED`.
    overlap (str): one of `OVERLAP`.
    """

    def __init__(self, tokenize: Callable[[str], Doc], lang: str, misaligned: str, overlap: str) -> None:
        self._tokenize = tokenize
        self._lang, self._misaligned, self._overlap = lang, misaligned, overlap

    def sentences(self, passages: Iterable[Passage | Invalid], report: SpanReport) -> Iterator[Sentence | Invalid]:
        """Yield a sentence for each passage that is annotated and not empty; and what is no passage, as it is."""
        for passage in passages:
            if isinstance(passage, Invalid):
                yield passage
                continue
            report.n_unused += passage.n_unused
            report.n_left_out += not passage.annotated
            if passage.annotated and passage.text:
                try:
                    yield self._fit(passage, report)
                except CorpusError as e:
                    yield Invalid(e)

    def _fit(self, passage: Passage, report: SpanReport) -> Sentence:
        words, spaces = passage.tokens or self._cut(passage)
        edges = accumulate((len(word) + space for word, space in zip(words, spaces, strict=True)), initial=0)
        starts = list(edges)[:-1]
        ends = [start + len(word) for start, word in zip(starts, words, strict=True)]
        distinct = self._placed(passage, report)
        fitted: dict[object, _Fitted] = {}
        for span in distinct:
            one = self._place(span, starts, ends, passage, report)
            if one.first < one.last:
                fitted.setdefault(one[:3], one)  # two spans may come to be the same
        tags: list[str | None] = [OUTSIDE] * len(words)
        for first, last, label, _ in self._choose(list(fitted.values()), passage, report):
            inside = f"I-{label}" if label is not None else None
            tags[first:last] = [inside] * (last - first)
            if label is not None:
                tags[first] = f"B-{label}"
        for start, end in passage.unknown:
            first, last = bisect_right(ends, start), bisect_left(starts, end)
            if any(tag not in (None, OUTSIDE) for tag in tags[first:last]):
                covered = shorten(passage.text[start:end])
                message = Errors.unknown_entity.format(
                    path=passage.path, line=passage.line, start=start, end=end, covered=covered
                )
                raise CorpusError(message)
            tags[first:last] = [None] * (last - first)
        return Sentence(words, tags, [passage.line] * len(words), spaces, passage.document)

    def _placed(self, passage: Passage, report: SpanReport) -> list[Span]:
        """The spans of a passage, each once; one with other fragments is another span."""
        placed = place_spans(passage)
        spans = {(span.start, span.end, span.label, span.fragments): span for span in reversed(placed.spans)}
        report.n_spans += len(spans) + len(placed.blank)
        report.n_trimmed += len(placed.trimmed) - len(placed.blank)
        report.n_blank += len(placed.blank)
        for span in placed.trimmed[: _N_SHOWN - len(report.shown_trimmed)]:
            report.shown_trimmed.append(_shown(passage, span))
        return [*reversed(spans.values())]

    def _cut(self, passage: Passage) -> Tokens:
        """The tokens of a text whose file gives none."""
        doc = self._tokenize(passage.text)
        tokens = Tokens([token.text for token in doc], [bool(token.whitespace_) for token in doc])
        if "".join(f"{word} " if space else word for word, space in zip(*tokens, strict=True)) != passage.text:
            raise CorpusError(Errors.text_changed.format(path=passage.path, line=passage.line, lang=self._lang))
        return tokens

    def _place(self, span: Span, starts: list[int], ends: list[int], passage: Passage, report: SpanReport) -> _Fitted:
        """The tokens of a span.

        I  love  [Ber]liners  .      expand: Berliners   contract: none   missing: Berliners, unknown
        """
        first, last = bisect_right(ends, span.start), bisect_left(starts, span.end)  # those that it touches
        if first < last and (starts[first], ends[last - 1]) == span[:2] and not span.fragments:
            return _Fitted(first, last, span.label, span)
        report.n_misaligned += 1
        if len(report.shown_misaligned) < _N_SHOWN:
            report.shown_misaligned.append(_shown(passage, span))
        label: str | None = span.label
        if self._misaligned == "contract":
            start, end = max(span.fragments or [span[:2]], key=lambda piece: piece[1] - piece[0])
            first, last = bisect_left(starts, start), bisect_right(ends, end)
        elif self._misaligned != "expand":
            label = None
        report.n_lost += label is not None and first >= last
        return _Fitted(first, last, label, span)

    def _choose(self, fitted: list[_Fitted], passage: Passage, report: SpanReport) -> list[_Fitted]:
        """Those that are kept of spans that share tokens."""
        if self._overlap == "first":
            fitted.sort(key=lambda one: one.span.start)
        else:
            fitted.sort(key=lambda one: (one.span.start - one.span.end, one.span.start))
        firsts: list[int] = []  # of those that are kept, in the order of the text
        kept: list[_Fitted] = []
        for one in fitted:
            i = bisect_left(firsts, one.last)
            rival = kept[i - 1] if i and kept[i - 1].last > one.first else None
            if rival is None:
                firsts.insert(i, one.first)
                kept.insert(i, one)
                continue
            report.n_overlapping += 1
            if len(report.shown_overlapping) < _N_SHOWN:
                report.shown_overlapping.append(f"{_shown(passage, one.span)} and {_named(passage, rival.span)}")
        return kept


@lru_cache(maxsize=4)
def check_language(lang: str) -> None:
    """Refuse a language that spaCy does not have, without building its tokenizer.

    RAISES CorpusError: spaCy has no such language.
    """
    with _knowing(lang):
        get_lang_class(lang)


@lru_cache(maxsize=4)
def tokenizer(lang: str) -> Callable[[str], Doc]:
    """The tokenizer of a language. Building one takes a fraction of a second, so the last few are kept.

    RAISES CorpusError: spaCy has no such language, or it needs a package that is not installed.
    """
    with _knowing(lang):
        return cast(Callable[[str], Doc], spacy.blank(lang).tokenizer)


@contextmanager
def _knowing(lang: str) -> Iterator[None]:
    try:
        yield
    except ImportError as e:
        raise CorpusError(Errors.bad_language.format(lang=lang, reason=e)) from e


def _named(passage: Passage, span: Span) -> str:
    return f"{passage.text[span.start : span.end][:60]!r} ({span.label}, {span.start}-{span.end})"


def _shown(passage: Passage, span: Span) -> str:
    """A span with its place and its context."""
    text, start, end = passage.text, span.start, span.end
    covered = text[start:end] if end - start <= 60 else f"{text[start : start + 60]}…"
    context = f"{text[max(0, start - _CONTEXT) : start]}[{covered}]{text[end : end + _CONTEXT]}"
    return f"{passage.where(span)}: {_named(passage, span)} in {context!r}"


def bullets(shown: Iterable[object]) -> str:
    """A list, a line each."""
    return "\n".join(f"- {one}" for one in shown)
