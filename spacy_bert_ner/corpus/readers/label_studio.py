"""Label Studio's exports: JSON (tasks with `data` and `annotations`, once `completions`), JSON-MIN, and CSV of that."""

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

_PLACE = {"start", "end", "text", "globalOffsets"}
"""What a region has that nobody gave a label."""


def is_label_studio(rows: Sequence[str], text_key: str | None = None) -> bool:
    """Whether the first record is a task, or a text with what JSON-MIN or CSV says of its annotation."""
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
    """Read one annotation of each task: the ground truth, or else the first that was not cancelled.

    A task without one is left out. Predictions are not read.

    document_key: the key, or keys with dots between them (`data.source`), of what names the document of a record.
    text_key: the key of the text in `data`; None for `text`, or else for the one that the regions are of.
    RAISES CorpusError: several keys may be that of the text.
    """
    path = source.path
    is_csv = label_studio_csv.begins_csv(source)
    if text_key is None:
        head = first_readable(label_studio_csv.records(source, DEFAULT_KEY) if is_csv else values(source))
        text_key = find_text_key(path, [(_holder(record), _region_values(_head_results(record))) for record in head])
    last: tuple[str, str] | None = None
    lines: dict[object, int] = {}

    def parse(line: int, record: Record) -> AnnotatedText:
        nonlocal last
        is_task = _is_task(record)
        text = _text(path, line, record, text_key)
        this = (document_name(path, record.get("id")), text)
        if not is_task and this[0] and this == last:  # JSON-MIN has a record for each annotation of a task
            return AnnotatedText("", [], path, line, n_unused=1)
        last = this
        check_id(path, line, record, lines)
        document = name_at(path, line, record, document_key) if document_key else this[0]
        results = _results(path, line, record) if is_task else _min_results(record)
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


def _holder(record: Record) -> object:
    """What has the text."""
    return record.get("data") if _is_task(record) else record


def _annotations(task: Record) -> object:
    return task["annotations"] if "annotations" in task else task["completions"]


def _text(path: Path, line: int, record: Record, key: str) -> str:
    holder = _holder(record)
    if isinstance(holder, dict) and key in holder:
        return check_text(path, line, holder[key])
    for name in (key, key.removeprefix("data.")):
        if (text := value_at(holder, name)) is not None:
            return check_text(path, line, text)
    needed = f"data.{key}" if _is_task(record) else key
    raise CorpusError(Errors.no_text_key.format(path=path, line=line, found=shown_keys(holder), needed=needed))


def _results(path: Path, line: int, task: Record) -> list[list[Any]]:
    """The results of each annotation that was not cancelled, those of the ground truth first."""
    annotations = _annotations(task)
    if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
        raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(annotations)))
    valid = [one for one in annotations if not one.get("was_cancelled")]
    valid.sort(key=lambda one: not one.get("ground_truth"))
    results = [one.get("result") for one in valid]
    for result in results:
        if not isinstance(result, list):
            raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(result)))
    return results


def _head_results(record: Record) -> list[Any]:
    """The results of all annotations of a record, as far as they can be read."""
    if not _is_task(record):
        return [item for result in _min_results(record) for item in result]
    annotations = _annotations(record)
    found = [one.get("result") for one in annotations if isinstance(one, dict)] if isinstance(annotations, list) else []
    return [item for result in found if isinstance(result, list) for item in result]


def _min_results(record: Record) -> list[list[Any]]:
    """The one result in a record of JSON-MIN, whose regions stand under the name that the labelling interface gives
    them; none where the record has no annotation."""
    if record.get("annotation_id", 0) in ("", None):
        return []
    values = (value for value in record.values() if isinstance(value, list))
    return [[{"value": item} for value in values for item in value if isinstance(item, dict)]]


def _region_values(items: list[Any]) -> list[Record]:
    """The values of results; a relation has none."""
    values = [item.get("value") for item in items if isinstance(item, dict)]
    return [value for value in values if isinstance(value, dict)]


def _spans(path: Path, line: int, items: list[Any]) -> tuple[list[Span], bool]:
    """The spans of the regions among some results, and whether others have several labels."""
    spans, has_many_labels = list[Span](), False
    for value in _region_values(items):
        for key in value:
            if key != "labels" and key.endswith("labels"):
                raise CorpusError(Errors.other_labels.format(path=path, line=line, key=key))
        if "labels" not in value and not ("start" in value and value.keys() <= _PLACE):
            continue  # a choice, or another result without labels
        labels = value.get("labels")
        if isinstance(labels, list) and len(labels) > 1:
            has_many_labels = True
            continue
        if not isinstance(labels, list) or not labels:
            raise CorpusError(Errors.one_label.format(path=path, line=line, found=shorten(labels)))
        spans.append(make_span(path, line, value.get("start"), value.get("end"), labels[0], value.get("text")))
    return spans, has_many_labels
