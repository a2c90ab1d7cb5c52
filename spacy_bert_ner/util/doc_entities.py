"""Read and write the entities in a Doc and their scores."""

from __future__ import annotations

import keyword
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, SENT_START
from spacy.tokens import Doc, Span, SpanGroup
from spacy.tokens.underscore import Underscore

from ..errors import BertNerError, Errors
from ..types import EntityConstraints, Prediction
from .scored_spans import FACTORY, ScoredSpans

EXTENSION = "score"
"""Default name of the extension attribute that returns entity scores, `ent._.score`."""
_IOB_B = 3
"""Value of `token.ent_iob` for the first token in an entity. A blocked token has the same value but no label."""


def entity_constraints(docs: Sequence[Doc], *, overwrite: bool, respect_sentences: bool) -> EntityConstraints:
    """Return the constraints that existing annotations impose on new entities.

    docs (Sequence[Doc]): Docs whose tokens are concatenated.
    overwrite (bool): whether existing entities may be replaced. If so, no token counts as occupied.
    respect_sentences (bool): whether to prevent entities from crossing sentence starts, if sentence starts are set.
    RETURNS (EntityConstraints): masks of blocked tokens, of tokens in existing entities, and of tokens whose start no
        entity may cross. *Shape:* `(n_tokens,)` each, for the tokens of all Docs
    """
    tables = [doc.to_array([ENT_IOB, ENT_TYPE, SENT_START]).reshape(-1, 3) for doc in docs]
    iob, label, sentence = np.concatenate(tables).T
    is_entity, nowhere = label != 0, np.zeros(len(label), dtype=bool)
    boundary = sentence == 1 if respect_sentences else nowhere.copy()
    doc_starts = np.cumsum([0, *map(len, tables)])
    boundary[doc_starts[doc_starts < len(boundary)]] = True
    return EntityConstraints((iob == _IOB_B) & ~is_entity, nowhere if overwrite else is_entity, boundary)


def write_entities(
    doc: Doc,
    predictions: Sequence[Prediction],
    *,
    overwrite: bool,
    spans_key: str | None,
    attribute: str | None = EXTENSION,
) -> None:
    """Write predicted entities to `doc.ents`, and write their scores to a span group.

    Blocked tokens stay blocked. Existing entities and their scores also stay, unless `overwrite` is set. Predictions
    that overlap a blocked token or a remaining entity are dropped. All other tokens are marked as outside entities.

    doc (Doc): Doc to change in place.
    predictions (Sequence[Prediction]): predicted entities that do not overlap each other.
    overwrite (bool): whether to replace existing entities.
    spans_key (str | None): key of the span group in `doc.spans`. None means no span group.
    attribute (str | None): extension attribute that returns the scores of these predictions. None means no attribute.
        Default: "score".
    RAISES BertNerError: a span group with this key exists, and `bert_ner` did not create it.
    """
    group = doc.spans.get(spans_key)
    if group is not None and not _is_ours(group):
        raise BertNerError(Errors.foreign_group.format(key=spans_key))
    present, blocked, accepted = [], [], list(predictions)
    if doc.has_annotation("ENT_IOB"):  # most Docs have no entities yet and can skip this
        present = [] if overwrite else list(doc.ents)
        constraints = entity_constraints([doc], overwrite=overwrite, respect_sentences=False)
        is_taken = constraints.blocked | constraints.occupied
        accepted = [p for p in predictions if not is_taken[p.start : p.end].any()]
        blocked = [doc[i : i + 1] for i in np.flatnonzero(constraints.blocked).tolist()]
    spans = [Span(doc, p.start, p.end, label=p.label) for p in accepted]
    doc.set_ents(present + spans, blocked=blocked)
    if spans_key is None:
        return
    scored = [_Scored(span, p.score, p.offsets, attribute) for span, p in zip(spans, accepted, strict=True)]
    n_unread = len(getattr(predictions, "unread", ()))
    if group is not None:
        if not overwrite:
            n_unread += group.attrs.get("unread", 0)
        scored = sorted([*scored, *_scored_in(group, present)], key=lambda entity: entity.span.start)
        _remove_user_data(doc, group)
    attrs = {
        "factory": FACTORY,
        "scores": np.array([np.nan if entity.score is None else entity.score for entity in scored], dtype=np.float64),
        # The character offsets and the label identify a span even after tokens are merged or split.
        "places": np.array([_char_key(entity.span) for entity in scored], dtype=np.uint64).reshape(-1, 3),
        "offsets": np.array(
            [entity.offsets or _char_key(entity.span)[:2] for entity in scored], dtype=np.int64
        ).reshape(-1, 2),
        "unread": n_unread,
    }
    if labels := getattr(predictions, "labels", ()):
        attrs["labels"] = list(labels)
    if any(entity.attribute != EXTENSION for entity in scored):
        attrs["attributes"] = np.array([entity.attribute or "" for entity in scored])
    doc.spans.pop(spans_key, None)  # `entity_score` expects the latest group to be last
    doc.spans[spans_key] = ScoredSpans(doc, name=spans_key, attrs=attrs, spans=[entity.span for entity in scored])
    # Register the extension here too, because a component that is received as bytes is not created in this process.
    if attribute is not None and not Span.has_extension(attribute):
        register_score_extension(attribute)
    _add_user_data(doc, scored)


