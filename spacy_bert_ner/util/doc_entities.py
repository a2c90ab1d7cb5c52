"""Entities that a Doc has, and those that are written to it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, SENT_START
from spacy.tokens import Doc, Span, SpanGroup

from ..errors import BertNerError, Errors
from ..types import EntityConstraints, Prediction
from .scored_spans import FACTORY, ScoredSpans

EXTENSION = "score"
"""`ent._.score`"""
_BEGINS = 3  # `token.ent_iob`


def entity_constraints(docs: Sequence[Doc], *, overwrite: bool, respect_sentences: bool) -> EntityConstraints:
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
    return EntityConstraints((iob == _BEGINS) & ~is_entity, nowhere if overwrite else is_entity, cuts)


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
        found = entity_constraints([doc], overwrite=overwrite, respect_sentences=False)
        taken = found.blocked | found.occupied
        kept = [p for p in predictions if not taken[p.start : p.end].any()]
        blocked = [doc[i : i + 1] for i in np.flatnonzero(found.blocked).tolist()]
    spans = [Span(doc, p.start, p.end, label=p.label) for p in kept]
    doc.set_ents(present + spans, blocked=blocked)
    if spans_key is None:
        return
    scored = [_Scored(span, p.score, p.offsets) for span, p in zip(spans, kept, strict=True)]
    n_unread = len(getattr(predictions, "unread", ()))
    if group is not None:
        if not overwrite:
            n_unread += group.attrs.get("unread", 0)
        scored = sorted([*scored, *_scored_in(group, present)], key=lambda one: one.span.start)
        _forget(doc, group)
    attrs = {
        "factory": FACTORY,
        "scores": np.array([np.nan if one.score is None else one.score for one in scored], dtype=np.float64),
        # Where each of them lies: what remains true when tokens are merged or split.
        "places": np.array([_place(one.span) for one in scored], dtype=np.uint64).reshape(-1, 3),
        "offsets": np.array([one.offsets or _place(one.span)[:2] for one in scored], dtype=np.int64).reshape(-1, 2),
        "unread": n_unread,
    }
    doc.spans.pop(spans_key, None)  # so that the latest group is the last
    doc.spans[spans_key] = ScoredSpans(doc, name=spans_key, attrs=attrs, spans=[one.span for one in scored])
    # Here too, since a component that comes from another process, as bytes, was never made in this one.
    if not Span.has_extension(EXTENSION):
        register_score_extension()
    _remember(doc, scored)


class _Scored(NamedTuple):
    """An entity with what the span group holds of it; see `types.Prediction`."""

    span: Span
    score: float | None
    offsets: tuple[int, int] | None


def _scored_in(group: SpanGroup, entities: Sequence[Span]) -> list[_Scored]:
    """Those of the entities that a group of ours has a score of."""
    found = []
    for entity in entities:
        i = _index_in(group, entity)
        if i is not None:
            offsets = group.attrs["offsets"][i].tolist() if "offsets" in group.attrs else None
            found.append(_Scored(entity, float(group.attrs["scores"][i]), tuple(offsets) if offsets else None))
    return found


def _key(start: int, end: int) -> Any:
    """By which spaCy keeps the value of a span's extension, and moves it to the parts and the joins of a Doc."""
    return "._.", EXTENSION, start, end


def _remember(doc: Doc, scored: Sequence[_Scored]) -> None:
    """Keep the scores where `span.as_doc(copy_user_data=True)`, `Doc.from_docs` and `doc.to_json(["score"])` find them:
    none of these copies the `attrs` of a span group."""
    if _owns_extension():
        for one in scored:
            if one.score is not None:
                doc.user_data[_key(one.span.start_char, one.span.end_char)] = one.score


def _forget(doc: Doc, group: SpanGroup) -> None:
    if _owns_extension():
        for start, end, _ in group.attrs.get("places", np.zeros((0, 3))).tolist():
            doc.user_data.pop(_key(start, end), None)


def entity_score(span: Span) -> float | None:
    """The probability of an entity that `bert_ner` found, from the latest span group with it; None of other spans.

    In a Doc that was made of parts of others, such a group has no scores any more. There it is what spaCy has kept.
    """
    has_scores = False
    for group in reversed(list(span.doc.spans.values())):
        i = _index_in(group, span)
        if i is not None:
            return float(group.attrs["scores"][i])
        has_scores |= group.attrs.get("factory") == FACTORY
    score: float | None = None if has_scores else span.doc.user_data.get(_key(span.start_char, span.end_char))
    return score


def kept_entities(doc: Doc) -> list[Span]:
    """The entities that a Doc had before each `bert_ner` that read it, and that all of them kept.

    Empty where no `bert_ner` has left a span group, so that nothing tells which entities it found.
    """
    if not any(group.attrs.get("factory") == FACTORY for group in doc.spans.values()):
        return []
    return [ent for ent in doc.ents if entity_score(ent) is None]


def register_score_extension() -> None:
    """Let `ent._.score` read the scores; warn if something else bears that name."""
    if not Span.has_extension(EXTENSION):
        Span.set_extension(EXTENSION, getter=entity_score)
    elif not _owns_extension():
        warnings.warn(Errors.extension_taken, UserWarning, stacklevel=2)


def _owns_extension() -> bool:
    """Whether `ent._.score` reads our scores, and is nothing else."""
    return Span.has_extension(EXTENSION) and Span.get_extension(EXTENSION)[2] is entity_score


def _place(span: Span) -> tuple[int, int, int]:
    return span.start_char, span.end_char, span.label


def _is_ours(group: SpanGroup) -> bool:
    """Whether a group is from a `bert_ner`: by its mark or, where that was lost with all `attrs`, by its entities."""
    if group.attrs:
        return group.attrs.get("factory") == FACTORY
    ents = set(map(_place, group.doc.ents))
    return all(_place(span) in ents for span in group)


def _index_in(group: SpanGroup, span: Span) -> int | None:
    """Where a span is in a group of ours, whose places are in the order of the text and do not overlap."""
    attrs = group.attrs
    if attrs.get("factory") != FACTORY:
        return None
    places, place = attrs["places"], _place(span)
    i = int(np.searchsorted(places[:, 0], place[0]))
    return i if i < len(places) and tuple(places[i].tolist()) == place else None
