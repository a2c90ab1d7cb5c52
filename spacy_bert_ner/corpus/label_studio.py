"""Label Studio's exports: JSON (tasks with `data` and `annotations`) and JSON-MIN, in one array or an object a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import CorpusError, Errors
from .passage import Passage, Span, check_covered, check_span, check_text, document_name, shorten
from .records import Record, first_record, records
from .source import Source

_PLACE = {"start", "end", "text", "globalOffsets"}
"""What a region has that nobody gave a label."""


def is_label_studio(rows: Sequence[str]) -> bool:
    """Whether the first record is a task, or a text with what JSON-MIN says of its annotation."""
    record = first_record(rows)
    return {"data", "annotations"} <= set(record) or {"text", "annotation_id"} <= set(record)


def read(source: Source) -> Iterator[Passage]:
    """Read the first annotation of each task that was not cancelled; a task without one is left out."""
    path, last = source.path, None
    for line, record in records(source):
        is_task = "annotations" in record
        holder = record.get("data") if is_task else record
        if not isinstance(holder, dict) or "text" not in holder:
            found = ", ".join(map(str, holder)) if isinstance(holder, dict) else shorten(holder)
            needed = "data.text" if is_task else "text"
            raise CorpusError(Errors.missing_key.format(path=path, line=line, found=found[:200], needed=needed))
        text = check_text(path, line, holder["text"])
        document = document_name(path, record.get("id"))
        this = (document, text)
        if not is_task and document and this == last:  # JSON-MIN has a record for each annotation of a task
            yield Passage("", [], path, line, n_unused=1)
            continue
        last = this
        annotations = _annotations(source, line, record) if is_task else [_min(record)]
        if not annotations:
            yield Passage(text, [], path, line, document, annotated=False)
            continue
        spans = [span for item in annotations[0] for span in _spans(source, line, text, item)]
        yield Passage(text, spans, path, line, document, n_unused=len(annotations) - 1)


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


def _spans(source: Source, line: int, text: str, item: object) -> Iterator[Span]:
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
    span = check_span(path, line, text, value.get("start"), value.get("end"), labels[0])
    said, covered = value.get("text"), text[span.start : span.end]
    if isinstance(said, str):
        # Label Studio writes a line break as backslash and n, and white space not as it stands.
        check_covered(path, line, covered, said, same=_bare(said) == _bare(covered))
    yield span


def _bare(text: str) -> str:
    return "".join(text.replace("\\n", "\n").split())
