"""Read Dataturks and CLUENER JSON. Their offsets are inclusive: `end` is the offset of the last character in a span.

{"content": "Ada left.", "annotation": [{"label": ["per"], "points": [{"start": 0, "end": 2, "text": "Ada"}]}]}
{"text": "Ada left.", "label": {"per": {"Ada": [[0, 2]]}}}

Both formats include the text of each span. Comparing it with the text at the offsets detects ends that are not
inclusive.
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
    """Return whether the first record has the keys that Dataturks uses."""
    record = first_record(rows)
    return {"content", "annotation"} <= record.keys() and isinstance(record["annotation"], list | None)


def is_cluener(rows: Sequence[str]) -> bool:
    """Return whether the first record maps each label to strings and their offsets."""
    record = first_record(rows)
    labels = record.get("label")
    if not isinstance(record.get("text"), str) or not isinstance(labels, dict):
        return False
    return all(isinstance(strings, dict) and all(map(_is_list, strings.values())) for strings in labels.values())


def read_dataturks(source: TextSource, document_key: str | None = None) -> Iterator[AnnotatedText | Invalid]:
    """Read the records in a Dataturks file. A record without an annotation is skipped.

    source (TextSource): the file.
    document_key (str | None): the key for the document name or a dotted path such as `meta.source`. If None (the
        default), the keys listed in `document_of` are used.
    YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the record is invalid.
    RAISES CorpusError: the rest of the file cannot be read. See `read_records`.
    """
    path = source.path

    def parse(line: int, record: Record) -> AnnotatedText:
        text, items = (_value(path, line, record, key) for key in ("content", "annotation"))
        annotated_text = _without_spans(path, line, record, document_key, text)
        if items is None:
            return annotated_text._replace(annotated=False)
        if not isinstance(items, list):
            raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(items)))
        has_many_labels = False
        for item in items:
            labels, points = _labels_and_points(path, line, item)
            if len(labels) > 1:
                has_many_labels = True
                continue
            for point in points:
                start, end, declared = (point.get(key) for key in ("start", "end", "text"))
                annotated_text.spans.append(_inclusive_span(path, line, start, end, labels[0], declared))
        return annotated_text._replace(has_many_labels=has_many_labels)

    return read_records(source, parse)


def _labels_and_points(path: Path, line: int, item: object) -> tuple[list[object], list[Record]]:
    """Return the labels and points in a Dataturks annotation. Points are objects with offsets.

    RAISES CorpusError: the labels or the points are missing or have an invalid type.
    """
    labels, points = (item.get("label"), item.get("points")) if isinstance(item, dict) else (None, None)
    labels = [labels] if isinstance(labels, str) else labels
    if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
        raise CorpusError(Errors.no_points.format(path=path, line=line, found=shorten(item)))
    if not isinstance(labels, list) or not labels:
        raise CorpusError(Errors.one_label.format(path=path, line=line, found=shorten(labels)))
    return labels, points


def read_cluener(source: TextSource, document_key: str | None = None) -> Iterator[AnnotatedText | Invalid]:
    """Read the records in a CLUENER file. Each record maps labels to strings and their offsets.

    source (TextSource): the file.
    document_key (str | None): the key for the document name or a dotted path such as `meta.source`. If None (the
        default), the keys listed in `document_of` are used.
    YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the record is invalid.
    RAISES CorpusError: the rest of the file cannot be read. See `read_records`.
    """
    path = source.path

    def parse(line: int, record: Record) -> AnnotatedText:
        text, labels = (_value(path, line, record, key) for key in ("text", "label"))
        annotated_text = _without_spans(path, line, record, document_key, text)
        annotated_text.spans.extend(_cluener_spans(path, line, labels))
        return annotated_text

    return read_records(source, parse)


def _cluener_spans(path: Path, line: int, labels: object) -> Iterator[Span]:
    """Yield the spans in a record.

    labels (object): a dictionary that maps each label to strings and each string to its offsets.
    RAISES CorpusError: the labels, strings or offsets have an invalid type.
    """
    for label, strings in _members(path, line, labels):
        for string, offsets in _members(path, line, strings):
            for pair in offsets if isinstance(offsets, list) else [offsets]:
                if not isinstance(pair, list) or len(pair) != 2:
                    raise CorpusError(Errors.bad_string_offsets.format(path=path, line=line, found=shorten(pair)))
                start, end = pair
                yield _inclusive_span(path, line, start, end, label, string)


def _without_spans(path: Path, line: int, record: Record, document_key: str | None, text: object) -> AnnotatedText:
    document = document_of(path, line, record, document_key)
    return AnnotatedText(check_text(path, line, text), [], path, line, document, record_id=record_id(record))


def _value(path: Path, line: int, record: Record, key: str) -> object:
    if key not in record:
        found = shown_keys(record)
        raise CorpusError(Errors.missing_key.format(path=path, line=line, found=found, needed=key))
    return record[key]


def _members(path: Path, line: int, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        raise CorpusError(Errors.bad_string_offsets.format(path=path, line=line, found=shorten(value)))
    return list(value.items())


def _inclusive_span(path: Path, line: int, start: object, end: object, label: object, declared: object) -> Span:
    """Create a span from offsets with an inclusive end."""
    end = end + 1 if type(end) is int else end  # `isinstance` would accept `bool`
    return make_span(path, line, start, end, label, declared)


def _is_list(value: object) -> bool:
    return isinstance(value, list)
