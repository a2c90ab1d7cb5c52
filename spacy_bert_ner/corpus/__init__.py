"""Reading annotated text: one module per format, one table that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ..errors import CorpusError, Errors
from ..tags import repair
from . import columns, gmb
from .sentence import Sentence
from .source import decode, read_bytes


class Format(NamedTuple):
    """One format of annotated text."""

    read: Callable[[Path, str], Iterator[Sentence]]
    """Yields the sentences of a decoded file; raises `CorpusError` with file and line at a bad row."""
    recognise: Callable[[str], bool]
    """Whether the first line that is not blank may begin a file of this format."""
    fallback_encoding: str | None
    """The encoding of files that are not UTF-8."""


FORMATS: dict[str, Format] = {
    "gmb-sentences": Format(gmb.read_sentences, gmb.is_sentences, None),
    "gmb-tokens": Format(gmb.read_tokens, gmb.is_tokens, "latin-1"),
    "conll": Format(columns.read, columns.is_columns, None),
}


class Corpus(NamedTuple):
    """What was read: sentences with legal IOB2 tags, the name of the format, and how many tags were repaired."""

    sentences: list[Sentence]
    format: str
    n_repaired: int


def read_corpus(path: Path, *, format: str = "auto", encoding: str | None = None, limit: int | None = None) -> Corpus:
    """Read a file of annotated sentences, zipped or not.

    path (Path): the file.
    format (str): a key of `FORMATS`, or "auto" to tell it from the first line.
    encoding (str | None): a Python codec; None for UTF-8, or else the format's own.
    limit (int | None): read this many sentences, from the first; None for all.
    RETURNS (Corpus): the sentences, in the order of the file.
    RAISES CorpusError: the file or a row of it cannot be read; the message names file and line.
    """
    if limit is not None and limit < 1:
        raise CorpusError(Errors.bad_limit.format(limit=limit))
    known = ", ".join(FORMATS)
    data = read_bytes(path)
    name = format
    if format == "auto":
        # Headers and tags are ASCII, so that Latin-1 shows the format of a file in any encoding that extends it.
        name = _recognise(path, decode(path, data, encoding, "latin-1", known))
    if name not in FORMATS:
        allowed = f"auto, {known}"
        raise CorpusError(Errors.bad_value.format(section="convert", key="--format", value=format, allowed=allowed))
    text = decode(path, data, encoding, FORMATS[name].fallback_encoding, known)
    sentences = []
    n_repaired = 0
    for sentence in islice(FORMATS[name].read(path, text), limit):
        tags, n = repair(sentence.tags)
        n_repaired += n
        sentences.append(sentence._replace(tags=tags))
    if not sentences:
        raise CorpusError(Errors.empty_file.format(path=path, formats=known))
    return Corpus(sentences, name, n_repaired)


def _recognise(path: Path, text: str) -> str:
    for line, row in enumerate(text.split("\n"), start=1):
        row = row.rstrip("\r")
        if row.strip():
            for name, format in FORMATS.items():
                if format.recognise(row):
                    return name
            formats = ", ".join(FORMATS)
            raise CorpusError(Errors.unknown_format.format(path=path, line=line, text=row[:60], formats=formats))
    raise CorpusError(Errors.empty_file.format(path=path, formats=", ".join(FORMATS)))
