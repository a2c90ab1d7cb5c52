"""Define a span group that stays correct when tokens in its Doc are merged or split."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import srsly
from spacy.tokens import Doc, Span, SpanGroup

FACTORY = "bert_ner"
"""Value of `factory` in the `attrs` of a span group with entity scores."""
PARALLEL = ("scores", "places", "offsets", "attributes")
"""Keys of the `attrs` arrays that have one row per span."""
_PACKED = ">QQQllll"
"""`struct` format of a serialized span: `id`, `kb_id`, `label`, `start`, `end`, `start_char`, `end_char`."""
_ATTRS: Any = vars(SpanGroup)["attrs"]


class ScoredSpans(SpanGroup):
    """A span group with the entities that `bert_ner` predicted in a Doc and their scores.

    When tokens are merged, spaCy does not update the token indices of a span group. The indices then point to other
    tokens or past the last token. This group uses character offsets to update its spans on every access. If a span
    starts or ends inside a merged token, the group drops the span and its score.

    A group that was deserialized from bytes is a plain `SpanGroup` and is not updated when tokens are merged.

    doc (Doc): Doc that contains the spans.
    name (str): name of the group. Default: an empty string.
    attrs (Mapping[str, Any] | None): initial value of the `attrs` property. Default: None, which means no attributes.
    spans (Iterable[Span]): spans in text order. Default: none.
    """

    def __init__(
        self, doc: Doc, *, name: str = "", attrs: Mapping[str, Any] | None = None, spans: Iterable[Span] = ()
    ) -> None:
        super().__init__(doc, name=name, attrs=dict(attrs or {}), spans=list(spans))
        self._n_tokens = len(doc)

    @property
    def attrs(self) -> dict[str, Any]:
        """Return the attributes of the group by name.

        `factory` identifies groups that `bert_ner` created. `unread` is the number of omitted entities.
        `labels` lists the labels of the pipeline, unless there are too many. The arrays have
        one row per span. `scores` contains the entity scores. `places` contains the start character, the end character
        and the label of each span. `offsets` contains the start and end characters of each entity's subwords.
        `attributes` contains the extension attribute for each score. It is missing if the attribute is "score" for all
        spans.

        *Shape:* `scores` `(n_spans,)`, `places` `(n_spans, 3)`, `offsets` `(n_spans, 2)`, `attributes` `(n_spans,)`
        """
        self._update()
        return self._attrs()

    @attrs.setter
    def attrs(self, attrs: dict[str, Any]) -> None:
        _ATTRS.__set__(self, attrs)

    def __len__(self) -> int:
        self._update()
        return self._n_spans()

    def __iter__(self) -> Iterator[Span]:
        self._update(check_all=True)
        for i in range(self._n_spans()):
            yield self._span(i)

    def __getitem__(self, i: int) -> Span:
        self._update()
        if i in range(self._n_spans()) and not self._is_current(i):
            self._update(check_all=True)
        return self._span(i)

    def to_bytes(self) -> bytes:
        self._update(check_all=True)
        return bytes(super().to_bytes())

    def copy(self, doc: Doc | None = None) -> SpanGroup:
        group = super().copy(doc)
        return ScoredSpans(group.doc, name=group.name, attrs=group.attrs, spans=list(group))

    def _attrs(self) -> dict[str, Any]:
        attrs: dict[str, Any] = _ATTRS.__get__(self)
        return attrs

    def _n_spans(self) -> int:
        return int(super().__len__())

    def _span(self, i: int) -> Span:
        return super().__getitem__(i)

    def _update(self, *, check_all: bool = False) -> None:
        """Update the token indices of the spans from their character offsets.

        check_all (bool): whether to check the spans even if the number of tokens is unchanged. Default: False.
        """
        doc = self.doc
        if len(doc) == self._n_tokens and not check_all:
            return
        self._n_tokens = len(doc)
        if all(map(self._is_current, range(self._n_spans()))):
            return
        # The values of an outdated span can only be read from its serialized form.
        packed = [struct.unpack(_PACKED, span) for span in srsly.msgpack_loads(super().to_bytes())["spans"]]
        spans = [
            doc.char_span(start, end, label, kb_id, span_id=span_id) for span_id, kb_id, label, *_, start, end in packed
        ]
        is_kept = np.array([span is not None for span in spans], dtype=bool)
        attrs = self._attrs()
        for key in PARALLEL:
            if len(attrs.get(key, ())) == len(is_kept):
                attrs[key] = attrs[key][is_kept]
        updated = SpanGroup(doc, name=self.name, attrs=attrs, spans=[span for span in spans if span is not None])
        self.from_bytes(updated.to_bytes())  # spaCy has no other way to replace all spans in a group

    def _is_current(self, i: int) -> bool:
        try:
            span = self._span(i)
        except IndexError:
            return False
        last = span.doc[span.end - 1]
        return bool(span.doc[span.start].idx == span.start_char and last.idx + len(last) == span.end_char)
