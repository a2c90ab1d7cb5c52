"""From Docs to the entities that the model finds in them, with their scores."""

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
from ..models import token_classifier as models
from ..models.token_classifier import TokenClassifier
from ..tokenization.alignment import SubwordLogits, joined_tokens
from ..types import Bools1d, DocPredictions, Entity, Floats1d, Floats2d, Ints1d, Ints2d, Prediction
from ..util.doc_entities import entity_constraints
from .settings import Settings


class EntitySpan(NamedTuple):
    """An entity in a batch of Docs.

    doc (int): index of its Doc.
    entity (Entity): in tokens of that Doc.
    offsets (tuple[int, int] | None): first character of that Doc that its subwords cover, and one past the last; None
        for those of its tokens.
    parts (tuple[int, ...]): indices of what it was joined from, in `DecodedBatch.entities`.
    """

    doc: int
    entity: Entity
    offsets: tuple[int, int] | None
    parts: tuple[int, ...]


class Unread(NamedTuple):
    """An entity that was not read, as another reading of its token was taken.

    doc (int): index of its Doc.
    token (int): index of its token in that Doc.
    label (str): the label that was not read.
    """

    doc: int
    token: int
    label: str


class DecodedBatch(NamedTuple):
    """The positions of a batch of Docs that get a tag, one Doc after the other, and the entities found in them.

    logits: of each position, on the CPU. *Shape:* `(n, n_tags)`
    chain: where the positions lie, all Docs taken together, and which are read together.
    entities: in positions of the chain.
    spans: the same in tokens of the Docs. No two of them share a token.
    unread: one for each token with an entity that was not read.
    n_joined: number of joined tokens in each Doc; see `alignment.Alignment`.
    tags: the tag of each column of the logits.
    """

    logits: Floats2d
    chain: TagChain
    entities: list[Entity]
    spans: list[EntitySpan]
    unread: list[Unread]
    n_joined: list[int]
    tags: TagSet

    def scores(self, temperature: float) -> Floats1d:
        """The probability of each span; see `entity_scores.entity_scores`. Of one that was joined it is that of its
        most likely part. *Shape:* `(n_spans,)`"""
        scores = entity_scores(self.logits, self.chain.is_start, self.entities, self.tags, temperature)
        if len(self.spans) == len(self.entities):
            return scores
        return np.array([scores[list(span.parts)].max() for span in self.spans], dtype=np.float64)


class _Batch(NamedTuple):
    """The tokens and the subwords of a batch of Docs, one Doc after the other.

    firsts: index of the first token of each Doc. *Shape:* `(n_docs,)`
    lengths, is_joined: see `alignment.Alignment`. *Shape:* `(n_tokens,)` each
    rows: logits of all rows, which may lie on a GPU. *Shape:* `(n_rows, n_tags)`
    """

    firsts: Ints1d
    lengths: Ints1d
    is_joined: Bools1d
    rows: Floats2d


class _Characters(NamedTuple):
    """Where tokens and subwords lie in the text of their Doc, in characters.

    tokens: first, and one past the last, of each token. *Shape:* `(n_tokens, 2)`
    rows: the same of each row's subword. *Shape:* `(n_rows, 2)`
    row_ends: one past the last token of which each row's subword covers a character. *Shape:* `(n_rows,)`
    """

    tokens: Ints2d
    rows: Ints2d
    row_ends: Ints1d


def decode_batch(model: TokenClassifier, docs: Sequence[Doc], settings: Settings) -> DecodedBatch:
    """Run the model and find the entities.

    docs: at least one.
    """
    tags, ops = models.get_tags(model), model.ops
    output = model.predict(list(docs))
    is_joined = list(map(joined_tokens, output))
    batch = _Batch(
        np.cumsum([0, *map(len, docs[:-1])]),
        ops.to_numpy(ops.xp.concatenate([part.lengths for part in output])),
        np.concatenate(is_joined),
        ops.xp.concatenate([models.logits_of(part) for part in output]),
    )
    has_subwords = isinstance(output[0], SubwordLogits)
    found = entity_constraints(docs, overwrite=settings.overwrite, respect_sentences=settings.respect_sentences)
    characters = None
    if settings.subword_reading == "any" and has_subwords:
        characters = _characters(docs, output)
        positions = subword_chain(batch.lengths, found, batch.is_joined, characters.row_ends)
    else:
        positions = token_chain(batch.lengths, found, batch.is_joined)
    logits = ops.to_numpy(batch.rows[ops.xp.asarray(positions.first_rows)])
    if settings.decoding == "viterbi":
        logits = mask_forbidden_starts(logits, positions, tags)
    best = decode_tags(logits, positions.is_start, tags, decoding=settings.decoding)
    entities = tags.entities(best, positions.is_start)
    spans = _spans(entities, positions, batch.firsts, characters)
    unread: list[Unread] = []
    if characters is not None:
        spans, unread = _without_overlaps(spans)
    elif has_subwords:
        unread = list(_unread(best, positions, batch, tags, ops.to_numpy(batch.rows.argmax(axis=1))))
    n_joined = [int(own.sum()) for own in is_joined]
    return DecodedBatch(logits, positions, entities, spans, unread, n_joined, tags)


