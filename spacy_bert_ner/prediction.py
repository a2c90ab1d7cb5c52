"""From Docs to the entities that the model finds in them, with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from spacy.tokens import Doc

from . import model as models
from .annotations import obstacles
from .confidence import entity_scores
from .decoding import Chain, bar, best_tags, chain
from .model import TokenClassifier
from .settings import Settings
from .tags import TagSet
from .types import Entity, Floats1d, Floats2d, Ints1d, Prediction


class Reading(NamedTuple):
    """The tokens of a batch of Docs that get a tag, one Doc after the other, and the entities found in them.

    logits: of each token, on the CPU. *Shape:* `(n, n_tags)`
    chain: where the tokens lie, and which go together.
    doc_of: the place in the batch of each token's Doc. *Shape:* `(n,)`
    entities: in places of the chain.
    tags: the tag of each column of the logits.
    """

    logits: Floats2d
    chain: Chain
    doc_of: Ints1d
    entities: list[Entity]
    tags: TagSet

    def located(self) -> list[tuple[int, Entity]]:
        """For each entity the place of its Doc in the batch, and the entity in tokens of that Doc."""
        tokens = self.chain.tokens
        return [
            (int(self.doc_of[start]), Entity(label, int(tokens[start]), int(tokens[end - 1]) + 1))
            for label, start, end in self.entities
        ]

    def scores(self, temperature: float) -> Floats1d:
        """The probability of each entity; see `confidence.entity_scores`."""
        return entity_scores(self.logits, self.chain.begins, self.entities, self.tags, temperature)


def read(model: TokenClassifier, docs: Sequence[Doc], settings: Settings) -> Reading:
    """Run the model and find the entities.

    docs: at least one.
    """
    tags, ops = models.get_tags(model), model.ops
    output = model.predict(list(docs))
    chains, first_row = [], 0
    for doc, rows in zip(docs, output, strict=True):
        lengths = ops.to_numpy(rows.lengths)
        found = obstacles(doc, overwrite=settings.overwrite, respect_sentences=settings.respect_sentences)
        own = chain(lengths, found)
        chains.append(own._replace(rows=own.rows + first_row))
        first_row += int(lengths.sum())
    together = Chain(*(np.concatenate(parts) for parts in zip(*chains, strict=True)))
    rows = ops.xp.concatenate([models.logits_of(rows) for rows in output])
    logits = ops.to_numpy(rows[ops.xp.asarray(together.rows)])
    if settings.decoding == "viterbi":
        logits = bar(logits, together, tags)
    doc_of = np.repeat(np.arange(len(docs)), [len(own.tokens) for own in chains])
    best = best_tags(logits, together.begins, tags, decoding=settings.decoding)
    return Reading(logits, together, doc_of, tags.entities(best, together.begins), tags)


def predict(
    model: TokenClassifier, docs: Sequence[Doc], settings: Settings, temperature: float
) -> list[list[Prediction]]:
    """The entities of each Doc, in the order of the text, without those below their label's threshold."""
    predictions: list[list[Prediction]] = [[] for _ in docs]
    if not docs:
        return predictions
    reading = read(model, docs, settings)
    scores: Sequence[float | None] = [None] * len(reading.entities)
    if settings.spans_key is not None:
        scores = reading.scores(temperature).tolist()
    for (doc, entity), score in zip(reading.located(), scores, strict=True):
        if score is None or score >= settings.thresholds.get(entity.label, 0.0):
            predictions[doc].append(Prediction(*entity, score))
    return predictions