class _Scored(NamedTuple):
    """An entity with the values that a span group stores for it. See `types.Prediction` and `write_entities`."""

    span: Span
    score: float | None
    offsets: tuple[int, int] | None
    attribute: str | None


def _scored_in(group: SpanGroup, entities: Sequence[Span]) -> list[_Scored]:
    """Return the entities that have a score in a `bert_ner` span group, with their scores and offsets."""
    scored = []
    for entity in entities:
        i = _index_in(group, entity)
        if i is not None:
            offsets = group.attrs["offsets"][i].tolist() if "offsets" in group.attrs else None
            score = float(group.attrs["scores"][i])
            scored.append(_Scored(entity, score, tuple(offsets) if offsets else None, _attribute_of(group, i)))
    return scored


def _attribute_of(group: SpanGroup, i: int) -> str | None:
    """Return the extension attribute for the score of a span, which older span groups do not store."""
    return str(group.attrs["attributes"][i]) or None if "attributes" in group.attrs else EXTENSION


def _user_data_key(attribute: str, start: int, end: int) -> Any:
    """Return the key under which spaCy stores a span's extension value in `doc.user_data`.

    spaCy copies these values when it splits or joins Docs.
    """
    return "._.", attribute, start, end


def _add_user_data(doc: Doc, scored: Sequence[_Scored]) -> None:
    """Also store the scores in `doc.user_data`.

    `span.as_doc(copy_user_data=True)`, `Doc.from_docs` and `doc.to_json(["score"])` read scores from there. None of
    these functions copies the `attrs` of a span group.
    """
    ours = {*_our_extensions()}
    for entity in scored:
        if entity.score is not None and entity.attribute in ours:
            doc.user_data[_user_data_key(entity.attribute, entity.span.start_char, entity.span.end_char)] = entity.score


def _remove_user_data(doc: Doc, group: SpanGroup) -> None:
    ours = {*_our_extensions()}
    for i, (start, end, _) in enumerate(group.attrs.get("places", np.zeros((0, 3))).tolist()):
        attribute = _attribute_of(group, i)
        if attribute in ours:
            doc.user_data.pop(_user_data_key(attribute, start, end), None)


