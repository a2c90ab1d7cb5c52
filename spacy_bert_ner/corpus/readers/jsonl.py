"""JSON with character offsets, an object a line: that of spaCy and Prodigy. `doccano` reads its own by the same steps.

{"text": "Ada left.", "spans": [{"start": 0, "end": 3, "label": "per"}]}     spaCy, Prodigy
{"text": "Ada left.", "entities": [[0, 3, "per"]]}                           older spaCy

Where a record of this kind has `tokens`, as Prodigy's have, no tokenizer is run; `unknown` lists the parts of the
text whose annotation is not known: [[0, 3]]; `incorrect_spans`, in the form of `spans`, those that are no entities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import CorpusError, Errors
from ...types import INCORRECT_SPANS
from ..sentence import Invalid
from ..span_text import AnnotatedText, Span, check_text, document_name, make_span, shorten
from .json_records import Record, first_record, name_at, read_records, record_id, shown_keys, value_at
from .prodigy_tokens import check_tokens, check_unknown
from .text_source import TextSource

ACCEPT, REJECT = "accept", "reject"
ANSWERS = (ACCEPT, REJECT, "ignore")
"""What Prodigy's annotator said of an example or a span."""
BINARY = ("ner", "spans")
"""Prodigy's interfaces (`_view_id`) that ask yes or no of the spans that a text has, as `ner.teach` does. In the manual
ones an annotator marks all entities of a text, and rejects a text to skip it."""


class Keys(NamedTuple):
    """The keys of a record that may hold its text, and those that may hold its spans; the first that it has does."""

    text: tuple[str, ...]
    spans: tuple[str, ...]

    def renamed(self, text_key: str | None) -> Keys:
        """The same with the text under a key that the user names."""
        return self if text_key is None else self._replace(text=(text_key,))

    def has_text(self, record: Record) -> bool:
        """Whether a record has a text, or, if it was cut, the key of one."""
        key = next((key for key in self.text if key in record or value_at(record, key) is not None), None)
        return key is not None and isinstance(value_at(record, key), str | None)

    def has_spans(self, record: Record) -> bool:
        """Whether a record has the key of its spans."""
        return any(key in record for key in self.spans)


SPACY = Keys(("text",), ("spans", "entities"))


def is_spacy(rows: Sequence[str], text_key: str | None = None) -> bool:
    """Whether the first record has the keys of spaCy or Prodigy."""
    record, keys = first_record(rows), SPACY.renamed(text_key)
    has_list = any(isinstance(record[key], list | None) for key in keys.spans if key in record)
    return keys.has_text(record) and (has_list or (not keys.has_spans(record) and "answer" in record))


def read_spacy(
    source: TextSource, document_key: str | None = None, text_key: str | None = None
) -> Iterator[AnnotatedText | Invalid]:
    """Read spaCy's and Prodigy's records.

    document_key: the key, or keys with dots between them, of what names the document of a record.
    text_key: the key, or keys with dots between them, of the text, instead of `text`.
    RAISES CorpusError: no record has spans.
    """
    path, keys = source.path, SPACY.renamed(text_key)
    has_spans, without = False, 0  # the line of the first accepted record without spans

    def parse(line: int, record: Record) -> AnnotatedText:
        nonlocal has_spans, without
        passage = passage_of(path, keys, document_key, line, record)
        if keys.has_spans(record) or "tokens" in record:  # as Prodigy has them to annotate spans
            has_spans = True
        elif passage.annotated:
            without = without or line
        tokens, unknown = record.get("tokens"), record.get("unknown")
        if passage.is_read and tokens is not None:
            passage = passage._replace(tokens=check_tokens(path, line, passage.text, tokens))
        if passage.is_read and unknown is not None:
            passage = passage._replace(unknown=check_unknown(path, line, passage.text, unknown))
        if passage.is_read and (incorrect := record.get(INCORRECT_SPANS)) is not None:
            if not isinstance(incorrect, list):
                raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(incorrect)))
            passage = passage._replace(rejected=[*passage.rejected, *(span_of(path, line, one) for one in incorrect)])
        return passage

    yield from read_records(source, parse)
    if without and not has_spans:
        raise CorpusError(Errors.no_spans_anywhere.format(path=path, line=without))


