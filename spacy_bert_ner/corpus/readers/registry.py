"""List the corpus formats and detect a file's format from its content."""

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
    conll,
    conllu,
    docbin,
    doccano,
    gmb,
    huggingface,
    huggingface_json,
    inclusive_offsets,
    jsonl,
    label_studio,
    pubtator,
    spacy_pairs,
    token_spans,
    webanno,
)
from .column_layout import COLUMN_SUFFIXES, LAST, ColumnLayout, infer_layout
from .text_source import TextSource
from .unsupported import find_unsupported

N_ROWS = 10_000
"""Maximum number of rows from which the format of a text file is detected."""


class TextFormat(NamedTuple):
    """A text format for annotated corpora."""

    read: Callable[..., Iterator[Sentence | Invalid] | Iterator[AnnotatedText | Invalid]]
    """The function that yields the sentences in a `TextSource`, or its annotated texts if `has_offsets` is True. It
    yields `Invalid` for an invalid item and raises `CorpusError` if the rest of the file cannot be read."""
    recognise: Callable[..., bool]
    """The function that returns whether a file may have this format, given its first non-blank rows. Most formats only
    need the first row."""
    fallback_encoding: str | None = None
    """The encoding for files that are not UTF-8. None (the default) if such files are invalid."""
    has_offsets: bool = False
    """Whether the format has texts and spans instead of words and tags."""
    has_fields: bool = False
    """Whether `read` accepts a key for document names."""
    has_text_key: bool = False
    """Whether `read` and `recognise` accept a key for the text."""
    counts_characters: bool = False
    """Whether `read` returns character offsets, regardless of the offset unit in the file."""
    tag_place: str = ""
    """The tag position in messages, such as ", column Tag". Empty if it differs between files."""
    unit: str = "line"
    """The unit that `Sentence.lines` counts, such as "line", for messages."""


class FileFormat(NamedTuple):
    """A format that is not text. A corpus in such a format is a binary file or a folder with binary files."""

    read: Callable[..., Iterator[Sentence | Invalid]]
    """The function that yields the sentences in a file or folder, given its path."""
    recognise: Callable[[Path], bool]
    """The function that returns whether a file or folder has this format, given its path."""
    unit: str
    """The unit that `Sentence.lines` counts, such as "row", for messages."""
    has_offsets: bool = False
    has_fields: bool = False
    has_text_key: bool = False
    counts_characters: bool = False
    tag_place: str = ""


def _never(rows: object) -> bool:
    """Return False, because the format cannot be recognised from the first rows."""
    return False


FORMATS: dict[str, TextFormat | FileFormat] = {
    # This format must precede `gmb-sentences`, because its CSV files may also have the columns of that format.
    "label-studio": TextFormat(
        label_studio.read, label_studio.is_label_studio, has_offsets=True, has_fields=True, has_text_key=True
    ),
    "gmb-sentences": TextFormat(gmb.read_sentences, gmb.is_sentences, has_fields=True),
    "gmb-tokens": TextFormat(gmb.read_tokens, gmb.is_tokens, "latin-1", has_fields=True, tag_place=", column Tag"),
    "webanno": TextFormat(webanno.read, webanno.is_webanno, has_offsets=True, counts_characters=True),
    "pubtator": TextFormat(pubtator.read, pubtator.is_pubtator, has_offsets=True),
    "conllu": TextFormat(conllu.read, conllu.is_conllu, has_fields=True, tag_place=", column 10"),
    "jsonl": TextFormat(jsonl.read_spacy, jsonl.is_spacy, has_offsets=True, has_fields=True, has_text_key=True),
    "doccano": TextFormat(doccano.read, doccano.is_doccano, has_offsets=True, has_fields=True, has_text_key=True),
    "spacy-2": TextFormat(spacy_pairs.read, spacy_pairs.is_pairs, has_offsets=True),
    "dataturks": TextFormat(
        inclusive_offsets.read_dataturks, inclusive_offsets.is_dataturks, has_offsets=True, has_fields=True
    ),
    "cluener": TextFormat(
        inclusive_offsets.read_cluener, inclusive_offsets.is_cluener, has_offsets=True, has_fields=True
    ),
    "brat": TextFormat(brat.read, _never, has_offsets=True),
    "huggingface": FileFormat(huggingface.read, huggingface.is_dataset, "row", has_fields=True),
    "huggingface-json": TextFormat(huggingface_json.read, huggingface_json.is_json, has_fields=True),
    "gliner": TextFormat(
        token_spans.read_gliner, token_spans.is_gliner, has_offsets=True, has_fields=True, counts_characters=True
    ),
    "spert": TextFormat(
        token_spans.read_spert, token_spans.is_spert, has_offsets=True, has_fields=True, counts_characters=True
    ),
    "conll": TextFormat(conll.read, _never),  # recognised by its column layout if no other format matches
    "spacy": FileFormat(docbin.read, docbin.is_docbin, "Doc"),
}

