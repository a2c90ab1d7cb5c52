"""Read Label Studio exports in JSON, JSON-MIN and CSV format.

In JSON format, each task has `data` and `annotations`. Older exports have `completions` instead of `annotations`.
The results of an annotation include regions, which are labelled parts of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import CorpusError, Errors
from ..sentence import Invalid
from ..span_text import AnnotatedText, Span, check_text, document_name, make_span, shorten
from . import label_studio_csv
from .json_records import (
    Record,
    check_id,
    first_readable,
    first_record,
    name_at,
    parse_records,
    record_id,
    shown_keys,
    value_at,
)
from .json_stream import values
from .label_studio_text import DEFAULT_KEY, find_text_key
from .text_source import TextSource

_UNLABELED_KEYS = {"start", "end", "text", "globalOffsets"}
"""The keys that can occur in a region without a label."""


def is_label_studio(rows: Sequence[str], text_key: str | None = None) -> bool:
    """Return whether a file is a Label Studio export.

    Its first record must be a task or have the annotation keys that JSON-MIN and CSV files use.
    """
    if label_studio_csv.is_csv(rows):
        return True
    record = first_record(rows)
    if {"data", "annotations"} <= record.keys() or {"text", "annotation_id"} <= record.keys():
        return True
    if "completions" in record and isinstance(record.get("data"), dict):
        return True
    return "annotation_id" in record and ("annotator" in record or "lead_time" in record)


def read(
    source: TextSource, document_key: str | None = None, text_key: str | None = None
) -> Iterator[AnnotatedText | Invalid]:
    """Read one annotation per task: the ground truth or, if there is none, the first one that was not cancelled.

    A task without such an annotation is skipped. Predictions are not read.

    source (TextSource): the file.
    document_key (str | None): the key for the document name or a dotted path such as `data.source`. If None (the
        default), the `id` of the record is used.
    text_key (str | None): the key for the text in `data`. If None (the default), `text` is used. If `text` does not
        exist, the key whose text matches the regions is used.
    YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the record is invalid.
    RAISES CorpusError: several keys may contain the text, or the rest of the file cannot be read. See `read_records`.
    """
    path = source.path
    is_csv = label_studio_csv.begins_csv(source)
    if text_key is None:
        head = first_readable(label_studio_csv.records(source, DEFAULT_KEY) if is_csv else values(source))
        text_key = find_text_key(path, [(_data(record), _region_values(_all_results(record))) for record in head])
    last: tuple[str, str] | None = None  # ID and text of the previous record
    lines: dict[object, int] = {}

    def parse(line: int, record: Record) -> AnnotatedText:
        nonlocal last
        is_task = _is_task(record)
        text = _text(path, line, record, text_key)
        current = (document_name(path, record.get("id")), text)
        if not is_task and current[0] and current == last:  # JSON-MIN has a record for each annotation of a task
            return AnnotatedText("", [], path, line, n_unused=1)
        last = current
        check_id(path, line, record, lines)
        document = name_at(path, line, record, document_key) if document_key else current[0]
        results = _valid_results(path, line, record) if is_task else _min_results(record)
        if not results:
            return AnnotatedText(text, [], path, line, document, annotated=False)
        spans, has_many_labels = _spans(path, line, results[0])
        return AnnotatedText(
            text,
            spans,
            path,
            line,
            document,
            n_unused=len(results) - 1,
            has_many_labels=has_many_labels,
            record_id=record_id(record),
        )

    return parse_records(path, label_studio_csv.records(source, text_key) if is_csv else values(source), parse)


def _is_task(record: Record) -> bool:
    return "annotations" in record or "completions" in record


def _data(record: Record) -> object:
    """Return the object that contains the text: `data` for a task, or the record itself in other formats."""
    return record.get("data") if _is_task(record) else record


def _annotations(task: Record) -> object:
    return task["annotations"] if "annotations" in task else task["completions"]


def _text(path: Path, line: int, record: Record, key: str) -> str:
    data = _data(record)
    if isinstance(data, dict) and key in data:
        return check_text(path, line, data[key])
    for name in (key, key.removeprefix("data.")):
        if (text := value_at(data, name)) is not None:
            return check_text(path, line, text)
    needed = f"data.{key}" if _is_task(record) else key
    raise CorpusError(Errors.no_text_key.format(path=path, line=line, found=shown_keys(data), needed=needed))


def _valid_results(path: Path, line: int, task: Record) -> list[list[Any]]:
    """Return the results of each annotation that was not cancelled. The ground truth comes first.

    RAISES CorpusError: the annotations or their results have an invalid type.
    """
    annotations = _annotations(task)
    if not isinstance(annotations, list) or not all(isinstance(annotation, dict) for annotation in annotations):
        raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(annotations)))
    valid = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    valid.sort(key=lambda annotation: not annotation.get("ground_truth"))
    results = [annotation.get("result") for annotation in valid]
    for result in results:
        if not isinstance(result, list):
            raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(result)))
    return results


def _all_results(record: Record) -> list[Any]:
    """Return the results of all annotations in a record. Skip values with an invalid type."""
    if not _is_task(record):
        return [item for result in _min_results(record) for item in result]
    annotations = _annotations(record)
    if not isinstance(annotations, list):
        return []
    results = [annotation.get("result") for annotation in annotations if isinstance(annotation, dict)]
    return [item for result in results if isinstance(result, list) for item in result]


def _min_results(record: Record) -> list[list[Any]]:
    """Return the results of each annotation in a JSON-MIN record, which has one annotation or none.

    The labelling interface determines the key under which the record stores its results.
    """
    if record.get("annotation_id", 0) in ("", None):
        return []
    values = (value for value in record.values() if isinstance(value, list))
    return [[{"value": item} for value in values for item in value if isinstance(item, dict)]]


def _region_values(items: list[Any]) -> list[Record]:
    """Return the `value` objects in a list of results. Skip results without a `value`, such as relations."""
    values = [item.get("value") for item in items if isinstance(item, dict)]
    return [value for value in values if isinstance(value, dict)]


def _spans(path: Path, line: int, items: list[Any]) -> tuple[list[Span], bool]:
    """Return the spans in a list of results and whether any region has several labels.

    RAISES CorpusError: a region is invalid. The message includes the file and line.
    """
    spans, has_many_labels = list[Span](), False
    for value in _region_values(items):
        for key in value:
            if key != "labels" and key.endswith("labels"):
                raise CorpusError(Errors.other_labels.format(path=path, line=line, key=key))
        if "labels" not in value and not ("start" in value and value.keys() <= _UNLABELED_KEYS):
            continue  # a choice or another result without labels
        labels = value.get("labels")
        if isinstance(labels, list) and len(labels) > 1:
            has_many_labels = True
            continue
        if not isinstance(labels, list) or not labels:
            raise CorpusError(Errors.one_label.format(path=path, line=line, found=shorten(labels)))
        spans.append(make_span(path, line, value.get("start"), value.get("end"), labels[0], value.get("text")))
    return spans, has_many_labels