def entity_score(span: Span, attribute: str | None = None) -> float | None:
    """Return the entity score that `bert_ner` assigned to a span.

    If several span groups contain the entity, the score comes from the latest group. If the Doc was made from parts of
    other Docs, its span groups have no scores. The score then comes from the value that spaCy copied.

    span (Span): span to look up.
    attribute (str | None): consider only the components that write to this extension attribute. None considers all
        components. Default: None.
    RETURNS (float | None): probability of the entity, from 0 to 1. None if the span has no score.
    """
    has_scores = False
    for group in reversed(list(span.doc.spans.values())):
        i = _index_in(group, span)
        if i is not None and attribute in (None, _attribute_of(group, i)):
            return float(group.attrs["scores"][i])
        has_scores |= group.attrs.get("factory") == FACTORY
    if has_scores:
        return None
    names = _our_extensions() if attribute is None else (attribute,)
    keys = (_user_data_key(name, span.start_char, span.end_char) for name in names)
    return next((span.doc.user_data[key] for key in keys if key in span.doc.user_data), None)


@dataclass(frozen=True)
class ScoreGetter:
    """The getter of an extension attribute that returns entity scores; see `entity_score`.

    attribute (str): name of the extension attribute.
    """

    attribute: str

    def __call__(self, span: Span) -> float | None:
        return entity_score(span, self.attribute)


def pipeline_labels(doc: Doc) -> set[str]:
    """Return the pipeline labels that are stored in the `bert_ner` span groups of a Doc."""
    groups = (group.attrs for group in doc.spans.values() if group.attrs.get("factory") == FACTORY)
    return {label for attrs in groups for label in attrs.get("labels", ())}


def kept_entities(doc: Doc) -> list[Span]:
    """Return the entities that were set before the first `bert_ner` component and that all `bert_ner` components kept.

    doc (Doc): Doc with predictions.
    RETURNS (list[Span]): the entities. Empty if no `bert_ner` component wrote a span group, because predicted
        entities then cannot be distinguished from existing entities.
    """
    if not any(group.attrs.get("factory") == FACTORY for group in doc.spans.values()):
        return []
    return [ent for ent in doc.ents if entity_score(ent) is None]


def register_score_extension(attribute: str = EXTENSION) -> None:
    """Register the extension attribute for entity scores, or warn if another extension already has its name.

    attribute (str): name of the extension attribute. Default: "score".
    """
    if not Span.has_extension(attribute):
        Span.set_extension(attribute, getter=ScoreGetter(attribute))
    elif attribute not in _our_extensions():
        warnings.warn(Errors.extension_taken.format(attribute=attribute), UserWarning, stacklevel=2)


def is_attribute_name(name: object) -> bool:
    """Return whether a value is a valid name for an extension attribute on `ent._`."""
    is_plain = isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)
    return is_plain and not str(name).startswith("_") and not hasattr(Underscore, str(name))


def _our_extensions() -> Iterator[str]:
    """Yield the names of the extension attributes that this module registered."""
    extensions = Underscore.span_extensions.items()
    return (name for name, (_, _, getter, _) in extensions if isinstance(getter, ScoreGetter))


def _char_key(span: Span) -> tuple[int, int, int]:
    return span.start_char, span.end_char, span.label


def _is_ours(group: SpanGroup) -> bool:
    """Return whether a `bert_ner` component created a span group.

    The `attrs` of such a group contain a marker. If all `attrs` were lost, check whether all spans in the group are
    entities.
    """
    if group.attrs:
        return group.attrs.get("factory") == FACTORY
    ents = set(map(_char_key, group.doc.ents))
    return all(_char_key(span) in ents for span in group)


def _index_in(group: SpanGroup, span: Span) -> int | None:
    """Return the index of a span in a `bert_ner` span group, or None if the group does not contain the span.

    The spans in such a group are in text order and do not overlap.
    """
    attrs = group.attrs
    if attrs.get("factory") != FACTORY:
        return None
    keys, key = attrs["places"], _char_key(span)
    i = int(np.searchsorted(keys[:, 0], key[0]))
    return i if i < len(keys) and tuple(keys[i].tolist()) == key else None
