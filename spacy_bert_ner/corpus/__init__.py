"""Reading annotated text: one module per format, one table that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ..errors import CorpusError, Errors
from ..tags import PREFIXES, to_iob2
from . import brat, columns, gmb, jsonl, label_studio
from .fitting import MISALIGNED, OVERLAP, Fitter, SpanReport
from .passage import Passage
from .scheme import TagSurvey
from .sentence import Sentence
from .source import Source


class Format(NamedTuple):
    """One format of annotated text."""

    read: Callable[[Source], Iterator[Sentence]] | Callable[[Source], Iterator[Passage]]
    """Yields the sentences of a file, or its passages where `has_offsets`; raises `CorpusError` with file and line at a
    bad row."""
    recognise: Callable[[Sequence[str]], bool]
    """Whether the first rows of a file, without blank ones, may be of this format. Most tell by the first."""
    fallback_encoding: str | None
    """The encoding of files that are not UTF-8."""
    has_offsets: bool = False
    """Whether it has text and spans, not words and tags."""


FORMATS: dict[str, Format] = {
    "gmb-sentences": Format(gmb.read_sentences, gmb.is_sentences, None),
    "gmb-tokens": Format(gmb.read_tokens, gmb.is_tokens, "latin-1"),
    "label-studio": Format(label_studio.read, label_studio.is_label_studio, None, has_offsets=True),
    "jsonl": Format(jsonl.read_spacy, jsonl.is_spacy, None, has_offsets=True),
    "doccano": Format(jsonl.read_doccano, jsonl.is_doccano, None, has_offsets=True),
    "brat": Format(brat.read, lambda rows: False, None, has_offsets=True),  # told from its files, see `_open`
    "conll": Format(columns.read, columns.is_columns, None),
}


N_ROWS = 10_000
"""Rows from which the format is told."""


class CorpusStream:
    """An annotated file, which is read anew whenever it is iterated over, in memory that does not grow with it.

    It is read once when it is opened, to check it and to tell the scheme of its tags.

    path (Path): the file, zipped or not; for brat also a folder.
    format (str): a key of `FORMATS`, or "auto" to tell it from the first rows. Then the name of the one that was told.
    encoding (str | None): a Python codec; None for UTF-8, or else the format's own.
    limit (int | None): read this many sentences, from the first; None for all.
    tag_scheme (str | None): a key of `PREFIXES`; None to tell it from the tags of all sentences that are read. Then the
        name of the one that was told. Text with offsets has no tags: there it can only be IOB2.
    lang (str): whose tokenizer cuts text with offsets into words; ignored where the file has words.
    misaligned (str): what becomes of spans that do not begin and end where tokens do, a key of `MISALIGNED`: "error";
        "expand" to all tokens that they touch, "contract" to those that lie within; "missing": these are unknown.
    overlap (str): which of spans that share tokens is kept, one of `OVERLAP`: "error"; the "longest"; the "first" to
        begin.
    YIELDS (Sentence): with tags in IOB2, in the order of the file.
    RAISES CorpusError: the file or a row of it cannot be read; the message names file and line.
    """

    n_sentences: int
    n_repaired: int
    """How many tags broke the rules of their scheme, when all have been read."""
    spans: SpanReport | None
    """What became of the spans, when all have been read; None where the file has words and tags."""

    def __init__(
        self,
        path: Path,
        *,
        format: str = "auto",
        encoding: str | None = None,
        limit: int | None = None,
        tag_scheme: str | None = None,
        lang: str = "en",
        misaligned: str = "error",
        overlap: str = "error",
    ) -> None:
        if limit is not None and limit < 1:
            raise CorpusError(Errors.bad_limit.format(limit=limit))
        if tag_scheme is not None and tag_scheme not in PREFIXES:
            _refuse("--tag-scheme", tag_scheme, ", ".join(PREFIXES))
        if misaligned not in MISALIGNED:
            _refuse("--misaligned", misaligned, ", ".join(MISALIGNED))
        if overlap not in OVERLAP:
            _refuse("--overlap", overlap, ", ".join(OVERLAP))
        known = ", ".join(FORMATS)
        self._source, self._limit = _open(path, format, encoding), limit
        self.format = self._recognise(known) if format == "auto" else format
        if self.format not in FORMATS:
            _refuse("--format", format, f"auto, {known}")
        has_offsets = FORMATS[self.format].has_offsets
        if has_offsets and tag_scheme not in (None, "IOB2"):
            _refuse("--tag-scheme", str(tag_scheme), f"IOB2, or none: {self.format} has spans and no tags")
        self._source.check(FORMATS[self.format].fallback_encoding, known)
        self._fitter = Fitter(lang, misaligned, overlap) if has_offsets else None
        survey, self.n_sentences = TagSurvey(), 0
        for sentence in self._raw():
            if not has_offsets:
                survey.add(sentence)
            self.n_sentences += 1
        if self.spans:
            self.spans.check(misaligned, overlap)
        if not self.n_sentences:
            raise CorpusError(Errors.empty_file.format(path=path, formats=known))
        rules = survey.rules(path, tag_scheme)
        self.tag_scheme = rules.scheme if rules else tag_scheme or "IOB2"
        self._rules = rules
        self.n_repaired = 0

    def _recognise(self, known: str) -> str:
        if isinstance(self._source, brat.Pairs):
            return "brat"
        rows = self._source.head(N_ROWS)
        for name, format in FORMATS.items():
            if rows and format.recognise([row for _, row in rows]):
                return name
        # It may be no text at all.
        self._source.check("latin-1", known)
        if not rows:
            raise CorpusError(Errors.empty_file.format(path=self._source.path, formats=known))
        line, row = rows[0]
        raise CorpusError(Errors.unknown_format.format(path=self._source.path, line=line, text=row[:60], formats=known))

    def _raw(self) -> Iterator[Sentence]:
        items: Iterator[Any] = FORMATS[self.format].read(self._source)
        self.spans = SpanReport() if self._fitter else None
        if self._fitter and self.spans:
            items = self._fitter.sentences(items, self.spans)
        return islice(items, self._limit)

    def __iter__(self) -> Iterator[Sentence]:
        self.n_repaired = 0
        for sentence in self._raw():
            if self._rules:
                tags, n_repaired = to_iob2(sentence.tags, self._rules)
                self.n_repaired += n_repaired
                sentence = sentence._replace(tags=tags)
            yield sentence


class Corpus(NamedTuple):
    """What was read: sentences with legal IOB2 tags, the name of the format, how many tags were repaired because they
    broke the rules of their scheme, and the name of that."""

    sentences: list[Sentence]
    format: str
    n_repaired: int
    tag_scheme: str


def read_corpus(path: Path, **options: Any) -> Corpus:
    """Read all of a file of annotated sentences; see `CorpusStream`."""
    stream = CorpusStream(path, **options)
    return Corpus(list(stream), stream.format, stream.n_repaired, stream.tag_scheme)


def _open(path: Path, format: str, encoding: str | None) -> Source:
    is_brat = format == "brat" or (format == "auto" and brat.is_brat(path))
    return brat.Pairs(path, encoding) if is_brat else Source(path, encoding)


def _refuse(key: str, value: str, allowed: str) -> NoReturn:
    raise CorpusError(Errors.bad_value.format(section="convert", key=key, value=value, allowed=allowed))