def predict(
    model: TokenClassifier, docs: Sequence[Doc], settings: Settings, temperature: float
) -> list[DocPredictions]:
    """The entities of each Doc, in the order of the text, without those below their label's threshold."""
    predictions = [DocPredictions() for _ in docs]
    if not docs:
        return predictions
    reading = decode_batch(model, docs, settings)
    scores: Sequence[float | None] = [None] * len(reading.spans)
    if settings.spans_key is not None:
        scores = reading.scores(temperature).tolist()
    for span, score in zip(reading.spans, scores, strict=True):
        if score is None or score >= settings.thresholds.get(span.entity.label, 0.0):
            predictions[span.doc].append(Prediction(*span.entity, score, span.offsets))
    for own, n_joined in zip(predictions, reading.n_joined, strict=True):
        own.n_joined = n_joined
    for one in reading.unread:
        predictions[one.doc].unread.append((one.token, one.label))
    return predictions


def warn_of_unread(docs: Sequence[Doc], predictions: Sequence[DocPredictions], settings: Settings, name: str) -> bool:
    """Warn of entities in these Docs that were not read, if there are any; see `Settings.subword_reading`.

    name (str): of the component.
    RETURNS: whether there are.
    """
    unread = [(doc, *one) for doc, own in zip(docs, predictions, strict=True) for one in own.unread]
    if not unread:
        return False
    doc, i, label = unread[0]
    counts = {"n": len(unread), "total": sum(map(len, docs)), "name": name}
    message = Errors.unread_subwords if settings.subword_reading == "first" else Errors.unread_labels
    warnings.warn(
        message.format(token=doc[i].text, label=label, text=doc.text[:80], **counts), UserWarning, stacklevel=3
    )
    return True


def _characters(docs: Sequence[Doc], output: Sequence[Ragged]) -> _Characters:
    tables = [doc.to_array([IDX, LENGTH]).reshape(-1, 2).astype(np.int64) for doc in docs]
    offsets = [cast(SubwordLogits, part).offsets for part in output]
    first, row_ends = 0, []
    for table, own in zip(tables, offsets, strict=True):
        row_ends.append(np.searchsorted(table[:, 0], own[:, 1]) + first)
        first += len(table)
    tokens = np.concatenate(tables)
    tokens[:, 1] += tokens[:, 0]
    return _Characters(tokens, np.concatenate(offsets), np.concatenate(row_ends))


def _spans(
    entities: list[Entity], positions: TagChain, firsts: Ints1d, characters: _Characters | None
) -> list[EntitySpan]:
    """The entities in tokens of their Docs, which share tokens where several positions lie in one token."""
    if not entities:
        return []
    begins, lasts = np.array([entity[1:] for entity in entities]).T - [[0], [1]]
    starts, ends = positions.token_indices[begins], positions.ends[lasts]
    offsets: Sequence[tuple[int, int] | None] = [None] * len(entities)
    if characters is not None:
        # The offsets of some subwords hold the space before them, or what lies behind a sentence's end.
        first = np.maximum(characters.rows[positions.first_rows[begins], 0], characters.tokens[starts, 0])
        last = np.minimum(characters.rows[positions.first_rows[lasts], 1], characters.tokens[ends - 1, 1])
        offsets = list(zip(first.tolist(), last.tolist(), strict=True))
    doc_of = np.searchsorted(firsts, starts, side="right") - 1
    places = np.stack([starts, ends], axis=1) - firsts[doc_of, None]
    return [
        EntitySpan(doc, Entity(entity.label, *place), own, (i,))
        for i, (doc, entity, place, own) in enumerate(
            zip(doc_of.tolist(), entities, places.tolist(), offsets, strict=True)
        )
    ]


def _without_overlaps(spans: list[EntitySpan]) -> tuple[list[EntitySpan], list[Unread]]:
    """Join entities of one label that share a token; of two labels that do, the one with more characters stays."""
    kept: list[EntitySpan] = []
    unread = []
    for span in spans:
        if not kept or kept[-1].doc != span.doc or kept[-1].entity.end <= span.entity.start:
            kept.append(span)
            continue
        before, lost = kept.pop(), span
        if before.entity.label == span.entity.label:
            kept.append(_joined(before, span))
            continue
        if _n_characters(span) > _n_characters(before):
            before, lost = span, before
        kept.append(before)
        unread.append(Unread(lost.doc, lost.entity.start, lost.entity.label))
    return kept, unread


def _joined(before: EntitySpan, after: EntitySpan) -> EntitySpan:
    entity = Entity(before.entity.label, before.entity.start, max(before.entity.end, after.entity.end))
    offsets = (cast(Any, before.offsets)[0], max(cast(Any, before.offsets)[1], cast(Any, after.offsets)[1]))
    return EntitySpan(before.doc, entity, offsets, before.parts + after.parts)


def _n_characters(span: EntitySpan) -> int:
    start, end = cast(Any, span.offsets)
    return int(end - start)


def _unread(best: Ints1d, positions: TagChain, batch: _Batch, tags: TagSet, best_of_rows: Ints1d) -> Iterator[Unread]:
    """Positions outside of entities of which a later subword is most likely in one.

    best: the tag id of each position. *Shape:* `(n,)`
    best_of_rows: the most likely tag id of each row. *Shape:* `(n_rows,)`
    """
    is_entity = tags.label_ids > 0
    n_before = np.append(0, np.cumsum(is_entity[best_of_rows]))
    later, end = positions.first_rows + 1, positions.first_rows + batch.lengths[positions.token_indices]
    for i in np.flatnonzero(~is_entity[best] & (n_before[end] > n_before[later])).tolist():
        row = later[i] + int(is_entity[best_of_rows[later[i] : end[i]]].argmax())
        token = int(positions.token_indices[i])
        doc = int(np.searchsorted(batch.firsts, token, side="right")) - 1
        yield Unread(doc, token - int(batch.firsts[doc]), tags.labels[tags.label_ids[best_of_rows[row]] - 1])
