"""Read JSON pairs of a text and its entities, as in spaCy 2 training data and `ner-annotator` output.

[["Ada left.", {"entities": [[0, 3, "per"]]}], ["Nobody came.", {"entities": []}]]
{"classes": ["per"], "annotations": [["Ada left.", {"entities": [[0, 3, "per"]]}], null]}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...errors import CorpusError, Errors
from ..sentence import Invalid
from ..span_text import AnnotatedText, check_text, shorten
from .json_head import first_element, head_values
from .json_records import read_values
from .jsonl import parse_span
from .text_source import TextSource

_ANNOTATIONS = "annotations"


def is_pairs(rows: Sequence[str]) -> bool:
    """Return whether the first value is a pair of a text and its entities, or an object with a list of such pairs."""
    first = next(iter(head_values(rows, 1)), None)
    return _is_pair(first) or (isinstance(first, dict) and _is_pair(first_element(rows, _ANNOTATIONS)))


def read(source: TextSource) -> Iterator[AnnotatedText | Invalid]:
    """Read pairs from an array, from consecutive values or from the array at the key `annotations`.

    A null value represents a skipped text.

    source (TextSource): the file.
    YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the pair is invalid.
    RAISES CorpusError: the rest of the file cannot be read. See `read_records`.
    """
    path = source.path

    def parse(line: int, value: object) -> AnnotatedText:
        if value is None:
            return AnnotatedText("", [], path, line, annotated=False)
        if not isinstance(value, list) or not _is_pair(value):
            raise CorpusError(Errors.no_spacy_pair.format(path=path, line=line, found=shorten(value)))
        text, annotation = value
        spans = [parse_span(path, line, item) for item in annotation["entities"]]
        return AnnotatedText(check_text(path, line, text), spans, path, line)

    return read_values(source, parse, _ANNOTATIONS)


def _is_pair(value: object) -> bool:
    """Return whether a value is a list with a text and an object that contains entities."""
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        return False
    return isinstance(value[1], dict) and isinstance(value[1].get("entities"), list)
