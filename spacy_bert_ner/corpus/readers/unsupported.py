"""Detect formats that cannot be read and suggest how to convert them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .json_records import first_record


class Unsupported(NamedTuple):
    """A format that cannot be read.

    format (str): the name of the format, for messages.
    recognise (Callable): a function that takes a path and the first rows and returns whether the file has this format.
    advice (str): the command to run, or the format to export instead.
    """

    format: str
    recognise: Callable[[Path, Sequence[str]], bool]
    advice: str


def find_unsupported(path: Path, rows: Sequence[str]) -> Unsupported | None:
    """Detect whether a file has an unsupported format.

    path (Path): the path to the file.
    rows (Sequence[str]): the first non-blank rows in the file.
    RETURNS (Unsupported | None): the format. None if the file has none of the formats in `FORMATS`.
    """
    return next((format for format in FORMATS if format.recognise(path, rows)), None)


def _begins_with(name: str) -> Callable[[Path, Sequence[str]], bool]:
    """Return a function that recognises an XML file by its first element and any other file by its first characters.

    name (str): the name of the element, or the first characters of the file.
    """

    def recognise(path: Path, rows: Sequence[str]) -> bool:
        text = "\n".join(rows[:_N_HEAD])[:_N_CHARACTERS].lstrip()
        match = _ELEMENT.search(text) if text.startswith("<") else None
        return match[1] == name if match else text.startswith(name)

    return recognise


def _has(search: Callable[[str], object]) -> Callable[[Path, Sequence[str]], bool]:
    """Return a function that recognises a file by a match in one of its first rows.

    search (Callable): a function that takes a row and returns a match or None.
    """
    return lambda path, rows: any(search(row[:_N_CHARACTERS]) for row in rows[:_N_HEAD])


def _has_keys(*keys: str) -> Callable[[Path, Sequence[str]], bool]:
    """Return a function that recognises a file if its first JSON record has all of these keys."""
    return lambda path, rows: set(keys) <= set(first_record(rows))


def _has_header(*names: str) -> Callable[[Path, Sequence[str]], bool]:
    """Return a function that recognises a CSV file if its first row contains all of these column names."""
    return lambda path, rows: set(names) <= {cell.strip(' "').lower() for cell in rows[0][:_N_CHARACTERS].split(",")}


def _has_bare_tags(path: Path, rows: Sequence[str]) -> bool:
    """Return whether the last column contains only `O`, `B` and optionally other prefixes, without labels."""
    last_cells = {row.split()[-1] for row in rows if row.strip() and not row.startswith("-DOCSTART-")}
    sizes = {len(row.split()) for row in rows[:_N_HEAD]}
    return {"O", "B"} <= last_cells <= set("OBIESUL") and 1 not in sizes


def _is_spacy_json(path: Path, rows: Sequence[str]) -> bool:
    paragraphs = first_record(rows).get("paragraphs")
    first = paragraphs[0] if isinstance(paragraphs, list) and paragraphs else None
    return isinstance(first, dict) and "sentences" in first


def _is_manifest(path: Path, rows: Sequence[str]) -> bool:
    record = first_record(rows)
    return ("source" in record or "source-ref" in record) and any(key.endswith("-metadata") for key in record)


_N_HEAD, _N_CHARACTERS = 50, 4000
_ELEMENT = re.compile(r"<([A-Za-z][\w.:-]{0,60})")  # does not match declarations, document types or comments
_ENAMEX = re.compile(r"<ENAMEX\b")
_OPEN_NLP = re.compile(r"<START:\w{1,60}> ")
_I2B2 = re.compile(r"<TEXT>\s{0,9}<!\[CDATA\[")
_RASA = re.compile(r"^nlu:\s{0,9}$|^## (?:intent|lookup|synonym|regex):")
_SECTION = 'docs/data.md, "Formats that are not read"'
_USE_SCRIPT = f"Convert it to JSONL or CoNLL columns with a short Python script, as shown in {_SECTION}."

FORMATS = (
    Unsupported("OntoNotes in CoNLL-2012 columns (gold_conll)", _begins_with("#begin document ("), _USE_SCRIPT),
    Unsupported(
        "a column file with the tags B and I but no labels",
        _has_bare_tags,
        r"Add a label: sed -E 's/([[:blank:]][BIESUL])[[:blank:]]*$/\1-disease/' FILE > LABELLED.conll",
    ),
    Unsupported("text with ENAMEX elements, as in OntoNotes and MUC", _has(_ENAMEX.search), _USE_SCRIPT),
    Unsupported("text with <START:person> markup, as in OpenNLP", _has(_OPEN_NLP.search), _USE_SCRIPT),
    Unsupported("UIMA XMI", _begins_with("xmi:XMI"), f"Export it as WebAnno TSV 3. See {_SECTION}."),
    Unsupported(
        "GATE XML",
        _begins_with("GateDocument"),
        f"Export it as CoNLL, or as JSON with text and annotations. See {_SECTION}.",
    ),
    Unsupported("BioC XML", _begins_with("collection"), f"Export it as PubTator. See {_SECTION}."),
    Unsupported("i2b2 or n2c2 XML", _has(_I2B2.search), _USE_SCRIPT),
    Unsupported("Rasa training data", _has(_RASA.search), _USE_SCRIPT),
    Unsupported("Rasa training data", _has_keys("rasa_nlu_data"), _USE_SCRIPT),
    Unsupported("a SageMaker Ground Truth manifest", _is_manifest, _USE_SCRIPT),
    Unsupported(
        "Amazon Comprehend annotations",
        _has_header("file", "line", "begin offset", "end offset", "type"),
        _USE_SCRIPT,
    ),
    Unsupported("a Google Cloud AutoML dataset", _has_keys("textSegmentAnnotations"), _USE_SCRIPT),
    Unsupported("a Google Cloud AutoML dataset", _has_keys("text_snippet", "annotations"), _USE_SCRIPT),
    Unsupported("an Azure Language project", _has_keys("projectFileVersion", "assets"), _USE_SCRIPT),
    Unsupported(
        "spaCy JSON with paragraphs and sentences",
        _is_spacy_json,
        "Convert it with spaCy: python -m spacy convert FILE OUTPUT_DIR",
    ),
)
