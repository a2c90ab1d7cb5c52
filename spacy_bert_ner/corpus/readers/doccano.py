"""Read doccano JSON. Spans are stored under one of several keys, and labels are names or numbers.

{"id": 1, "text": "Ada left.", "label": [[0, 3, "per"]]}
{"id": 1, "text": "Ada left.", "entities": [{"label": "per", "start_offset": 0, "end_offset": 3}], "relations": []}
{"id": 1, "text": "Ada left.", "annotations": [{"label": 7, "start_offset": 0, "end_offset": 3}]}

The name for label 7 is only defined in `label_config.json`, the file to which doccano exports a project's labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from ...errors import CorpusError, Errors
from ..sentence import Invalid
from ..span_text import AnnotatedText, shorten
from .json_records import Record, check_id, first_records, read_records
from .jsonl import Keys, parse_text, text_classification_error
from .text_source import TextSource

DOCCANO = Keys(("text", "data"), ("label", "labels", "entities", "annotations"))
LABEL_CONFIG = "label_config.json"


def is_doccano(rows: Sequence[str], text_key: str | None = None) -> bool:
    """Return whether the first record has the keys that doccano uses."""
    records, keys = first_records(rows), DOCCANO.renamed(text_key)
    if not records or not keys.has_text(records[0]) or not keys.has_spans(records[0]):
        return False
    if keys._replace(spans=keys.spans[:-1]).has_spans(records[0]):
        return not any(isinstance(records[0].get(key), dict) for key in keys.spans)
    # Many other JSON formats also have the key `annotations`.
    annotations = [item for record in records for item in record.get("annotations") or () if isinstance(item, dict)]
    return any({"label", "start_offset", "end_offset"} <= item.keys() for item in annotations)


def read(
    source: TextSource, document_key: str | None = None, text_key: str | None = None
) -> Iterator[AnnotatedText | Invalid]:
    """Read the records in a doccano file. A record with a repeated `id` is invalid.

    source (TextSource): the file.
    document_key (str | None): the key for the document name or a dotted path such as `meta.source`. If None (the
        default), the keys listed in `document_of` are used.
    text_key (str | None): the key for the text or a dotted path to it. If None (the default), `text` or `data` is used.
    YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the record is invalid.
    RAISES CorpusError: the rest of the file cannot be read. See `read_records`.
    """
    lines: dict[object, int] = {}
    keys, labels = DOCCANO.renamed(text_key), _Labels(source.path)

    def parse(line: int, record: Record) -> AnnotatedText:
        check_id(source.path, line, record, lines)
        _reject_text_labels(source.path, line, keys, record)
        return parse_text(source.path, keys, document_key, line, record, labels.name)

    return read_records(source, parse)


def _reject_text_labels(path: Path, line: int, keys: Keys, record: Record) -> None:
    """Reject a record whose labels apply to the whole text.

    RAISES CorpusError: the value at a key for spans consists of labels without offsets.
    """
    for key in keys.spans[:2]:
        value = record.get(key)
        if isinstance(value, str | int) or (value and isinstance(value, list) and isinstance(value[0], str)):
            raise text_classification_error(path, line, key, value)


class _Labels:
    """The label names from `label_config.json`, which is in the same folder as the corpus.

    The file is loaded when the first label number is looked up.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._config = path, path.parent / LABEL_CONFIG

    def name(self, line: int, label: object) -> object:
        """Return the name for a label number. Return any other label unchanged.

        line (int): the line number of the record, for error messages.
        label (object): the label name or label number.
        RAISES CorpusError: the number has no name, or the label config is invalid.
        """
        if type(label) is not int:  # `isinstance` would accept `bool`
            return label
        if label not in self._names:
            message = Errors.label_number if self._names else Errors.label_numbers
            known = ", ".join(map(str, self._names))[:200]
            raise CorpusError(message.format(path=self._path, line=line, label=label, config=self._config, known=known))
        return self._names[label]

    @cached_property
    def _names(self) -> dict[int, object]:
        if not self._config.is_file():
            return {}
        try:
            labels = json.loads(self._config.read_text("utf-8-sig"))
            return {label["id"]: label["text"] for label in labels}
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as e:
            raise CorpusError(Errors.bad_label_config.format(path=self._config, reason=shorten(str(e)))) from e
