"""The table of formats, and how one is told from the content of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import CorpusError, Errors
from ..options import reject_option
from ..sentence import Invalid, Sentence
from ..span_text import AnnotatedText, shorten
from . import (
    brat,
    doccano,
    gmb,
    huggingface,
    huggingface_json,
    jsonl,
    label_studio,
    pubtator,
    spacy_pairs,
    token_spans,
    unsupported,
    webanno,
)
from . import conll as columns
from . import conllu as conllu_misc
from . import docbin as spacy_docs
from . import inclusive_offsets as inclusive
from .column_layout import COLUMN_SUFFIXES, LAST, ColumnLayout, infer_layout
from .text_source import TextSource

N_ROWS = 10_000
"""Rows from which the format of text is told."""


class TextFormat(NamedTuple):
    """One format of annotated text."""

    read: Callable[..., Iterator[Sentence | Invalid] | Iterator[AnnotatedText | Invalid]]
    """Yields the sentences of a `TextSource`, or its passages where `has_offsets`, and `Invalid` for one that cannot be
    read; raises `CorpusError` where no more can be read after it."""
    recognise: Callable[..., bool]
    """Whether the first rows of a file, without blank ones, may be of this format. Most tell by the first."""
    fallback_encoding: str | None = None
    """The encoding of files that are not UTF-8."""
    has_offsets: bool = False
    """Whether it has text and spans, not words and tags."""
    has_fields: bool = False
    """Whether `read` takes the key of the field that names a document."""
    has_text_key: bool = False
    """Whether `read`, and `recognise`, take the key of the text."""
    counts_characters: bool = False
    """Whether `read` gives offsets of characters, whatever those of the file count."""
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
    has_text_key: bool = False
    counts_characters: bool = False
    tag_place: str = ""


def _never(rows: object) -> bool:
    """A format that is recognised in another way than by its first rows."""
    return False


FORMATS: dict[str, TextFormat | FileFormat] = {
    # Its CSV may have the columns of the next one, too.
    "label-studio": TextFormat(
        label_studio.read, label_studio.is_label_studio, has_offsets=True, has_fields=True, has_text_key=True
    ),
    "gmb-sentences": TextFormat(gmb.read_sentences, gmb.is_sentences, has_fields=True),
    "gmb-tokens": TextFormat(gmb.read_tokens, gmb.is_tokens, "latin-1", has_fields=True, tag_place=", column Tag"),
    "webanno": TextFormat(webanno.read, webanno.is_webanno, has_offsets=True, counts_characters=True),
    "pubtator": TextFormat(pubtator.read, pubtator.is_pubtator, has_offsets=True),
    "conllu": TextFormat(conllu_misc.read, conllu_misc.is_conllu, has_fields=True, tag_place=", column 10"),
    "jsonl": TextFormat(jsonl.read_spacy, jsonl.is_spacy, has_offsets=True, has_fields=True, has_text_key=True),
    "doccano": TextFormat(doccano.read, doccano.is_doccano, has_offsets=True, has_fields=True, has_text_key=True),
    "spacy-2": TextFormat(spacy_pairs.read, spacy_pairs.is_pairs, has_offsets=True),
    "dataturks": TextFormat(inclusive.read_dataturks, inclusive.is_dataturks, has_offsets=True, has_fields=True),
    "cluener": TextFormat(inclusive.read_cluener, inclusive.is_cluener, has_offsets=True, has_fields=True),
    "brat": TextFormat(brat.read, _never, has_offsets=True),
    "huggingface": FileFormat(huggingface.read, huggingface.is_dataset, "row", has_fields=True),
    "huggingface-json": TextFormat(huggingface_json.read, huggingface_json.is_json, has_fields=True),
    "gliner": TextFormat(
        token_spans.read_gliner, token_spans.is_gliner, has_offsets=True, has_fields=True, counts_characters=True
    ),
    "spert": TextFormat(
        token_spans.read_spert, token_spans.is_spert, has_offsets=True, has_fields=True, counts_characters=True
    ),
    "conll": TextFormat(columns.read, _never),  # recognised by its layout, after all others
    "spacy": FileFormat(spacy_docs.read, spacy_docs.is_docbin, "Doc"),
}

COLUMNS = "conll"
KNOWN = ", ".join(FORMATS)


class DetectedCorpus(NamedTuple):
    """A file whose format is known.

    format: a key of `FORMATS`.
    read: yields its sentences or passages, whenever it is called.
    layout: of files of columns, what these hold; None for all others.
    notes: what a user should know of how it was read, when all has been read.
    source: of formats of text, what is read, with its encoding and further notes.
    """

    format: str
    read: Callable[[], Iterator[Any]]
    layout: ColumnLayout | None = None
    notes: Callable[[], list[str]] = list
    source: TextSource | None = None


class Fields(NamedTuple):
    """The fields that the user names; None for where the format has them.

    tag, word: columns of a file of columns: numbers from 1, or from -1 downwards to count from the last.
    document, text: columns of CSV, comments of CoNLL-U, keys of JSON; see `CorpusStream`.
    """

    tag: int | None = None
    word: int | None = None
    document: str | None = None
    text: str | None = None


def open_corpus(
    path: Path,
    format: str,
    encoding: str | None,
    fields: Fields = Fields(),  # noqa: B008, it is immutable
) -> DetectedCorpus:
    """Find out the format of a file or folder, and check that it can be decoded.

    For the options see `CorpusStream`.
    RAISES CorpusError: it is of no known format or not the named one, or an option does not go with it.
    """
    if not path.exists():
        raise CorpusError(Errors.no_such_file.format(path=path))
    if format not in ("auto", *FORMATS):
        reject_option("--format", format, f"auto, {KNOWN}")
    for name, kind in FORMATS.items():
        if isinstance(kind, FileFormat) and (name == format or (format == "auto" and kind.recognise(path))):
            _check_options(name, encoding, fields)
            return DetectedCorpus(name, _reading(kind, fields, path))
    if format == "brat" or (format == "auto" and brat.is_brat(path)):
        source: TextSource = brat.BratFiles(path, encoding)
        name, rows, layout = "brat", list[tuple[int, str]](), None
    elif path.is_dir():
        raise CorpusError(Errors.unknown_folder.format(path=path, formats=KNOWN))
    else:
        source = TextSource(path, encoding)
        rows = source.head(N_ROWS)
        name, layout = _recognise(source, rows, fields) if format == "auto" else (format, None)
    _check_options(name, encoding, fields)
    kind = FORMATS[name]
    assert isinstance(kind, TextFormat)  # noqa: S101, the others have returned
    source.check(kind.fallback_encoding, KNOWN)
    if name != COLUMNS:
        return DetectedCorpus(name, _reading(kind, fields, source), source=source)
    layout = layout or infer_layout(rows, fields.tag, fields.word, is_named=True)
    layout = layout or ColumnLayout(fields.tag or LAST, fields.word or 1, 2)
    if layout.doubtful_words and fields.word is None:
        listed = ", ".join(map(shorten, layout.doubtful_words))
        raise CorpusError(Errors.doubtful_words.format(path=path, column=layout.word, listed=listed))
    notes = columns.ColumnNotes(path, layout)
    return DetectedCorpus(name, partial(columns.read, source, layout, notes), layout, notes.messages, source)


def recognise(path: Path) -> str:
    """The format of a file or folder, from its name and first rows.

    RETURNS (str): a key of `FORMATS`.
    RAISES CorpusError: it is of no known format.
    """
    for name, kind in FORMATS.items():
        if isinstance(kind, FileFormat) and kind.recognise(path):
            return name
    if brat.is_brat(path):
        return "brat"
    if path.is_dir():
        raise CorpusError(Errors.unknown_folder.format(path=path, formats=KNOWN))
    source = TextSource(path)
    return _recognise(source, source.head(N_ROWS), Fields())[0]


def _reading(kind: TextFormat | FileFormat, fields: Fields, origin: object) -> Callable[[], Iterator[Any]]:
    options = [fields.document] * kind.has_fields + [fields.text] * kind.has_text_key
    return partial(kind.read, origin, *options)


def _recognise(source: TextSource, rows: list[tuple[int, str]], fields: Fields) -> tuple[str, ColumnLayout | None]:
    """The name of the first format of text that rows with their lines may be of; of columns, what these hold."""
    path, text = source.path, [row for _, row in rows]
    for name, kind in FORMATS.items():
        if rows and isinstance(kind, TextFormat):
            options = [fields.text] * kind.has_text_key
            if kind.recognise(text, *options):
                return name, None
    is_named = path.suffix.lower() in COLUMN_SUFFIXES
    if rows and (layout := infer_layout(rows, fields.tag, fields.word, is_named=is_named)):
        return COLUMNS, layout
    # It may be no text at all.
    source.check_binary(KNOWN)
    if not rows:
        raise CorpusError(Errors.empty_file.format(path=path, formats=KNOWN))
    if refusal := unsupported.find(path, text):
        raise CorpusError(Errors.unsupported_format.format(path=path, format=refusal.format, advice=refusal.advice))
    line, row = rows[0]
    where = {"path": path, "line": line, "text": row[:60]}
    if fields.tag is not None and infer_layout(rows, is_named=True) is not None:
        raise CorpusError(Errors.no_tag_column.format(**where, column=fields.tag))
    raise CorpusError(Errors.unknown_format.format(**where, formats=KNOWN))


def _check_options(format: str, encoding: str | None, fields: Fields) -> None:
    """Refuse an option that the format does not have."""
    texts = {name: kind for name, kind in FORMATS.items() if isinstance(kind, TextFormat)}
    having = {
        "encoding": list(texts),
        "column": [COLUMNS],
        "word-column": [COLUMNS],
        "document-key": [name for name, kind in FORMATS.items() if kind.has_fields],
        "text-key": [name for name, kind in FORMATS.items() if kind.has_text_key],
    }
    given = {
        "encoding": encoding,
        "column": fields.tag,
        "word-column": fields.word,
        "document-key": fields.document,
        "text-key": fields.text,
    }
    for option, value in given.items():
        if value is not None and format not in having[option]:
            formats = ", ".join(having[option])
            raise CorpusError(
                Errors.option_of_others.format(option=option, value=value, format=format, formats=formats)
            )


def check_offsets(format: str, offsets: str | None) -> None:
    """Refuse to be told what offsets count where the format has none.

    RAISES CorpusError: it names the formats that have some.
    """
    having = [name for name, kind in FORMATS.items() if kind.has_offsets and not kind.counts_characters]
    if offsets is not None and format not in having:
        formats = ", ".join(having)
        raise CorpusError(
            Errors.option_of_others.format(option="offsets", value=offsets, format=format, formats=formats)
        )
