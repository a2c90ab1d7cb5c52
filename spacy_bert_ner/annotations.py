"""Entities that a Doc has, and those that are written to it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, SENT_START
from spacy.tokens import Doc, Span, SpanGroup

from .errors import BertNerError, Errors
from .types import Obstacles, Prediction

EXTENSION = "score"
"""`ent._.score`"""
FACTORY = "bert_ner"
"""Marks the span groups that hold scores, in their `attrs`."""
_BEGINS = 3  # `token.ent_iob`


def obstacles(docs: Sequence[Doc], *, overwrite: bool, respect_sentences: bool) -> Obstacles:
    """Find what stands in the way of entities, in the tokens of one Doc after the other.

    overwrite (bool): whether entities that the Docs have make room.
    respect_sentences (bool): whether no entity crosses the beginning of a sentence, where those are set.
    """
    tables = [doc.to_array([ENT_IOB, ENT_TYPE, SENT_START]).reshape(-1, 3) for doc in docs]
    iob, label, sentence = np.concatenate(tables).T
    is_entity, nowhere = label != 0, np.zeros(len(label), dtype=bool)
    cuts = sentence == 1 if respect_sentences else nowhere.copy()
    firsts = np.cumsum([0, *map(len, tables)])
    cuts[firsts[firsts < len(cuts)]] = True
    return Obstacles((iob == _BEGINS) & ~is_entity, nowhere if overwrite else is_entity, cuts)


def write_entities(doc: Doc, predictions: Sequence[Prediction], *, overwrite: bool, spans_key: str | None) -> None:
    """Set `doc.ents`, and the span group with the scores.

    Blocked tokens stay blocked and, unless `overwrite`, entities stay, those in the span group with their scores; what
    overlaps them is left out. All other tokens are outside of entities then.

    predictions: none of which overlap.
    overwrite (bool): whether entities that the Doc has are replaced.
    spans_key (str | None): the key of the span group in `doc.spans`; None for none.
    RAISES BertNerError: there is a span group of that key, and it is not from a `bert_ner`.
    """
    group = doc.spans.get(spans_key)
    if group is not None and not _is_ours(group):
        raise BertNerError(Errors.foreign_group.format(key=spans_key))
    present, blocked, kept = [], [], list(predictions)
    if doc.has_annotation("ENT_IOB"):  # which most Docs have not
        present = [] if overwrite else list(doc.ents)
        found = obstacles([doc], overwrite=overwrite, respect_sentences=False)
        taken = found.blocked | found.present
        kept = [p for p in predictions if not taken[p.start : p.end].any()]
        blocked = [doc[i : i + 1] for i in np.flatnonzero(found.blocked).tolist()]
    spans = [Span(doc, p.start, p.end, label=p.label) for p in kept]
    doc.set_ents(present + spans, blocked=blocked)
    if spans_key is not None:
        scored = [(span, p.score) for span, p in zip(spans, kept, strict=True)]
        if group is not None:
            known = [(ent, _score_in(group, ent)) for ent in present]
            scored += [(ent, score) for ent, score in known if score is not None]
            scored.sort(key=lambda pair: pair[0].start)
        attrs = {
            "factory": FACTORY,
            "scores": np.array([np.nan if score is None else score for _, score in scored], dtype=np.float64),
            # Where each of them lies: what remains true when tokens are merged or split.
            "places": np.array([_place(span) for span, _ in scored], dtype=np.uint64).reshape(-1, 3),
        }
        doc.spans.pop(spans_key, None)  # so that the latest group is the last
        doc.spans[spans_key] = SpanGroup(doc, name=spans_key, attrs=attrs, spans=[span for span, _ in scored])
        # Here too, since a component that comes from another process, as bytes, was never made in this one.
        if not Span.has_extension(EXTENSION):
            register_extension()


def entity_score(span: Span) -> float | None:
    """The probability of an entity that `bert_ner` found, from the latest span group with it; None of other spans."""
    scores = (_score_in(group, span) for group in reversed(list(span.doc.spans.values())))
    return next((score for score in scores if score is not None), None)


def register_extension() -> None:
    """Let `ent._.score` read the scores; warn if something else bears that name."""
    if not Span.has_extension(EXTENSION):
        Span.set_extension(EXTENSION, getter=entity_score)
    elif Span.get_extension(EXTENSION)[2] is not entity_score:
        warnings.warn(Errors.extension_taken, UserWarning, stacklevel=2)


def _place(span: Span) -> tuple[int, int, int]:
    return span.start_char, span.end_char, span.label


def _is_ours(group: SpanGroup) -> bool:
    """Whether a group is from a `bert_ner`: by its mark or, where that was lost with all `attrs`, by its entities."""
    if group.attrs:
        return group.attrs.get("factory") == FACTORY
    ents = set(map(_place, group.doc.ents))
    return all(_place(span) in ents for span in group)


def _score_in(group: SpanGroup, span: Span) -> float | None:
    """The score of a span in a group of ours, whose places are in the order of the text and do not overlap."""
    if group.attrs.get("factory") != FACTORY:
        return None
    places, place = group.attrs["places"], _place(span)
    i = int(np.searchsorted(places[:, 0], place[0]))
    if i < len(places) and tuple(places[i].tolist()) == place:
        return float(group.attrs["scores"][i])
    return None
