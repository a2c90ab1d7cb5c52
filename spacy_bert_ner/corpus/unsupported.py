"""Formats that are recognised and not read: what each is called, and what helps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .records import first_record


class Unsupported(NamedTuple):
    """A format that is not read.

    format: what it is called.
    recognise: whether a file of this name, with these first rows, is of it.
    advice: what to type, or what to export.
    """

    format: str
    recognise: Callable[[Path, Sequence[str]], bool]
    advice: str


def find(path: Path, rows: Sequence[str]) -> Unsupported | None:
    """The format of a file that is not read; None if it is none of these.

    rows: the first rows, without blank ones.
    """
    return next((format for format in FORMATS if format.recognise(path, rows)), None)


def _begins(pattern: str) -> Callable[[Path, Sequence[str]], bool]:
    """The text begins with this, after an XML declaration, a document type and comments."""
    compiled = re.compile(rf"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE[^>]*>\s*)?(?:{pattern})", re.DOTALL)
    return lambda path, rows: compiled.match("\n".join(rows[:_N_HEAD])[:_N_CHARACTERS]) is not None


def _has(pattern: str) -> Callable[[Path, Sequence[str]], bool]:
    """One of the first rows has this."""
    compiled = re.compile(pattern)
    return lambda path, rows: any(compiled.search(row[:_N_CHARACTERS]) for row in rows[:_N_HEAD])


def _has_keys(*keys: str) -> Callable[[Path, Sequence[str]], bool]:
    """The first JSON record has all of these keys."""
    return lambda path, rows: set(keys) <= set(first_record(rows))


def _has_header(*names: str) -> Callable[[Path, Sequence[str]], bool]:
    """The first row of CSV names these columns."""
    return lambda path, rows: set(names) <= {cell.strip(' "').lower() for cell in rows[0][:_N_CHARACTERS].split(",")}


def _is_spacy_json(path: Path, rows: Sequence[str]) -> bool:
    paragraphs = first_record(rows).get("paragraphs")
    first = paragraphs[0] if isinstance(paragraphs, list) and paragraphs else None
    return isinstance(first, dict) and "sentences" in first


def _is_manifest(path: Path, rows: Sequence[str]) -> bool:
    record = first_record(rows)
    return ("source" in record or "source-ref" in record) and any(key.endswith("-metadata") for key in record)


_N_HEAD, _N_CHARACTERS = 50, 4000
_OPEN_IN = 'See docs/data.md, "Formats that are not read", for what to export'
_TEN_LINES = 'docs/data.md, "Formats that are not read", has ten lines of Python that make JSONL of it.'

FORMATS = (
    Unsupported("OntoNotes in the columns of CoNLL-2012 (gold_conll)", _begins(r"#begin document \("), _TEN_LINES),
    Unsupported("text with ENAMEX elements, as OntoNotes and MUC have it", _has(r"<ENAMEX\b"), _TEN_LINES),
    Unsupported("text with <START:person> marks, as OpenNLP has it", _has(r"<START:\w+> .* <END>"), _TEN_LINES),
    Unsupported("XMI of UIMA", _begins(r"<xmi:XMI\b"), f"{_OPEN_IN}: WebAnno TSV 3."),
    Unsupported("GATE XML", _begins(r"<GateDocument\b"), f"{_OPEN_IN}: CoNLL or JSON of text and annotations."),
    Unsupported("BioC XML", _begins(r"<collection\b"), f"{_OPEN_IN}: PubTator."),
    Unsupported("i2b2 or n2c2 XML", _has(r"<TEXT>\s*<!\[CDATA\["), _TEN_LINES),
    Unsupported("training data of Rasa", _has(r"^nlu:\s*$|^## (?:intent|lookup|synonym|regex):"), _TEN_LINES),
    Unsupported("training data of Rasa", _has_keys("rasa_nlu_data"), _TEN_LINES),
    Unsupported("a manifest of SageMaker Ground Truth", _is_manifest, f"{_OPEN_IN}, and ten lines of Python."),
    Unsupported(
        "annotations of Amazon Comprehend",
        _has_header("file", "line", "begin offset", "end offset", "type"),
        _TEN_LINES,
    ),
    Unsupported("a dataset of Google Cloud AutoML", _has_keys("textSegmentAnnotations"), _TEN_LINES),
    Unsupported("a dataset of Google Cloud AutoML", _has_keys("text_snippet", "annotations"), _TEN_LINES),
    Unsupported("a project of Azure Language", _has_keys("projectFileVersion", "assets"), _TEN_LINES),
    Unsupported(
        "spaCy's JSON of paragraphs and sentences",
        _is_spacy_json,
        "Convert it with spaCy: python -m spacy convert FILE OUTPUT_DIR",
    ),
)
