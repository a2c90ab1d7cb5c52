"""Predict entities and their scores by running the model on Docs and decoding its logits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc
from thinc.api import Ragged

from ..decoding.entity_scores import entity_scores
from ..decoding.tag_scheme import TagSet
from ..decoding.viterbi import TagChain, decode_tags, mask_forbidden_starts, subword_chain, token_chain
from ..errors import Errors
from ..models import token_classifier
from ..models.token_classifier import TokenClassifier
from ..tokenization.alignment import SubwordLogits, joined_tokens
from ..types import Bools1d, DocPredictions, Doubles1d, Entity, Ints1d, Ints2d, Prediction, TagLogits
from ..util.doc_entities import entity_constraints
from .settings import Settings


class EntitySpan(NamedTuple):
    """A predicted entity in a batch of Docs.

    doc (int): index of its Doc in the batch.
    entity (Entity): the entity with token indices in that Doc.
    offsets (tuple[int, int] | None): start and end character offsets of its subwords in that Doc, or None to use the
        offsets of its tokens.
    parts (tuple[int, ...]): indices in `DecodedBatch.entities` of the entities that were joined to form it.
    """

    doc: int
    entity: Entity
    offsets: tuple[int, int] | None
    parts: tuple[int, ...]


class Unread(NamedTuple):
    """An entity that is omitted because another subword or entity determines the tag of its token.

    doc (int): index of its Doc in the batch.
    token (int): index of its token in that Doc.
    label (str): the entity label.
    """

    doc: int
    token: int
    label: str


class DecodedBatch(NamedTuple):
    """A decoded batch of Docs with the predicted entities.

    Each position is a subword or one or more joined tokens, and has one tag. Positions are in Doc order.

    logits (TagLogits): logits for each position, on the CPU. *Shape:* `(n, n_tags)`
    chain (TagChain): token and subword for each position across all Docs, and the sequences that the positions form.
    entities (list[Entity]): predicted entities with position indices.
    spans (list[EntitySpan]): the same entities with token indices in the Docs. They do not overlap.
    unread (list[Unread]): one omitted entity for each token that has one.
    n_joined (list[int]): number of joined tokens in each Doc; see `alignment.Alignment`.
    tags (TagSet): tag for each logit column.
    """

    logits: TagLogits
    chain: TagChain
    entities: list[Entity]
    spans: list[EntitySpan]
    unread: list[Unread]
    n_joined: list[int]
    tags: TagSet

    def scores(self, temperature: float) -> Doubles1d:
        """Compute the probability of each entity in `spans`; see `entity_scores.entity_scores`.

        A joined entity has the probability of its most likely part.

        temperature (float): temperature for the scores.
        RETURNS (Doubles1d): the probabilities. *Shape:* `(n_spans,)`
        """
        scores = entity_scores(self.logits, self.chain.is_start, self.entities, self.tags, temperature)
        if len(self.spans) == len(self.entities):
            return scores
        return np.array([scores[list(span.parts)].max() for span in self.spans], dtype=np.float64)


class _Batch(NamedTuple):
    """The tokens and subwords in a batch of Docs, in Doc order.

    doc_starts (Ints1d): index of the first token of each Doc. *Shape:* `(n_docs,)`
    lengths (Ints1d), is_joined (Bools1d): see `alignment.Alignment`. *Shape:* `(n_tokens,)` each
    logits (TagLogits): logits for all subwords, possibly on a GPU. *Shape:* `(n_rows, n_tags)`
    """

    doc_starts: Ints1d
    lengths: Ints1d
    is_joined: Bools1d
    logits: TagLogits


class _CharacterOffsets(NamedTuple):
    """The character offsets of tokens and subwords in their Docs.

    tokens (Ints2d): start and end of each token. *Shape:* `(n_tokens, 2)`
    subwords (Ints2d): start and end of each subword. *Shape:* `(n_rows, 2)`
    token_ends (Ints1d): for each subword, the index after the last token that it overlaps. *Shape:* `(n_rows,)`
    """

    tokens: Ints2d
    subwords: Ints2d
    token_ends: Ints1d


def decode_batch(model: TokenClassifier, docs: Sequence[Doc], settings: Settings) -> DecodedBatch:
    """Run the model and decode its logits into entities.

    model (TokenClassifier): the token classifier.
    docs (Sequence[Doc]): Docs to process. There must be at least one.
    settings (Settings): settings of the component.
    RETURNS (DecodedBatch): the positions with their logits, and the predicted entities.
    """
    tags, ops = token_classifier.get_tags(model), model.ops
    output = model.predict(list(docs))
    is_joined = list(map(joined_tokens, output))
    batch = _Batch(
        np.cumsum([0, *map(len, docs[:-1])]),
        ops.to_numpy(ops.xp.concatenate([part.lengths for part in output])),
        np.concatenate(is_joined),
        ops.xp.concatenate([token_classifier.logits_of(part) for part in output]),
    )
    has_subwords = isinstance(output[0], SubwordLogits)
    constraints = entity_constraints(docs, overwrite=settings.overwrite, respect_sentences=settings.respect_sentences)
    offsets = None
    if settings.subword_reading == "any" and has_subwords:
        offsets = _character_offsets(docs, output)
        chain = subword_chain(batch.lengths, constraints, batch.is_joined, offsets.token_ends)
    else:
        chain = token_chain(batch.lengths, constraints, batch.is_joined)
    logits = ops.to_numpy(batch.logits[ops.xp.asarray(chain.first_rows)])
    if settings.decoding == "viterbi":
        logits = mask_forbidden_starts(logits, chain, tags)
    tag_ids = decode_tags(logits, chain.is_start, tags, decoding=settings.decoding)
    entities = tags.entities(tag_ids, chain.is_start)
    spans = _entity_spans(entities, chain, batch.doc_starts, offsets)
    unread: list[Unread] = []
    if offsets is not None:
        spans, unread = _resolve_overlaps(spans)
    elif has_subwords:
        unread = list(_find_unread(tag_ids, chain, batch, tags, ops.to_numpy(batch.logits.argmax(axis=1))))
    n_joined = [int(is_joined_in_doc.sum()) for is_joined_in_doc in is_joined]
    return DecodedBatch(logits, chain, entities, spans, unread, n_joined, tags)


def predict(
    model: TokenClassifier, docs: Sequence[Doc], settings: Settings, temperature: float
) -> list[DocPredictions]:
    """Predict the entities in each Doc, except entities whose score is below the threshold for their label.

    model (TokenClassifier): the token classifier.
    docs (Sequence[Doc]): Docs to process.
    settings (Settings): settings of the component.
    temperature (float): temperature for the scores.
    RETURNS (list[DocPredictions]): the entities in each Doc, in text order.
    """
    predictions = [DocPredictions() for _ in docs]
    if not docs:
        return predictions
    decoded = decode_batch(model, docs, settings)
    scores: Sequence[float | None] = [None] * len(decoded.spans)
    if settings.spans_key is not None:
        scores = decoded.scores(temperature).tolist()
    for span, score in zip(decoded.spans, scores, strict=True):
        if score is None or score >= settings.thresholds.get(span.entity.label, 0.0):
            predictions[span.doc].append(Prediction(*span.entity, score, span.offsets))
    for doc_predictions, n_joined in zip(predictions, decoded.n_joined, strict=True):
        doc_predictions.n_joined = n_joined
    for omitted in decoded.unread:
        predictions[omitted.doc].unread.append((omitted.token, omitted.label))
    return predictions


def warn_of_unread(docs: Sequence[Doc], predictions: Sequence[DocPredictions], settings: Settings, name: str) -> bool:
    """Warn if entities in the Docs were omitted; see `Settings.subword_reading`.

    docs (Sequence[Doc]): Docs that were processed.
    predictions (Sequence[DocPredictions]): predictions for each Doc.
    settings (Settings): settings of the component.
    name (str): name of the component for the warning.
    RETURNS (bool): whether a warning was issued.
    """
    unread = [
        (doc, token, label)
        for doc, doc_predictions in zip(docs, predictions, strict=True)
        for token, label in doc_predictions.unread
    ]
    if not unread:
        return False
    doc, i, label = unread[0]
    counts = {"n": len(unread), "total": sum(map(len, docs)), "name": name}
    message = Errors.unread_subwords if settings.subword_reading == "first" else Errors.unread_labels
    warnings.warn(
        message.format(token=doc[i].text, label=label, text=doc.text[:80], **counts), UserWarning, stacklevel=3
    )
    return True


def _character_offsets(docs: Sequence[Doc], output: Sequence[Ragged]) -> _CharacterOffsets:
    token_tables = [doc.to_array([IDX, LENGTH]).reshape(-1, 2).astype(np.int64) for doc in docs]
    subword_offsets = [cast(SubwordLogits, part).offsets for part in output]
    doc_start, token_ends = 0, []
    for table, doc_offsets in zip(token_tables, subword_offsets, strict=True):
        token_ends.append(np.searchsorted(table[:, 0], doc_offsets[:, 1]) + doc_start)
        doc_start += len(table)
    tokens = np.concatenate(token_tables)
    tokens[:, 1] += tokens[:, 0]
    return _CharacterOffsets(tokens, np.concatenate(subword_offsets), np.concatenate(token_ends))


def _entity_spans(
    entities: list[Entity], chain: TagChain, doc_starts: Ints1d, offsets: _CharacterOffsets | None
) -> list[EntitySpan]:
    """Convert the positions of entities to token indices in their Docs.

    The entities can overlap if a token has several positions.

    doc_starts: index of the first token of each Doc. *Shape:* `(n_docs,)`
    """
    if not entities:
        return []
    firsts, lasts = np.array([entity[1:] for entity in entities]).T - [[0], [1]]
    starts, ends = chain.token_indices[firsts], chain.ends[lasts]
    entity_offsets: Sequence[tuple[int, int] | None] = [None] * len(entities)
    if offsets is not None:
        # Clip subwords to tokens, because some include the preceding space or text from the next sentence.
        start_chars = np.maximum(offsets.subwords[chain.first_rows[firsts], 0], offsets.tokens[starts, 0])
        end_chars = np.minimum(offsets.subwords[chain.first_rows[lasts], 1], offsets.tokens[ends - 1, 1])
        entity_offsets = list(zip(start_chars.tolist(), end_chars.tolist(), strict=True))
    doc_of = np.searchsorted(doc_starts, starts, side="right") - 1
    token_spans = np.stack([starts, ends], axis=1) - doc_starts[doc_of, None]
    return [
        EntitySpan(doc, Entity(entity.label, start, end), characters, (i,))
        for i, (doc, entity, (start, end), characters) in enumerate(
            zip(doc_of.tolist(), entities, token_spans.tolist(), entity_offsets, strict=True)
        )
    ]


def _resolve_overlaps(spans: list[EntitySpan]) -> tuple[list[EntitySpan], list[Unread]]:
    """Join overlapping entities with the same label. For different labels, keep the entity with more characters."""
    resolved: list[EntitySpan] = []
    unread = []
    for span in spans:
        if not resolved or resolved[-1].doc != span.doc or resolved[-1].entity.end <= span.entity.start:
            resolved.append(span)
            continue
        winner, loser = resolved.pop(), span
        if winner.entity.label == span.entity.label:
            resolved.append(_join(winner, span))
            continue
        if _n_characters(span) > _n_characters(winner):
            winner, loser = span, winner
        resolved.append(winner)
        unread.append(Unread(loser.doc, loser.entity.start, loser.entity.label))
    return resolved, unread


def _join(before: EntitySpan, after: EntitySpan) -> EntitySpan:
    entity = Entity(before.entity.label, before.entity.start, max(before.entity.end, after.entity.end))
    offsets = (cast(Any, before.offsets)[0], max(cast(Any, before.offsets)[1], cast(Any, after.offsets)[1]))
    return EntitySpan(before.doc, entity, offsets, before.parts + after.parts)


def _n_characters(span: EntitySpan) -> int:
    start, end = cast(Any, span.offsets)
    return int(end - start)


def _find_unread(
    tag_ids: Ints1d, chain: TagChain, batch: _Batch, tags: TagSet, subword_tag_ids: Ints1d
) -> Iterator[Unread]:
    """Yield an omitted entity for each token that is outside all entities but has a later subword with an entity tag.

    tag_ids: decoded tag ID for each position. *Shape:* `(n,)`
    subword_tag_ids: most likely tag ID for each subword. *Shape:* `(n_rows,)`
    """
    is_entity = tags.label_ids > 0
    n_before = np.append(0, np.cumsum(is_entity[subword_tag_ids]))
    later, end = chain.first_rows + 1, chain.first_rows + batch.lengths[chain.token_indices]
    for i in np.flatnonzero(~is_entity[tag_ids] & (n_before[end] > n_before[later])).tolist():
        row = later[i] + int(is_entity[subword_tag_ids[later[i] : end[i]]].argmax())
        token = int(chain.token_indices[i])
        doc = int(np.searchsorted(batch.doc_starts, token, side="right")) - 1
        yield Unread(doc, token - int(batch.doc_starts[doc]), tags.labels[tags.label_ids[subword_tag_ids[row]] - 1])
