"""Read JSON with word spans. GLiNER spans have inclusive ends, and SpERT spans have exclusive ends.

{"tokenized_text": ["Ada", "left", "."], "ner": [[0, 0, "per"]]}
{"tokens": ["Ada", "left", "."], "entities": [{"type": "per", "start": 0, "end": 1}], "relations": []}

Spans may overlap, as in formats with character offsets. The white space between words is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

from ...errors import CorpusError, Errors
from ..sentence import Invalid, check_row
from ..span_text import AnnotatedText, Span, Tokens, check_text, make_span, shorten
from .json_records import Record, first_record, first_records, read_records, record_id, shown_keys
from .jsonl import document_of
from .text_source import TextSource

GLINER = ("tokenized_text", "ner")
SPERT = ("tokens", "entities")
"""The keys for words and spans."""
_SPERT_SPAN = {"type", "start", "end"}


def is_gliner(rows: Sequence[str]) -> bool:
    """Return whether the first record has the keys that GLiNER uses."""
    record = first_record(rows)
    return all(key in record and isinstance(record[key], list | None) for key in GLINER)


def is_spert(rows: Sequence[str]) -> bool:
    """Return whether the first records have words and SpERT entities but no text.

    Prodigy uses similar keys but also stores the text.

    rows (Sequence[str]): the first non-blank rows in the file.
    """
    records = first_records(rows)
    words, entities = ([record.get(key) for record in records] for key in SPERT)
    if not records or "text" in records[0] or not all(isinstance(items, list) for items in (*words, *entities)):
        return False
    spans = [span for items in entities if isinstance(items, list) for span in items]
    are_strings = all(isinstance(word, str) for items in words if isinstance(items, list) for word in items)
    return are_strings and bool(spans) and all(isinstance(span, dict) and span.keys() >= _SPERT_SPAN for span in spans)


def read_gliner(source: TextSource, document_key: str | None = None) -> Iterator[AnnotatedText | Invalid]:
    """Read the records in a GLiNER file.

    source (TextSource): the file.
    document_key (str | None): the key for the document name or a dotted path such as `meta.source`. If None (the
        default), the keys listed in `document_of` are used.
    YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the record is invalid.
    RAISES CorpusError: the rest of the file cannot be read. See `read_records`.
    """
    return read_records(source, partial(_parse, source.path, GLINER, document_key))


def read_spert(source: TextSource, document_key: str | None = None) -> Iterator[AnnotatedText | Invalid]:
    """Read the records in a SpERT file. Relations between entities are skipped.

    source (TextSource): the file.
    document_key (str | None): the key for the document name or a dotted path such as `meta.source`. If None (the
        default), the keys listed in `document_of` are used.
    YIELDS (AnnotatedText | Invalid): the annotated text, or the error if the record is invalid.
    RAISES CorpusError: the rest of the file cannot be read. See `read_records`.
    """
    return read_records(source, partial(_parse, source.path, SPERT, document_key))


def _parse(path: Path, keys: tuple[str, str], document_key: str | None, line: int, record: Record) -> AnnotatedText:
    if missing := [key for key in keys if key not in record]:
        found, needed = shown_keys(record), " and ".join(missing)
        raise CorpusError(Errors.missing_key.format(path=path, line=line, found=found, needed=needed))
    words, items = (record[key] for key in keys)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise CorpusError(
            Errors.bad_tokens.format(path=path, unit="line", line=line, key=keys[0], found=shorten(words))
        )
    if not isinstance(items, list):
        raise CorpusError(Errors.no_spans.format(path=path, line=line, found=shorten(items)))
    for i, word in enumerate(words, start=1):
        check_row(path, line, word, "O", f", word {i}")
    text = check_text(path, line, " ".join(words))
    starts = list(accumulate((len(word) + 1 for word in words), initial=0))
    spans = [_span(path, line, item, keys == GLINER, starts) for item in items]
    document = document_of(path, line, record, document_key)
    tokens = Tokens(words, [True] * (len(words) - 1) + [False] * bool(words))
    return AnnotatedText(
        text, spans, path, line, document, tokens=tokens, has_spaces=False, record_id=record_id(record)
    )


def _span(path: Path, line: int, item: object, is_inclusive: bool, starts: list[int]) -> Span:
    """Convert a word span to a character span.

    is_inclusive (bool): whether the span is a list of three items with an inclusive end. Otherwise, it is an object
        with an exclusive end.
    starts (list[int]): the start offset of each word, followed by the start offset of a hypothetical next word.
    RAISES CorpusError: the item is not a valid span or is outside the sentence. The message includes the file and line.
    """
    if is_inclusive and isinstance(item, list) and len(item) == 3:
        start, end, label = item
    elif not is_inclusive and isinstance(item, dict):
        start, end, label = item.get("start"), item.get("end"), item.get("type")
    else:
        allowed = '[0, 0, "per"]' if is_inclusive else '{"type": "per", "start": 0, "end": 1}'
        raise CorpusError(Errors.no_word_span.format(path=path, line=line, found=shorten(item), allowed=allowed))
    n_words = len(starts) - 1
    # Compare types, because `isinstance` would accept `bool`.
    if type(start) is not int or type(end) is not int or not 0 <= start < (stop := end + is_inclusive) <= n_words:
        allowed = f"0 <= start {'<=' if is_inclusive else '<'} end {'<' if is_inclusive else '<='} {n_words}"
        where = {"path": path, "line": line, "start": shorten(start), "end": shorten(end)}
        raise CorpusError(Errors.word_span_outside.format(**where, label=shorten(label), n=n_words, allowed=allowed))
    return make_span(path, line, starts[start], starts[stop] - 1, label)
