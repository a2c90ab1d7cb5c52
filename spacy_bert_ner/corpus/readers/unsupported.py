"""Formats that are recognised and not read: what each is called, and what helps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .json_records import first_record


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


def _begins(name: str) -> Callable[[Path, Sequence[str]], bool]:
    """The first element of XML, or else the first word of the text, is this."""

    def recognise(path: Path, rows: Sequence[str]) -> bool:
        text = "\n".join(rows[:_N_HEAD])[:_N_CHARACTERS].lstrip()
        match = _ELEMENT.search(text) if text.startswith("<") else None
        return match[1] == name if match else text.startswith(name)

    return recognise


def _has(search: Callable[[str], object]) -> Callable[[Path, Sequence[str]], bool]:
    """One of the first rows has what this finds."""
    return lambda path, rows: any(search(row[:_N_CHARACTERS]) for row in rows[:_N_HEAD])


def _has_keys(*keys: str) -> Callable[[Path, Sequence[str]], bool]:
    """The first JSON record has all of these keys."""
    return lambda path, rows: set(keys) <= set(first_record(rows))


def _has_header(*names: str) -> Callable[[Path, Sequence[str]], bool]:
    """The first row of CSV names these columns."""
    return lambda path, rows: set(names) <= {cell.strip(' "').lower() for cell in rows[0][:_N_CHARACTERS].split(",")}


def _has_bare_tags(path: Path, rows: Sequence[str]) -> bool:
    """The last column holds `O` and `B`, and perhaps other prefixes, without a label."""
    last = {row.split()[-1] for row in rows if row.strip() and not row.startswith("-DOCSTART-")}
    sizes = {len(row.split()) for row in rows[:_N_HEAD]}
    return {"O", "B"} <= last <= set("OBIESUL") and 1 not in sizes


def _is_spacy_json(path: Path, rows: Sequence[str]) -> bool:
    paragraphs = first_record(rows).get("paragraphs")
    first = paragraphs[0] if isinstance(paragraphs, list) and paragraphs else None
    return isinstance(first, dict) and "sentences" in first


def _is_manifest(path: Path, rows: Sequence[str]) -> bool:
    record = first_record(rows)
    return ("source" in record or "source-ref" in record) and any(key.endswith("-metadata") for key in record)


_N_HEAD, _N_CHARACTERS = 50, 4000
_ELEMENT = re.compile(r"<([A-Za-z][\w.:-]{0,60})")  # no declaration, document type or comment
_ENAMEX = re.compile(r"<ENAMEX\b")
_OPEN_NLP = re.compile(r"<START:\w{1,60}> ")
_I2B2 = re.compile(r"<TEXT>\s{0,9}<!\[CDATA\[")
_RASA = re.compile(r"^nlu:\s{0,9}$|^## (?:intent|lookup|synonym|regex):")
_OPEN_IN = 'See docs/data.md, "Formats that are not read", for what to export'
_TEN_LINES = 'docs/data.md, "Formats that are not read", has ten lines of Python that make JSONL of it.'

FORMATS = (
    Unsupported("OntoNotes in the columns of CoNLL-2012 (gold_conll)", _begins("#begin document ("), _TEN_LINES),
    Unsupported(
        "columns with the tags B and I, which have no label",
        _has_bare_tags,
        r"Add it: sed -E 's/([[:blank:]][BIESUL])[[:blank:]]*$/\1-disease/' FILE > LABELLED.conll",
    ),
    Unsupported("text with ENAMEX elements, as OntoNotes and MUC have it", _has(_ENAMEX.search), _TEN_LINES),
    Unsupported("text with <START:person> marks, as OpenNLP has it", _has(_OPEN_NLP.search), _TEN_LINES),
    Unsupported("XMI of UIMA", _begins("xmi:XMI"), f"{_OPEN_IN}: WebAnno TSV 3."),
    Unsupported("GATE XML", _begins("GateDocument"), f"{_OPEN_IN}: CoNLL or JSON of text and annotations."),
    Unsupported("BioC XML", _begins("collection"), f"{_OPEN_IN}: PubTator."),
    Unsupported("i2b2 or n2c2 XML", _has(_I2B2.search), _TEN_LINES),
    Unsupported("training data of Rasa", _has(_RASA.search), _TEN_LINES),
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
