"""JSON with character offsets, an object a line: that of spaCy and Prodigy, and that of doccano.

{"text": "Ada left.", "spans": [{"start": 0, "end": 3, "label": "per"}]}     spaCy, Prodigy
{"text": "Ada left.", "entities": [[0, 3, "per"]]}                           older spaCy
{"text": "Ada left.", "label": [[0, 3, "per"]]}                              doccano

Where a record of the first kind has `tokens`, as Prodigy's have, no tokenizer is run; `unknown` lists the parts of the
text whose annotation is not known: [[0, 3]].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from ..errors import CorpusError, Errors
from .gold_tokens import check_tokens, check_unknown
from .passage import Passage, Span, check_text, document_name, make_span, shorten
from .records import Record, check_id, first_record, name_at, read_records, record_id
from .sentence import Invalid
from .source import Source

SPACY = (("text",), ("spans", "entities"))
DOCCANO = (("text", "data"), ("label", "labels", "entities"))
"""Keys of the text, and keys of its spans."""
ANSWERS = {"accept": True, "reject": False, "ignore": False}
"""What Prodigy's annotator said of an example, and whether it is read then."""

Keys = tuple[tuple[str, ...], tuple[str, ...]]


def is_spacy(rows: Sequence[str]) -> bool:
    """Whether the first record has the keys of spaCy or Prodigy."""
    record = first_record(rows)
    return _has(record, SPACY) or ("text" in record and "answer" in record)


def is_doccano(rows: Sequence[str]) -> bool:
    """Whether the first record has the keys of doccano."""
    return _has(first_record(rows), DOCCANO)


def read_spacy(source: Source, document_key: str | None = None) -> Iterator[Passage | Invalid]:
    """Read spaCy's and Prodigy's records.

    document_key: the key, or keys with dots between them, of what names the document of a record.
    """
    return read_records(source, partial(_passage, source, SPACY, document_key))


def read_doccano(source: Source, document_key: str | None = None) -> Iterator[Passage | Invalid]:
    """Read doccano's records, of which no two have the same `id`."""
    lines: dict[object, int] = {}

    def parse(line: int, record: Record) -> Passage:
        check_id(source.path, line, record, lines)
        return _passage(source, DOCCANO, document_key, line, record)

    return read_records(source, parse)


def _has(record: Record, keys: Keys) -> bool:
    return all(any(key in record for key in some) for some in keys)


def _passage(source: Source, keys: Keys, document_key: str | None, line: int, record: Record) -> Passage:
    path = source.path
    text = check_text(path, line, _pick(source, line, record, keys[0]))
    document = name_at(path, line, record, document_key) if document_key else document_name(path, _name(record))
    answer = record.get("answer", "accept")
    if not isinstance(answer, str) or answer not in ANSWERS:
        allowed = ", ".join(ANSWERS)
        raise CorpusError(Errors.bad_answer.format(path=path, line=line, answer=shorten(answer), allowed=allowed))
    if not ANSWERS[answer]:
        return Passage(text, [], path, line, document, annotated=False)
    # Prodigy writes no spans where its annotator accepted a text as one without any.
    items = [] if "answer" in record and not _has(record, keys) else _pick(source, line, record, keys[1])
    if not isinstance(items, list):
        raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(items)))
    passage = Passage(text, [_span(path, line, item) for item in items], path, line, document)
    passage = passage._replace(record_id=record_id(record))
    tokens, unknown = record.get("tokens"), record.get("unknown")
    if keys is SPACY and text and tokens is not None:
        passage = passage._replace(tokens=check_tokens(path, line, text, tokens))
    if keys is SPACY and text and unknown is not None:
        passage = passage._replace(unknown=check_unknown(path, line, text, unknown))
    return passage


def _span(path: Path, line: int, item: object) -> Span:
    if isinstance(item, list) and len(item) == 3:
        return make_span(path, line, *item)
    if not isinstance(item, dict):
        raise CorpusError(Errors.no_span.format(path=path, line=line, found=shorten(item)))
    start, end = (item.get(key, item.get(f"{key}_offset")) for key in ("start", "end"))
    return make_span(path, line, start, end, item.get("label"), item.get("text"))


def _pick(source: Source, line: int, record: Record, keys: tuple[str, ...]) -> object:
    """The value of the first of these keys that a record has."""
    for key in keys:
        if key in record:
            return record[key]
    found, needed = ", ".join(map(str, record)) or "none", " or ".join(keys)
    raise CorpusError(Errors.missing_key.format(path=source.path, line=line, found=found[:200], needed=needed))


def _name(record: Record) -> object:
    """What names the document: `meta.document`, `meta.id`, `document` or `id`, the first that is there."""
    meta = record.get("meta")
    for holder in (meta if isinstance(meta, dict) else {}, record):
        for key in ("document", "id"):
            if key in holder:
                return holder[key]
    return None
