"""Reading annotated text: one module per format, one table that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ..errors import CorpusError, Errors
from ..tags import PREFIXES
from . import columns, gmb
from .scheme import in_iob2
from .sentence import Sentence
from .source import decode, read_bytes


class Format(NamedTuple):
    """One format of annotated text."""

    read: Callable[[Path, str], Iterator[Sentence]]
    """Yields the sentences of a decoded file; raises `CorpusError` with file and line at a bad row."""
    recognise: Callable[[Sequence[str]], bool]
    """Whether the rows of a file, without blank ones, may be of this format. Most tell by the first."""
    fallback_encoding: str | None
    """The encoding of files that are not UTF-8."""


FORMATS: dict[str, Format] = {
    "gmb-sentences": Format(gmb.read_sentences, gmb.is_sentences, None),
    "gmb-tokens": Format(gmb.read_tokens, gmb.is_tokens, "latin-1"),
    "conll": Format(columns.read, columns.is_columns, None),
}


class Corpus(NamedTuple):
    """What was read: sentences with legal IOB2 tags, the name of the format, how many tags were repaired because they
    broke the rules of their scheme, and the name of that."""

    sentences: list[Sentence]
    format: str
    n_repaired: int
    tag_scheme: str


def read_corpus(
    path: Path,
    *,
    format: str = "auto",
    encoding: str | None = None,
    limit: int | None = None,
    tag_scheme: str | None = None,
) -> Corpus:
    """Read a file of annotated sentences, zipped or not.

    path (Path): the file.
    format (str): a key of `FORMATS`, or "auto" to tell it from the first lines.
    encoding (str | None): a Python codec; None for UTF-8, or else the format's own.
    limit (int | None): read this many sentences, from the first; None for all.
    tag_scheme (str | None): a key of `PREFIXES`; None to tell it from the tags of all sentences that are read.
    RETURNS (Corpus): the sentences, in the order of the file.
    RAISES CorpusError: the file or a row of it cannot be read; the message names file and line.
    """
    if limit is not None and limit < 1:
        raise CorpusError(Errors.bad_limit.format(limit=limit))
    if tag_scheme is not None and tag_scheme not in PREFIXES:
        allowed = ", ".join(PREFIXES)
        raise CorpusError(
            Errors.bad_value.format(section="convert", key="--tag-scheme", value=tag_scheme, allowed=allowed)
        )
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
    raw = list(islice(FORMATS[name].read(path, text), limit))
    if not raw:
        raise CorpusError(Errors.empty_file.format(path=path, formats=known))
    sentences, scheme, n_repaired = in_iob2(path, raw, tag_scheme)
    return Corpus(sentences, name, n_repaired, scheme)


def _recognise(path: Path, text: str) -> str:
    numbered = [(line, row.rstrip("\r")) for line, row in enumerate(text.split("\n"), start=1) if row.strip()]
    rows = [row for _, row in numbered]
    formats = ", ".join(FORMATS)
    if not rows:
        raise CorpusError(Errors.empty_file.format(path=path, formats=formats))
    for name, format in FORMATS.items():
        if format.recognise(rows):
            return name
    line, row = numbered[0]
    raise CorpusError(Errors.unknown_format.format(path=path, line=line, text=row[:60], formats=formats))
