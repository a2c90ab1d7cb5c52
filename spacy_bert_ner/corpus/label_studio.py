"""Label Studio's exports: JSON (tasks with `data` and `annotations`) and JSON-MIN, in one array or an object a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import CorpusError, Errors
from .passage import Passage, Span, check_text, document_name, make_span, shorten
from .records import Record, check_id, first_record, name_at, read_records, record_id
from .sentence import Invalid
from .source import Source

_PLACE = {"start", "end", "text", "globalOffsets"}
"""What a region has that nobody gave a label."""


def is_label_studio(rows: Sequence[str]) -> bool:
    """Whether the first record is a task, or a text with what JSON-MIN says of its annotation."""
    record = first_record(rows)
    return {"data", "annotations"} <= set(record) or {"text", "annotation_id"} <= set(record)


def read(source: Source, document_key: str | None = None) -> Iterator[Passage | Invalid]:
    """Read the first annotation of each task that was not cancelled; a task without one is left out.

    document_key: the key, or keys with dots between them (`data.source`), of what names the document of a record.
    """
    path = source.path
    last: tuple[str, str] | None = None
    lines: dict[object, int] = {}

    def parse(line: int, record: Record) -> Passage:
        nonlocal last
        is_task = "annotations" in record
        holder = record.get("data") if is_task else record
        if not isinstance(holder, dict) or "text" not in holder:
            found = ", ".join(map(str, holder)) if isinstance(holder, dict) else shorten(holder)
            needed = "data.text" if is_task else "text"
            raise CorpusError(Errors.missing_key.format(path=path, line=line, found=found[:200], needed=needed))
        text = check_text(path, line, holder["text"])
        this = (document_name(path, record.get("id")), text)
        if not is_task and this[0] and this == last:  # JSON-MIN has a record for each annotation of a task
            return Passage("", [], path, line, n_unused=1)
        last = this
        check_id(path, line, record, lines)
        document = name_at(path, line, record, document_key) if document_key else this[0]
        annotations = _annotations(source, line, record) if is_task else [_min(record)]
        if not annotations:
            return Passage(text, [], path, line, document, annotated=False)
        spans = [span for item in annotations[0] for span in _spans(source, line, item)]
        passage = Passage(text, spans, path, line, document, n_unused=len(annotations) - 1)
        return passage._replace(record_id=record_id(record))

    return read_records(source, parse)


def _annotations(source: Source, line: int, task: Record) -> list[list[Any]]:
    """The results of each annotation that was not cancelled."""
    annotations = task["annotations"]
    if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
        raise CorpusError(Errors.no_spans.format(path=source.path, line=line, found=shorten(annotations)))
    results = [one.get("result") for one in annotations if not one.get("was_cancelled")]
    for result in results:
        if not isinstance(result, list):
            raise CorpusError(Errors.no_spans.format(path=source.path, line=line, found=shorten(result)))
    return results


def _min(record: Record) -> list[Any]:
    """The regions in a record of JSON-MIN, which stand under the name that the labelling interface gives them."""
    values = (value for value in record.values() if isinstance(value, list))
    return [{"value": item} for value in values for item in value if isinstance(item, dict)]


def _spans(source: Source, line: int, item: object) -> Iterator[Span]:
    """The span of a region; none for a relation, a choice or another result without labels."""
    path = source.path
    value = item.get("value") if isinstance(item, dict) else None
    if not isinstance(value, dict):
        return
    for key in value:
        if key != "labels" and key.endswith("labels"):
            raise CorpusError(Errors.other_labels.format(path=path, line=line, key=key))
    if "labels" not in value and not ("start" in value and value.keys() <= _PLACE):
        return
    labels = value.get("labels")
    if not isinstance(labels, list) or len(labels) != 1:
        raise CorpusError(Errors.one_label.format(path=path, line=line, found=shorten(labels)))
    yield make_span(path, line, value.get("start"), value.get("end"), labels[0], value.get("text"))
