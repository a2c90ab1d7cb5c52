"""Reading annotated text: one module per format, one table that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ..errors import CorpusError, Errors
from ..tags import PREFIXES, to_iob2
from . import columns, gmb
from .scheme import TagSurvey
from .sentence import Sentence
from .source import Source


class Format(NamedTuple):
    """One format of annotated text."""

    read: Callable[[Source], Iterator[Sentence]]
    """Yields the sentences of a file; raises `CorpusError` with file and line at a bad row."""
    recognise: Callable[[Sequence[str]], bool]
    """Whether the first rows of a file, without blank ones, may be of this format. Most tell by the first."""
    fallback_encoding: str | None
    """The encoding of files that are not UTF-8."""


FORMATS: dict[str, Format] = {
    "gmb-sentences": Format(gmb.read_sentences, gmb.is_sentences, None),
    "gmb-tokens": Format(gmb.read_tokens, gmb.is_tokens, "latin-1"),
    "conll": Format(columns.read, columns.is_columns, None),
}


N_ROWS = 10_000
"""Rows from which the format is told."""


class CorpusStream:
    """An annotated file, which is read anew whenever it is iterated over, in memory that does not grow with it.

    It is read once when it is opened, to check it and to tell the scheme of its tags.

    path (Path): the file, zipped or not.
    format (str): a key of `FORMATS`, or "auto" to tell it from the first rows. Then the name of the one that was told.
    encoding (str | None): a Python codec; None for UTF-8, or else the format's own.
    limit (int | None): read this many sentences, from the first; None for all.
    tag_scheme (str | None): a key of `PREFIXES`; None to tell it from the tags of all sentences that are read. Then the
        name of the one that was told.
    YIELDS (Sentence): with tags in IOB2, in the order of the file.
    RAISES CorpusError: the file or a row of it cannot be read; the message names file and line.
    """

    n_sentences: int
    n_repaired: int
    """How many tags broke the rules of their scheme, when all have been read."""

    def __init__(
        self,
        path: Path,
        *,
        format: str = "auto",
        encoding: str | None = None,
        limit: int | None = None,
        tag_scheme: str | None = None,
    ) -> None:
        if limit is not None and limit < 1:
            raise CorpusError(Errors.bad_limit.format(limit=limit))
        if tag_scheme is not None and tag_scheme not in PREFIXES:
            _refuse("--tag-scheme", tag_scheme, ", ".join(PREFIXES))
        known = ", ".join(FORMATS)
        self._source, self._limit = Source(path, encoding), limit
        self.format = self._recognise(known) if format == "auto" else format
        if self.format not in FORMATS:
            _refuse("--format", format, f"auto, {known}")
        self._source.check(FORMATS[self.format].fallback_encoding, known)
        survey, self.n_sentences = TagSurvey(), 0
        for sentence in self._raw():
            survey.add(sentence)
            self.n_sentences += 1
        if not self.n_sentences:
            raise CorpusError(Errors.empty_file.format(path=path, formats=known))
        rules = survey.rules(path, tag_scheme)
        self.tag_scheme = rules.scheme if rules else tag_scheme or "IOB2"
        self._rules = rules
        self.n_repaired = 0

    def _recognise(self, known: str) -> str:
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
        return islice(FORMATS[self.format].read(self._source), self._limit)

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


def _refuse(key: str, value: str, allowed: str) -> NoReturn:
    raise CorpusError(Errors.bad_value.format(section="convert", key=key, value=value, allowed=allowed))
