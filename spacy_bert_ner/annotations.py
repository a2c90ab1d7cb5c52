"""Entities that a Doc has, and those that are written to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ENT_IOB, ENT_TYPE, SENT_START
from spacy.tokens import Doc, Span, SpanGroup

from .types import Prediction

EXTENSION = "score"
"""`ent._.score`"""
_BEGINS = 3  # `token.ent_iob`; without a type the token is blocked


def obstacles(doc: Doc, *, overwrite: bool, respect_sentences: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where no entity can be.

    overwrite (bool): whether entities that the Doc has make room.
    respect_sentences (bool): whether no entity crosses the beginning of a sentence, where those are set.
    RETURNS: tokens that are blocked or in an entity already; tokens across whose left edge no entity goes.
        *Shape:* `(n_tokens,)` each
    """
    iob, label, sentence = doc.to_array([ENT_IOB, ENT_TYPE, SENT_START]).reshape(-1, 3).T
    taken = (iob == _BEGINS) & (label == 0)
    if not overwrite:
        taken |= label != 0
    cuts = sentence == 1 if respect_sentences else np.zeros(len(doc), dtype=bool)
    return taken, cuts


def write_entities(doc: Doc, predictions: Sequence[Prediction], *, overwrite: bool, spans_key: str | None) -> None:
    """Set `doc.ents`, and the span group with the scores.

    Blocked tokens stay blocked and, unless `overwrite`, entities stay; what overlaps them is left out. All other tokens
    are outside of entities then.

    predictions: none of which overlap.
    overwrite (bool): whether entities that the Doc has are replaced.
    spans_key (str | None): the key of the span group in `doc.spans`; None for none.
    """
    present = [] if overwrite else list(doc.ents)
    blocked = [doc[t.i : t.i + 1] for t in doc if t.ent_iob == _BEGINS and not t.ent_type]
    taken = {i for span in (*present, *blocked) for i in range(span.start, span.end)}
    kept = [p for p in predictions if taken.isdisjoint(range(p.start, p.end))]
    spans = [Span(doc, p.start, p.end, label=p.label) for p in kept]
    doc.set_ents(present + spans, blocked=blocked)
    if spans_key is not None:
        scores = np.array([np.nan if p.score is None else p.score for p in kept], dtype=np.float64)
        attrs = {"scores": scores, "factory": "bert_ner"}
        doc.spans[spans_key] = SpanGroup(doc, name=spans_key, attrs=attrs, spans=spans)


def entity_score(span: Span) -> float | None:
    """The probability of an entity that `bert_ner` found, from the span group that it wrote; None of other spans."""
    for group in span.doc.spans.values():
        if group.attrs.get("factory") == "bert_ner":
            for other, score in zip(group, group.attrs["scores"], strict=True):
                if (other.start, other.end, other.label) == (span.start, span.end, span.label):
                    return float(score)
    return None


def register_extension() -> None:
    """Let `ent._.score` read the scores, unless something else bears that name."""
    if not Span.has_extension(EXTENSION):
        Span.set_extension(EXTENSION, getter=entity_score)
