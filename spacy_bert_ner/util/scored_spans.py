"""A span group that stays right when the tokens of its Doc are merged or split."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import srsly
from spacy.tokens import Doc, Span, SpanGroup

FACTORY = "bert_ner"
"""Marks the span groups that hold scores, in their `attrs`."""
PARALLEL = ("scores", "places", "offsets")
"""The `attrs` with one row for each span."""
_PACKED = ">QQQllll"
"""How spaCy writes a span as bytes: id, kb_id, label, start, end, start_char, end_char."""
_ATTRS: Any = vars(SpanGroup)["attrs"]


class ScoredSpans(SpanGroup):
    """The entities that `bert_ner` found in a Doc, with their scores.

    spaCy keeps the token indices of a span group as they are when tokens are merged, so that they point to other tokens
    or behind the last one. This group finds its spans again by their characters, whenever it is asked for them. A span
    that begins or ends inside of a merged token is dropped, with its score.

    A group that was read from bytes is a plain `SpanGroup`, and follows no later merge.
    """

    def __init__(
        self, doc: Doc, *, name: str = "", attrs: Mapping[str, Any] | None = None, spans: Iterable[Span] = ()
    ) -> None:
        super().__init__(doc, name=name, attrs=dict(attrs or {}), spans=list(spans))
        self._n_tokens = len(doc)

    @property
    def attrs(self) -> dict[str, Any]:
        """`factory`; of each span its score in `scores`, its characters and its label in `places`, and the characters
        that its subwords cover in `offsets`; the number of entities that were not read, as `unread`."""
        self._follow()
        return self._attrs()

    @attrs.setter
    def attrs(self, attrs: dict[str, Any]) -> None:
        _ATTRS.__set__(self, attrs)

    def __len__(self) -> int:
        self._follow()
        return self._n_spans()

    def __iter__(self) -> Iterator[Span]:
        self._follow(is_thorough=True)
        for i in range(self._n_spans()):
            yield self._span(i)

    def __getitem__(self, i: int) -> Span:
        self._follow()
        if i in range(self._n_spans()) and not self._is_in_place(i):
            self._follow(is_thorough=True)
        return self._span(i)

    def to_bytes(self) -> bytes:
        self._follow(is_thorough=True)
        return bytes(super().to_bytes())

    def copy(self, doc: Doc | None = None) -> SpanGroup:
        group = super().copy(doc)
        return ScoredSpans(group.doc, name=group.name, attrs=group.attrs, spans=list(group))

    def _attrs(self) -> dict[str, Any]:
        found: dict[str, Any] = _ATTRS.__get__(self)
        return found

    def _n_spans(self) -> int:
        return int(super().__len__())

    def _span(self, i: int) -> Span:
        return super().__getitem__(i)

    def _follow(self, *, is_thorough: bool = False) -> None:
        """Put the spans where their characters are now.

        is_thorough: do not trust the number of tokens to tell whether there was a change.
        """
        doc = self.doc
        if len(doc) == self._n_tokens and not is_thorough:
            return
        self._n_tokens = len(doc)
        if all(map(self._is_in_place, range(self._n_spans()))):
            return
        # What a stale span holds can be had as bytes alone.
        packed = [struct.unpack(_PACKED, span) for span in srsly.msgpack_loads(super().to_bytes())["spans"]]
        found = [doc.char_span(start, end, label, kb, span_id=own) for own, kb, label, *_, start, end in packed]
        is_kept = np.array([span is not None for span in found], dtype=bool)
        attrs = self._attrs()
        for key in PARALLEL:
            if len(attrs.get(key, ())) == len(is_kept):
                attrs[key] = attrs[key][is_kept]
        moved = SpanGroup(doc, name=self.name, attrs=attrs, spans=[span for span in found if span is not None])
        self.from_bytes(moved.to_bytes())  # spaCy has no other way to replace all spans of a group

    def _is_in_place(self, i: int) -> bool:
        try:
            span = self._span(i)
        except IndexError:
            return False
        last = span.doc[span.end - 1]
        return bool(span.doc[span.start].idx == span.start_char and last.idx + len(last) == span.end_char)
