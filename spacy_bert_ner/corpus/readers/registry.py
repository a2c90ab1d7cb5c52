"""List the formats, and detect the format of a file from its content."""

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
    """A format of annotated text."""

    read: Callable[..., Iterator[Sentence | Invalid] | Iterator[AnnotatedText | Invalid]]
    """Yields the sentences of a `TextSource`, or its annotated texts if `has_offsets`, and `Invalid` for each one that
    cannot be read. Raises `CorpusError` if nothing after an error can be read."""
    recognise: Callable[..., bool]
    """Returns whether a file may have this format, given its first rows without blank rows. Most formats only need the
    first row."""
    fallback_encoding: str | None = None
    """The encoding of files that are not UTF-8."""
    has_offsets: bool = False
    """Whether the format has text and spans instead of words and tags."""
    has_fields: bool = False
    """Whether `read` takes the key of the field that names a document."""
    has_text_key: bool = False
    """Whether `read` and `recognise` take the key of the text."""
    counts_characters: bool = False
    """Whether `read` returns character offsets, regardless of the unit that the file counts."""
    tag_place: str = ""
    """The position of the tag in a row, for messages, if it is the same in all files."""
    unit: str = "line"
    """The unit that the `lines` of sentences count, for messages."""


class FileFormat(NamedTuple):
    """A format that is not text: a binary file or a folder of such files."""

    read: Callable[..., Iterator[Sentence | Invalid]]
    """Like `TextFormat.read`, but takes a path."""
    recognise: Callable[[Path], bool]
    """Returns whether a path has this format."""
    unit: str
    """The unit that the `lines` of sentences count, for messages."""
    has_offsets: bool = False
    has_fields: bool = False
    has_text_key: bool = False
    counts_characters: bool = False
    tag_place: str = ""


def _never(rows: object) -> bool:
    """Match nothing: the format is not recognised by its first rows."""
    return False


FORMATS: dict[str, TextFormat | FileFormat] = {
    # Before `gmb-sentences`, as its CSV may have the columns of that format too.
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
    "conll": TextFormat(conll.read, _never),  # recognised by its layout, after all other formats
    "spacy": FileFormat(docbin.read, docbin.is_docbin, "Doc"),
}

COLUMNS = "conll"
KNOWN = ", ".join(FORMATS)


class DetectedCorpus(NamedTuple):
    """A file whose format is known.

    format (str): a key of `FORMATS`.
    read (Callable): yields the sentences or annotated texts, from the start in each call.
    layout (ColumnLayout | None): the content of the columns. None for formats other than `conll`.
    notes (Callable): returns the notes for the user about how the file was read, once all of it has been read.
    source (TextSource | None): the source of a text format, with its encoding and further notes. None for other
        formats.
    """

    format: str
    read: Callable[[], Iterator[Any]]
    layout: ColumnLayout | None = None
    notes: Callable[[], list[str]] = list
    source: TextSource | None = None


class Fields(NamedTuple):
    """The fields that the user names. None for the default fields of the format.

    tag (int | None): the tag column of a CoNLL-style file: a number from 1, or from -1 downwards to count from the
        last.
    word (int | None): its word column, numbered likewise.
    document (str | None): the column (CSV), comment (CoNLL-U) or key (JSON) that names documents; see `CorpusStream`.
    text (str | None): the key (JSON) or column (CSV) of the text; see `CorpusStream`.
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
    """Detect the format of a file or folder, and check that it can be decoded.

    path (Path): the file or folder.
    format (str): a key of `FORMATS`, or "auto" to detect it.
    encoding (str | None): a Python codec. None for the default of the format.
    fields (Fields): the fields that the user names, none by default.
    RETURNS (DetectedCorpus): the format, and a function that reads the file.
    RAISES CorpusError: the format is unknown or not the named one, or an option does not apply to it.
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
    assert isinstance(kind, TextFormat)  # noqa: S101, file formats have been returned above
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

    path (Path): the file or folder.
    RETURNS (str): a key of `FORMATS`.
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
    """Bind the `read` function of a format to its source and the fields that it takes."""
    options = [fields.document] * kind.has_fields + [fields.text] * kind.has_text_key
    return partial(kind.read, source, *options)


def _recognise(source: TextSource, rows: list[tuple[int, str]], fields: Fields) -> tuple[str, ColumnLayout | None]:
    """Detect the text format of rows with their lines.

    RETURNS: the name of the first matching format, and the layout if it is `conll`.
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
    # The file may be binary.
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
    """Refuse an option that does not apply to the format."""
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
    """Refuse a unit of offsets if the format has no offsets.

    format (str): a key of `FORMATS`.
    offsets (str | None): the unit that the user names. None if the user names none.
    RAISES CorpusError: the format has no offsets. The message names the formats that do.
    """
    allowed_formats = [name for name, kind in FORMATS.items() if kind.has_offsets and not kind.counts_characters]
    if offsets is not None and format not in allowed_formats:
        formats = ", ".join(allowed_formats)
        raise CorpusError(
            Errors.option_of_others.format(option="offsets", value=offsets, format=format, formats=formats)
        )
