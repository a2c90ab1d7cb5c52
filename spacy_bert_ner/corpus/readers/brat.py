"""brat standoff: a text in `x.txt`, its annotations in `x.ann` beside it; one such pair, or a folder of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import cast

from ...errors import CorpusError, Errors
from ..sentence import Invalid
from ..span_text import AnnotatedText, Span, check_text, make_span, shorten
from .text_source import TextSource

_ENTITY = re.compile(r"(T\d+)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t(.*))?", re.ASCII | re.DOTALL)
_SPACED_LABEL = re.compile(r"T\d+\t(\S+(?: \S+)*?) \d+ \d+(?:;\d+ \d+)*(?:\t.*)?", re.ASCII | re.DOTALL)
_OTHER = re.compile(r"[REAMN*#][^\t]*\t", re.ASCII)  # relations, events, attributes, normalisations, notes


class BratFiles(TextSource):
    """A folder with pairs of a text and its annotations, at any depth, or one pair, named by either of its files.

    encoding (str | None): a Python codec, of all files; None for UTF-8.
    RAISES CorpusError: there is no pair, or a file with annotations has no text beside it.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path, self._named, self.encoding, self.notes = path, encoding, encoding or "utf-8", []
        self._notes = sorted(_visible(path, "*.ann")) if path.is_dir() else [path.with_suffix(".ann")]
        texts = {note.with_suffix(".txt") for note in self._notes}
        for file in chain(texts if path.is_dir() else (path, *texts), self._notes):
            if not file.is_file():
                raise CorpusError(Errors.no_pair.format(path=path, missing=file))
        if not self._notes:
            raise CorpusError(Errors.no_pair.format(path=path, missing=path / "*.ann"))
        self._plain = [text for text in sorted(_visible(path, "*.txt")) if text not in texts] if path.is_dir() else []

    def check(self, fallback: str | None, formats: str) -> None:
        """Nothing: each file is checked when it is read."""

    def passages(self) -> Iterator[AnnotatedText | Invalid]:
        """Read one pair after the other; texts without annotations come last, and are none."""
        for note in self._notes:
            try:
                yield self._pair(note)
            except CorpusError as e:
                yield Invalid(e)
        for text in self._plain:
            yield AnnotatedText("", [], text, 1, annotated=False)

    def _pair(self, note: Path) -> AnnotatedText:
        path = note.with_suffix(".txt")
        source = self._source(path)
        with source.text() as file:
            text = check_text(path, 1, file.read())
        names: set[str] = set()
        spans = []
        with self._source(note).text() as rows:
            for line, row in enumerate(rows, start=1):
                row = row.rstrip("\r\n")
                match = _ENTITY.fullmatch(row)
                if match is None:
                    if row.strip() and not _OTHER.match(row):
                        raise _bad_row(note, line, row)
                    continue
                if match[1] in names:
                    raise CorpusError(Errors.same_id.format(path=note, line=line, name=match[1]))
                names.add(match[1])
                spans.append(_span(note, line, match))
        name = note.relative_to(self.path) if self.path.is_dir() else Path(note.name)
        document = name.with_suffix("").as_posix()
        return AnnotatedText(text, spans, path, 1, document, spans_path=note, has_mark=source.has_mark)

    def _source(self, path: Path) -> TextSource:
        source = TextSource(path, self._named)
        source.check(None, "brat")
        return source


def is_brat(path: Path) -> bool:
    """Whether this is a folder with annotations, or a file of a pair whose annotations look like that."""
    if path.is_dir():
        return next(_visible(path, "*.ann"), None) is not None
    if path.suffix not in (".ann", ".txt") or not all(path.with_suffix(end).is_file() for end in (".ann", ".txt")):
        return False
    with path.with_suffix(".ann").open(encoding="latin-1") as file:
        row = file.readline(10_000)
    return not row.strip() or bool(_ENTITY.fullmatch(row.rstrip("\r\n")) or _OTHER.match(row))


def read(source: TextSource) -> Iterator[AnnotatedText | Invalid]:
    """Read the pairs of text and annotations."""
    return cast(BratFiles, source).passages()  # no other source is opened for this format


def _bad_row(path: Path, line: int, row: str) -> CorpusError:
    match = _SPACED_LABEL.fullmatch(row)
    if match is None:
        return CorpusError(Errors.bad_standoff.format(path=path, line=line, text=shorten(row)))
    whole = match[1].replace(" ", "_")
    return CorpusError(Errors.spaced_label.format(path=path, line=line, label=shorten(match[1]), whole=shorten(whole)))


def _span(path: Path, line: int, match: re.Match[str]) -> Span:
    """The span of a line; a discontinuous one keeps its fragments."""
    label, declared_text = match[2], match[4]
    pieces = []
    for piece in match[3].split(";"):
        start, end = (int(number) if len(number) < 20 else number for number in piece.split(" "))
        pieces.append(make_span(path, line, start, end, label)[:2])
    span = Span(min(start for start, _ in pieces), max(end for _, end in pieces), label, (), declared_text, line)
    return span._replace(fragments=tuple(pieces)) if len(pieces) > 1 else span


def _visible(folder: Path, pattern: str) -> Iterator[Path]:
    """Files of a name, without hidden ones, such as those that macOS adds."""
    return (path for path in folder.rglob(pattern) if path.is_file() and not path.name.startswith("."))