def passage_of(
    path: Path,
    keys: Keys,
    document_key: str | None,
    line: int,
    record: Record,
    name_label: Callable[[int, object], object] | None = None,
) -> AnnotatedText:
    """The passage of a record.

    name_label: the name of a label, of the line and what the record has in its place; None where it has names.
    """
    text = _text(path, keys, line, record)
    document = document_of(path, line, record, document_key)
    answer = answer_of(path, line, record, ACCEPT)
    is_binary = record.get("_view_id") in BINARY and any(record.get(key) for key in keys.spans)
    if answer != ACCEPT and not (is_binary and answer == REJECT):
        return AnnotatedText(text, [], path, line, document, annotated=False)
    items = _items(path, keys, line, record)
    if not isinstance(items, list):
        raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(items)))
    answers = [answer_of(path, line, item, answer) if isinstance(item, dict) else answer for item in items]
    accepted, rejected = (
        [span_of(path, line, item, name_label) for item, own in zip(items, answers, strict=True) if own == wanted]
        for wanted in (ACCEPT, REJECT)
    )
    return AnnotatedText(
        text,
        accepted,
        path,
        line,
        document,
        rejected=rejected,
        n_ignored=len(items) - len(accepted) - len(rejected),
        is_partial=is_binary,
        record_id=record_id(record),
    )


def answer_of(path: Path, line: int, item: Record, default: str) -> str:
    """What Prodigy's annotator said of a record or a span.

    default (str): where there is no answer: for a span, that of its record.
    RAISES CorpusError: the answer is none of `ANSWERS`.
    """
    answer = item.get("answer", default)
    if not isinstance(answer, str) or answer not in ANSWERS:
        allowed = ", ".join(ANSWERS)
        raise CorpusError(Errors.bad_answer.format(path=path, line=line, answer=shorten(answer), allowed=allowed))
    return answer


def _text(path: Path, keys: Keys, line: int, record: Record) -> str:
    for key in keys.text:
        if key in record:
            return check_text(path, line, record[key])
        if "." in key and (text := value_at(record, key)) is not None:
            return check_text(path, line, text)
    raise _missing(path, line, record, keys.text)


def _items(path: Path, keys: Keys, line: int, record: Record) -> object:
    """What is under the key of the spans."""
    for key in keys.spans:
        if key in record:
            return record[key]
    if "answer" not in record:
        raise _missing(path, line, record, keys.spans)
    # Prodigy writes no spans where its annotator accepted a text as one without any.
    for key in ("label", "options", "cats"):
        if key in record:
            raise text_classification(path, line, key, record[key])
    return []


def _missing(path: Path, line: int, record: Record, needed: Sequence[str]) -> CorpusError:
    found = shown_keys(record)
    return CorpusError(Errors.missing_key.format(path=path, line=line, found=found, needed=" or ".join(needed)))


def text_classification(path: Path, line: int, key: str, value: object) -> CorpusError:
    """The error about a record whose whole text has a label, and no part of it."""
    return CorpusError(Errors.text_classification.format(path=path, line=line, key=key, found=shorten(value)))


def span_of(path: Path, line: int, item: object, name_label: Callable[[int, object], object] | None = None) -> Span:
    """The span that a file has as a list of three or as an object; for `name_label` see `passage_of`."""
    if isinstance(item, list) and len(item) == 3:
        start, end, label = item
        declared = None
    elif isinstance(item, dict) and "label" in item:
        start, end = (item.get(key, item.get(f"{key}_offset")) for key in ("start", "end"))
        label, declared = item.get("label"), item.get("text")
    else:
        raise CorpusError(Errors.no_span.format(path=path, line=line, found=shorten(item)))
    return make_span(path, line, start, end, name_label(line, label) if name_label else label, declared)


def document_of(path: Path, line: int, record: Record, document_key: str | None) -> str:
    """The name of a record's document: at the key that the user names, or else at `meta.document`, `meta.id`,
    `document` or `id`, the first that is there."""
    if document_key:
        return name_at(path, line, record, document_key)
    meta = record.get("meta")
    for holder in (meta if isinstance(meta, dict) else {}, record):
        for key in ("document", "id"):
            if key in holder:
                return document_name(path, holder[key])
    return ""