COLUMNS = "conll"
KNOWN = ", ".join(FORMATS)


class DetectedCorpus(NamedTuple):
    """A corpus whose format is known.

    format (str): the name of the format.
    read (Callable): a function that yields the sentences or annotated texts. Each call starts from the beginning.
    layout (ColumnLayout | None): the content of each column. Default: None (the format is not `conll`).
    notes (Callable): a function that returns the notes for the user about how the file was read. They are complete once
        the whole file has been read. Default: a function that returns no notes.
    source (TextSource | None): the text file, with its encoding and additional notes. Default: None (the format is not
        text).
    """

    format: str
    read: Callable[[], Iterator[Any]]
    layout: ColumnLayout | None = None
    notes: Callable[[], list[str]] = list
    source: TextSource | None = None


class Fields(NamedTuple):
    """The fields that the user specifies. None (the default) selects the default field of the format.

    tag (int | None): the number of the tag column in a column file, from 1. Negative numbers count from the last column
        (-1).
    word (int | None): the number of the word column. Negative numbers count from the last column (-1).
    document (str | None): the CSV column, CoNLL-U comment or JSON key with the document names. See `CorpusStream`.
    text (str | None): the JSON key or CSV column with the text. See `CorpusStream`.
    """

    tag: int | None = None
    word: int | None = None
    document: str | None = None
    text: str | None = None


def open_corpus(
    path: Path,
    format: str,
    encoding: str | None,
    fields: Fields = Fields(),  # noqa: B008, `Fields` is immutable
) -> DetectedCorpus:
    """Detect the format of a file or folder and check that it can be decoded.

    path (Path): the path to the file or folder.
    format (str): the name of a format, or "auto" to detect it.
    encoding (str | None): a Python codec. None selects the default encoding of the format.
    fields (Fields): the fields that the user specifies. Default: none.
    RETURNS (DetectedCorpus): the format and a function that reads the corpus.
    RAISES CorpusError: the format is unknown, the file does not have the specified format, or an option does not apply
        to the format.
    """
    if not path.exists():
        raise CorpusError(Errors.no_such_file.format(path=path))
    if format not in ("auto", *FORMATS):
        reject_option("--format", format, f"auto, {KNOWN}")
    for name, kind in FORMATS.items():
        if isinstance(kind, FileFormat) and (name == format or (format == "auto" and kind.recognise(path))):
            _check_options(name, encoding, fields)
            return DetectedCorpus(name, _bind_reader(kind, fields, path))
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
    assert isinstance(kind, TextFormat)  # noqa: S101, all `FileFormat` cases have returned
    source.check(kind.fallback_encoding, KNOWN)
    if name != COLUMNS:
        return DetectedCorpus(name, _bind_reader(kind, fields, source), source=source)
    layout = layout or infer_layout(rows, fields.tag, fields.word, is_named=True)
    layout = layout or ColumnLayout(fields.tag or LAST, fields.word or 1, 2)
    if layout.doubtful_words and fields.word is None:
        listed = ", ".join(map(shorten, layout.doubtful_words))
        raise CorpusError(Errors.doubtful_words.format(path=path, column=layout.word, listed=listed))
    notes = conll.ColumnNotes(path, layout)
    return DetectedCorpus(name, partial(conll.read, source, layout, notes), layout, notes.messages, source)


