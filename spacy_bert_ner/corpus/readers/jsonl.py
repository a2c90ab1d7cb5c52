"""Read JSONL files with character offsets, in the form that spaCy and Prodigy write.

{"text": "Ada left.", "spans": [{"start": 0, "end": 3, "label": "per"}]}     spaCy, Prodigy
{"text": "Ada left.", "entities": [[0, 3, "per"]]}                           older spaCy

If a record has `tokens`, as in Prodigy's output, these tokens are used. `unknown` lists the character ranges whose
annotation is unknown, such as [[0, 3]]. `incorrect_spans` lists spans that are not entities, in the same form as
`spans`.

The module `doccano` reuses the functions in this module.
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
"""The answers that a Prodigy annotator can give for an example or a span."""
BINARY = ("ner", "spans")
"""Prodigy interfaces (`_view_id`) that ask yes-or-no questions about existing spans, as `ner.teach` does. In manual
interfaces, an annotator marks all entities in a text and skips a text by rejecting it."""


class Keys(NamedTuple):
    """The possible keys for the text and the spans in a record. The first existing key is used."""

    text: tuple[str, ...]
    spans: tuple[str, ...]

    def renamed(self, text_key: str | None) -> Keys:
        """Return the keys with `text_key` as the only text key. If `text_key` is None, return the keys unchanged."""
        return self if text_key is None else self._replace(text=(text_key,))

    def has_text(self, record: Record) -> bool:
        """Return whether a record has a text. None also counts, because the text of a truncated record may be None."""
        key = next((key for key in self.text if key in record or value_at(record, key) is not None), None)
        return key is not None and isinstance(value_at(record, key), str | None)

    def has_spans(self, record: Record) -> bool:
        """Return whether a record has one of the keys for spans."""
        return any(key in record for key in self.spans)


SPACY = Keys(("text",), ("spans", "entities"))


def is_spacy(rows: Sequence[str], text_key: str | None = None) -> bool:
    """Return whether the first record has the keys that spaCy or Prodigy uses."""
    record, keys = first_record(rows), SPACY.renamed(text_key)
    has_list = any(isinstance(record[key], list | None) for key in keys.spans if key in record)
    return keys.has_text(record) and (has_list or (not keys.has_spans(record) and "answer" in record))


def read_spacy(
    source: TextSource, document_key: str | None = None, text_key: str | None = None
) -> Iterator[AnnotatedText | Invalid]:
    """Read the records in a spaCy or Prodigy file.

    source (TextSource): the file.
    document_key (str | None): the key for the document name or a dotted path such as `meta.source`. If None (the
        default), the keys listed in `document_of` are used.
    text_key (str | None): the key for the text or a dotted path to it. If None (the default), `text` is used.
    YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the record is invalid.
    RAISES CorpusError: no record has spans, or the rest of the file cannot be read. See `read_records`.
    """
    path, keys = source.path, SPACY.renamed(text_key)
    has_spans, line_without_spans = False, 0  # the line number of the first accepted record without spans

    def parse(line: int, record: Record) -> AnnotatedText:
        nonlocal has_spans, line_without_spans
        annotated_text = parse_text(path, keys, document_key, line, record)
        if keys.has_spans(record) or "tokens" in record:  # Prodigy adds tokens for span annotation
            has_spans = True
        elif annotated_text.annotated:
            line_without_spans = line_without_spans or line
        return _add_optional_fields(annotated_text, record) if annotated_text.is_read else annotated_text

    yield from read_records(source, parse)
    if line_without_spans and not has_spans:
        raise CorpusError(Errors.no_spans_anywhere.format(path=path, line=line_without_spans))


def _add_optional_fields(annotated_text: AnnotatedText, record: Record) -> AnnotatedText:
    """Add the tokens, the unknown ranges and the incorrect spans in a record, if any.

    RAISES CorpusError: one of these fields is invalid. The message includes the file and line.
    """
    path, line, text = annotated_text.path, annotated_text.line, annotated_text.text
    if (tokens := record.get("tokens")) is not None:
        annotated_text = annotated_text._replace(tokens=check_tokens(path, line, text, tokens))
    if (unknown := record.get("unknown")) is not None:
        annotated_text = annotated_text._replace(unknown=check_unknown(path, line, text, unknown))
    if (incorrect := record.get(INCORRECT_SPANS)) is not None:
        if not isinstance(incorrect, list):
            raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(incorrect)))
        incorrect_spans = [parse_span(path, line, item) for item in incorrect]
        annotated_text = annotated_text._replace(rejected=[*annotated_text.rejected, *incorrect_spans])
    return annotated_text


def parse_text(
    path: Path,
    keys: Keys,
    document_key: str | None,
    line: int,
    record: Record,
    name_label: Callable[[int, object], object] | None = None,
) -> AnnotatedText:
    """Parse the text and the spans in a record.

    path (Path): the file path, for error messages.
    keys (Keys): the possible keys for the text and the spans.
    document_key (str | None): the key for the document name or a dotted path such as `meta.source`. If None, the keys
        listed in `document_of` are used.
    line (int): the line number of the record.
    record (Record): the record.
    name_label (Callable | None): a function that returns the name for a label. Its arguments are the line number and
        the label. If None (the default), labels are not converted.
    RETURNS (AnnotatedText): the text with its spans. `annotated` is False if the annotator rejected or ignored the
        record.
    RAISES CorpusError: the record is invalid. The message includes the file and line.
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
        [
            parse_span(path, line, item, name_label)
            for item, item_answer in zip(items, answers, strict=True)
            if item_answer == expected
        ]
        for expected in (ACCEPT, REJECT)
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
    """Return the answer that a Prodigy annotator gave for a record or a span.

    path (Path): the file path, for error messages.
    line (int): the line number of the record, for error messages.
    item (Record): the record or span.
    default (str): the answer to return if `item` has none. For a span, this is the answer for its record.
    RETURNS (str): one of `ANSWERS`.
    RAISES CorpusError: the answer is not one of `ANSWERS`.
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
    raise _missing_key_error(path, line, record, keys.text)


def _items(path: Path, keys: Keys, line: int, record: Record) -> object:
    """Return the value at the key for spans. Return an empty list for an accepted Prodigy record without this key.

    RAISES CorpusError: a record without an answer has no key for spans, or a record only has labels for the whole text.
    """
    for key in keys.spans:
        if key in record:
            return record[key]
    if "answer" not in record:
        raise _missing_key_error(path, line, record, keys.spans)
    # Prodigy omits the key for spans if the annotator accepts a text without spans.
    for key in ("label", "options", "cats"):
        if key in record:
            raise text_classification_error(path, line, key, record[key])
    return []


def _missing_key_error(path: Path, line: int, record: Record, needed: Sequence[str]) -> CorpusError:
    found = shown_keys(record)
    return CorpusError(Errors.missing_key.format(path=path, line=line, found=found, needed=" or ".join(needed)))


def text_classification_error(path: Path, line: int, key: str, value: object) -> CorpusError:
    """Create the error for a record whose labels apply to the whole text instead of spans."""
    return CorpusError(Errors.text_classification.format(path=path, line=line, key=key, found=shorten(value)))


def parse_span(path: Path, line: int, item: object, name_label: Callable[[int, object], object] | None = None) -> Span:
    """Parse a span, which is a list of start, end and label, or an object.

    path (Path): the file path, for error messages.
    line (int): the line number of the record, for error messages.
    item (object): the span in the file.
    name_label (Callable | None): the function that converts labels. See `parse_text`. Default: none.
    RETURNS (Span): the span, with character offsets.
    RAISES CorpusError: the item is not a valid span. The message includes the file and line.
    """
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
    """Return the document name of a record.

    path (Path): the file path, for error messages.
    line (int): the line number of the record, for error messages.
    record (Record): the record.
    document_key (str | None): the key that the user specifies. If None, the first existing key among `meta.document`,
        `meta.id`, `document` and `id` is used.
    RETURNS (str): the document name. Empty if there is none.
    RAISES CorpusError: the record has no valid name at `document_key`.
    """
    if document_key:
        return name_at(path, line, record, document_key)
    meta = record.get("meta")
    for holder in (meta if isinstance(meta, dict) else {}, record):
        for key in ("document", "id"):
            if key in holder:
                return document_name(path, holder[key])
    return ""
