"""The table of formats, and how one is told from the content of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ..errors import CorpusError, Errors
from . import brat, columns, conllu_misc, gmb, huggingface, huggingface_json, jsonl, label_studio, spacy_docs
from .passage import Passage
from .sentence import Invalid, Sentence
from .source import Source

N_ROWS = 10_000
"""Rows from which the format of text is told."""


class TextFormat(NamedTuple):
    """One format of annotated text."""

    read: Callable[..., Iterator[Sentence | Invalid] | Iterator[Passage | Invalid]]
    """Yields the sentences of a `Source`, or its passages where `has_offsets`, and `Invalid` for one that cannot be
    read; raises `CorpusError` where no more can be read after it."""
    recognise: Callable[..., bool]
    """Whether the first rows of a file, without blank ones, may be of this format. Most tell by the first."""
    fallback_encoding: str | None = None
    """The encoding of files that are not UTF-8."""
    has_columns: bool = False
    """Whether `read`, and `recognise`, take the column of the tags."""
    has_offsets: bool = False
    """Whether it has text and spans, not words and tags."""
    has_fields: bool = False
    """Whether `read` takes the key of the field that names a document."""
    tag_place: str = ""
    """Where in a row the tag is, for messages, if that is the same in all."""
    unit: str = "line"
    """What its rows are called, whose numbers are the sentences' `lines`."""


class FileFormat(NamedTuple):
    """One format that is no text: a binary file or a folder of them."""

    read: Callable[..., Iterator[Sentence | Invalid]]
    """As that of text, of a path."""
    recognise: Callable[[Path], bool]
    """Whether it begins as this format does."""
    unit: str
    """What its rows are called, whose numbers are the sentences' `lines`."""
    has_offsets: bool = False
    has_fields: bool = False
    tag_place: str = ""


def _never(rows: object) -> bool:
    """A format that is told from the names of files."""
    return False


FORMATS: dict[str, TextFormat | FileFormat] = {
    "gmb-sentences": TextFormat(gmb.read_sentences, gmb.is_sentences, has_fields=True),
    "gmb-tokens": TextFormat(gmb.read_tokens, gmb.is_tokens, "latin-1", has_fields=True, tag_place=", column Tag"),
    "conllu": TextFormat(conllu_misc.read, conllu_misc.is_conllu, has_fields=True, tag_place=", column 10"),
    "label-studio": TextFormat(label_studio.read, label_studio.is_label_studio, has_offsets=True, has_fields=True),
    "jsonl": TextFormat(jsonl.read_spacy, jsonl.is_spacy, has_offsets=True, has_fields=True),
    "doccano": TextFormat(jsonl.read_doccano, jsonl.is_doccano, has_offsets=True, has_fields=True),
    "brat": TextFormat(brat.read, _never, has_offsets=True),
    "huggingface": FileFormat(huggingface.read, huggingface.is_dataset, "row", has_fields=True),
    "huggingface-json": TextFormat(huggingface_json.read, huggingface_json.is_json, has_fields=True),
    "conll": TextFormat(columns.read, columns.is_columns, has_columns=True),
    "spacy": FileFormat(spacy_docs.read, spacy_docs.is_docbin, "Doc"),
}

KNOWN = ", ".join(FORMATS)


class Opened(NamedTuple):
    """A file whose format is known.

    format: a key of `FORMATS`.
    read: yields its sentences or passages, whenever it is called.
    column: of files of columns, that of the tags; None for all others.
    """

    format: str
    read: Callable[[], Iterator[Any]]
    column: int | None


def open_corpus(
    path: Path, format: str, encoding: str | None, column: int | None, document_key: str | None = None
) -> Opened:
    """Find out the format of a file or folder, and check that it can be decoded.

    For the options see `CorpusStream`.
    RAISES CorpusError: it is of no known format or not the named one, or an option does not go with it.
    """
    if not path.exists():
        raise CorpusError(Errors.no_such_file.format(path=path))
    if format not in ("auto", *FORMATS):
        refuse("--format", format, f"auto, {KNOWN}")
    for name, kind in FORMATS.items():
        if isinstance(kind, FileFormat) and (name == format or (format == "auto" and kind.recognise(path))):
            _check_options(name, encoding, column, document_key)
            return Opened(name, _reading(kind, document_key, path), None)
    if format == "brat" or (format == "auto" and brat.is_brat(path)):
        source: Source = brat.Pairs(path, encoding)
        name, rows = "brat", []
    elif path.is_dir():
        raise CorpusError(Errors.unknown_folder.format(path=path, formats=KNOWN))
    else:
        source = Source(path, encoding)
        rows = source.head(N_ROWS)
        name = _recognise(source, rows, column) if format == "auto" else format
    _check_options(name, encoding, column, document_key)
    kind = FORMATS[name]
    assert isinstance(kind, TextFormat)  # noqa: S101, the others have returned
    source.check(kind.fallback_encoding, KNOWN)
    if not kind.has_columns:
        return Opened(name, _reading(kind, document_key, source), None)
    told = columns.told_column(path, [row for _, row in rows]) if column is None else column
    return Opened(name, partial(kind.read, source, told), told)


def _reading(kind: TextFormat | FileFormat, document_key: str | None, origin: object) -> Callable[[], Iterator[Any]]:
    return partial(kind.read, origin, document_key) if kind.has_fields else partial(kind.read, origin)


def _recognise(source: Source, rows: list[tuple[int, str]], column: int | None) -> str:
    """The name of the first format of text that rows with their lines may be of."""
    text = [row for _, row in rows]
    for name, kind in FORMATS.items():
        if (
            rows
            and isinstance(kind, TextFormat)
            and (kind.recognise(text, column) if kind.has_columns else kind.recognise(text))
        ):
            return name
    # It may be no text at all.
    source.check("latin-1", KNOWN)
    if not rows:
        raise CorpusError(Errors.empty_file.format(path=source.path, formats=KNOWN))
    line, row = rows[0]
    if column is not None and columns.is_columns(text):
        raise CorpusError(Errors.no_tag_column.format(path=source.path, line=line, column=column, text=row[:60]))
    raise CorpusError(Errors.unknown_format.format(path=source.path, line=line, text=row[:60], formats=KNOWN))


def _check_options(format: str, encoding: str | None, column: int | None, document_key: str | None) -> None:
    """Refuse an option that the format does not have."""
    texts = {name: kind for name, kind in FORMATS.items() if isinstance(kind, TextFormat)}
    having = {
        "encoding": list(texts),
        "column": [name for name, kind in texts.items() if kind.has_columns],
        "document-key": [name for name, kind in FORMATS.items() if kind.has_fields],
    }
    for option, value in (("encoding", encoding), ("column", column), ("document-key", document_key)):
        if value is not None and format not in having[option]:
            formats = ", ".join(having[option])
            raise CorpusError(
                Errors.option_of_others.format(option=option, value=value, format=format, formats=formats)
            )


def refuse(key: str, value: object, allowed: str) -> NoReturn:
    """Refuse an option of the command that is not allowed.

    RAISES CorpusError: it names the option, the value and what is allowed.
    """
    raise CorpusError(Errors.bad_value.format(section="convert", key=key, value=value, allowed=allowed))
