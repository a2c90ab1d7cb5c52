"""JSON with character offsets in which the end of a span is its last character: that of Dataturks and of CLUENER.

{"content": "Ada left.", "annotation": [{"label": ["per"], "points": [{"start": 0, "end": 2, "text": "Ada"}]}]}
{"text": "Ada left.", "label": {"per": {"Ada": [[0, 2]]}}}

Both say what each span covers, which is compared: of ends that are not inclusive none fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import CorpusError, Errors
from ..sentence import Invalid
from ..span_text import AnnotatedText, Span, check_text, make_span, shorten
from .json_records import Record, first_record, read_records, record_id, shown_keys
from .jsonl import document_of
from .text_source import TextSource


def is_dataturks(rows: Sequence[str]) -> bool:
    """Whether the first record has the keys of Dataturks."""
    record = first_record(rows)
    return {"content", "annotation"} <= record.keys() and isinstance(record["annotation"], list | None)


def is_cluener(rows: Sequence[str]) -> bool:
    """Whether the first record has strings and their places, by label."""
    record = first_record(rows)
    labels = record.get("label")
    if not isinstance(record.get("text"), str) or not isinstance(labels, dict):
        return False
    return all(isinstance(places, dict) and all(map(_is_list, places.values())) for places in labels.values())


def read_dataturks(source: TextSource, document_key: str | None = None) -> Iterator[AnnotatedText | Invalid]:
    """Read Dataturks' records; one without an annotation is left out.

    document_key: the key, or keys with dots between them, of what names the document of a record.
    """
    path = source.path

    def parse(line: int, record: Record) -> AnnotatedText:
        text, items = (_value(path, line, record, key) for key in ("content", "annotation"))
        passage = _passage(path, line, record, document_key, text)
        if items is None:
            return passage._replace(annotated=False)
        if not isinstance(items, list):
            raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(items)))
        has_many_labels = False
        for item in items:
            labels, points = (item.get("label"), item.get("points")) if isinstance(item, dict) else (None, None)
            labels = [labels] if isinstance(labels, str) else labels
            if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
                raise CorpusError(Errors.no_points.format(path=path, line=line, found=shorten(item)))
            if not isinstance(labels, list) or not labels:
                raise CorpusError(Errors.one_label.format(path=path, line=line, found=shorten(labels)))
            if len(labels) > 1:
                has_many_labels = True
                continue
            for point in points:
                start, end, declared = (point.get(key) for key in ("start", "end", "text"))
                passage.spans.append(_inclusive(path, line, start, end, labels[0], declared))
        return passage._replace(has_many_labels=has_many_labels)

    return read_records(source, parse)


def read_cluener(source: TextSource, document_key: str | None = None) -> Iterator[AnnotatedText | Invalid]:
    """Read records with, for each label, strings and the places where they stand.

    document_key: the key, or keys with dots between them, of what names the document of a record.
    """
    path = source.path

    def parse(line: int, record: Record) -> AnnotatedText:
        text, labels = (_value(path, line, record, key) for key in ("text", "label"))
        passage = _passage(path, line, record, document_key, text)
        for label, strings in _members(path, line, labels):
            for string, places in _members(path, line, strings):
                for place in places if isinstance(places, list) else [places]:
                    if not isinstance(place, list) or len(place) != 2:
                        raise CorpusError(Errors.no_places.format(path=path, line=line, found=shorten(place)))
                    start, end = place
                    passage.spans.append(_inclusive(path, line, start, end, label, string))
        return passage

    return read_records(source, parse)


def _passage(path: Path, line: int, record: Record, document_key: str | None, text: object) -> AnnotatedText:
    document = document_of(path, line, record, document_key)
    return AnnotatedText(check_text(path, line, text), [], path, line, document, record_id=record_id(record))


def _value(path: Path, line: int, record: Record, key: str) -> object:
    if key not in record:
        found = shown_keys(record)
        raise CorpusError(Errors.missing_key.format(path=path, line=line, found=found, needed=key))
    return record[key]


def _members(path: Path, line: int, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        raise CorpusError(Errors.no_places.format(path=path, line=line, found=shorten(value)))
    return list(value.items())


def _inclusive(path: Path, line: int, start: object, end: object, label: object, declared: object) -> Span:
    end = end + 1 if type(end) is int else end  # a Boolean is an integer to Python
    return make_span(path, line, start, end, label, declared)


def _is_list(value: object) -> bool:
    return isinstance(value, list)