def recognise(path: Path) -> str:
    """Detect the format of a file or folder from its name and first rows.

    path (Path): the path to the file or folder.
    RETURNS (str): the name of the format.
    RAISES CorpusError: the format is unknown.
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


def _bind_reader(kind: TextFormat | FileFormat, fields: Fields, source: object) -> Callable[[], Iterator[Any]]:
    """Bind the `read` function of a format to a source and the fields that it supports."""
    options = [fields.document] * kind.has_fields + [fields.text] * kind.has_text_key
    return partial(kind.read, source, *options)


def _recognise(source: TextSource, rows: list[tuple[int, str]], fields: Fields) -> tuple[str, ColumnLayout | None]:
    """Detect the text format of a file from its first rows.

    rows (list[tuple[int, str]]): the first non-blank rows, each with its line number (from 1).
    RETURNS (tuple[str, ColumnLayout | None]): the first matching format, and the column layout if the format is
        `conll`.
    RAISES CorpusError: the format is unknown or not supported.
    """
    path, text = source.path, [row for _, row in rows]
    for name, kind in FORMATS.items():
        if rows and isinstance(kind, TextFormat):
            options = [fields.text] * kind.has_text_key
            if kind.recognise(text, *options):
                return name, None
    is_named = path.suffix.lower() in COLUMN_SUFFIXES
    if rows and (layout := infer_layout(rows, fields.tag, fields.word, is_named=is_named)):
        return COLUMNS, layout
    # No text format matches, so the file may be binary.
    source.check_binary(KNOWN)
    if not rows:
        raise CorpusError(Errors.empty_file.format(path=path, formats=KNOWN))
    if unsupported := find_unsupported(path, text):
        message = Errors.unsupported_format.format(path=path, format=unsupported.format, advice=unsupported.advice)
        raise CorpusError(message)
    line, row = rows[0]
    where = {"path": path, "line": line, "text": row[:60]}
    if fields.tag is not None and infer_layout(rows, is_named=True) is not None:
        raise CorpusError(Errors.no_tag_column.format(**where, column=fields.tag))
    raise CorpusError(Errors.unknown_format.format(**where, formats=KNOWN))


def _check_options(format: str, encoding: str | None, fields: Fields) -> None:
    """Reject options that do not apply to the format.

    RAISES CorpusError: an option does not apply. The message lists the formats to which it applies.
    """
    allowed_formats = {
        "encoding": [name for name, kind in FORMATS.items() if isinstance(kind, TextFormat)],
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
        if value is not None and format not in allowed_formats[option]:
            formats = ", ".join(allowed_formats[option])
            raise CorpusError(
                Errors.option_of_others.format(option=option, value=value, format=format, formats=formats)
            )


def check_offsets(format: str, offsets: str | None) -> None:
    """Reject an offset unit if it does not apply to the format.

    format (str): the name of the format.
    offsets (str | None): the offset unit that the user specifies. None if the user specifies none.
    RAISES CorpusError: the format has no offsets or a fixed offset unit. The message lists the formats to which the
        option applies.
    """
    allowed_formats = [name for name, kind in FORMATS.items() if kind.has_offsets and not kind.counts_characters]
    if offsets is not None and format not in allowed_formats:
        formats = ", ".join(allowed_formats)
        raise CorpusError(
            Errors.option_of_others.format(option="offsets", value=offsets, format=format, formats=formats)
        )
