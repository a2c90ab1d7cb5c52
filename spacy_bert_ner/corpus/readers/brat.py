"""Read brat standoff files, which store each text in `x.txt` and its annotations in `x.ann`.

A corpus is a single pair of files or a folder with such pairs.
"""

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
_OTHER = re.compile(r"[REAMN*#][^\t]*\t", re.ASCII)  # relations, events, attributes, normalisations and notes


class BratFiles(TextSource):
    """A brat corpus: a single pair of text and annotation files, or a folder with such pairs at any depth.

    path (Path): the folder, or either file of a pair.
    encoding (str | None): the Python codec for all files. If None (the default), each file is decoded as UTF-8, or as
        UTF-16 if it begins with a UTF-16 byte-order mark.
    RAISES CorpusError: there is no pair, or one of the files in a pair is missing.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path, self._named_encoding, self.encoding, self.notes = path, encoding, encoding or "utf-8", []
        self._annotations = sorted(_visible_files(path, "*.ann")) if path.is_dir() else [path.with_suffix(".ann")]
        texts = {annotations.with_suffix(".txt") for annotations in self._annotations}
        for file in chain(texts if path.is_dir() else (path, *texts), self._annotations):
            if not file.is_file():
                raise CorpusError(Errors.no_pair.format(path=path, missing=file))
        if not self._annotations:
            raise CorpusError(Errors.no_pair.format(path=path, missing=path / "*.ann"))
        all_texts = sorted(_visible_files(path, "*.txt")) if path.is_dir() else []
        self._unannotated = [text for text in all_texts if text not in texts]

    def check(self, fallback: str | None, formats: str) -> None:
        """Do nothing, because each file is checked when it is read."""

    def texts(self) -> Iterator[AnnotatedText | Invalid]:
        """Yield the annotated texts, followed by the texts without an annotation file.

        YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the pair cannot be read. `annotated` is
            False for texts without an annotation file.
        """
        for file in self._annotations:
            try:
                yield self._read_pair(file)
            except CorpusError as e:
                yield Invalid(e)
        for text in self._unannotated:
            yield AnnotatedText("", [], text, 1, annotated=False)

    def _read_pair(self, annotations: Path) -> AnnotatedText:
        path = annotations.with_suffix(".txt")
        source = self._open_checked(path)
        with source.text() as file:
            text = check_text(path, 1, file.read())
        spans = list(self._spans(annotations))
        name = annotations.relative_to(self.path) if self.path.is_dir() else Path(annotations.name)
        document = name.with_suffix("").as_posix()
        return AnnotatedText(text, spans, path, 1, document, spans_path=annotations, has_mark=source.has_mark)

    def _spans(self, annotations: Path) -> Iterator[Span]:
        """Yield the spans in an annotation file. Skip relations, events and other annotations."""
        ids: set[str] = set()
        with self._open_checked(annotations).text() as rows:
            for line, row in enumerate(rows, start=1):
                row = row.rstrip("\r\n")
                match = _ENTITY.fullmatch(row)
                if match is None:
                    if row.strip() and not _OTHER.match(row):
                        raise _bad_row_error(annotations, line, row)
                    continue
                if match[1] in ids:
                    raise CorpusError(Errors.same_id.format(path=annotations, line=line, name=match[1]))
                ids.add(match[1])
                yield _span(annotations, line, match)

    def _open_checked(self, path: Path) -> TextSource:
        source = TextSource(path, self._named_encoding)
        source.check(None, "brat")
        return source


def is_brat(path: Path) -> bool:
    """Return whether a path is a brat corpus.

    A folder must contain an annotation file. A single file must belong to a pair, and the first annotation in that pair
    must be valid.

    path (Path): the path to a file or folder.
    """
    if path.is_dir():
        return next(_visible_files(path, "*.ann"), None) is not None
    if path.suffix not in (".ann", ".txt") or not all(path.with_suffix(end).is_file() for end in (".ann", ".txt")):
        return False
    with path.with_suffix(".ann").open(encoding="latin-1") as file:
        row = file.readline(10_000)
    return not row.strip() or bool(_ENTITY.fullmatch(row.rstrip("\r\n")) or _OTHER.match(row))


def read(source: TextSource) -> Iterator[AnnotatedText | Invalid]:
    """Read a brat corpus.

    source (TextSource): the corpus, which must be a `BratFiles` object.
    YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the pair cannot be read.
    """
    return cast(BratFiles, source).texts()  # the registry opens every brat corpus as `BratFiles`


def _bad_row_error(path: Path, line: int, row: str) -> CorpusError:
    match = _SPACED_LABEL.fullmatch(row)
    if match is None:
        return CorpusError(Errors.bad_standoff.format(path=path, line=line, text=shorten(row)))
    label = match[1].replace(" ", "_")
    return CorpusError(Errors.spaced_label.format(path=path, line=line, label=shorten(match[1]), whole=shorten(label)))


def _span(path: Path, line: int, match: re.Match[str]) -> Span:
    """Create the span for a row. A discontinuous span keeps its fragments."""
    label, declared_text = match[2], match[4]
    fragments = []
    for fragment in match[3].split(";"):
        start, end = (int(number) if len(number) < 20 else number for number in fragment.split(" "))
        fragments.append(make_span(path, line, start, end, label)[:2])
    span = Span(min(start for start, _ in fragments), max(end for _, end in fragments), label, (), declared_text, line)
    return span._replace(fragments=tuple(fragments)) if len(fragments) > 1 else span


def _visible_files(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the files that match a pattern, except hidden files such as those that macOS adds."""
    return (path for path in folder.rglob(pattern) if path.is_file() and not path.name.startswith("."))
