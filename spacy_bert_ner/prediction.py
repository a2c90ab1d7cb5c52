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
    chain: where the tokens lie, all Docs taken together, and which are read together.
    firsts: the number of each Doc's first token. *Shape:* `(n_docs,)`
    entities: in places of the chain.
    tags: the tag of each column of the logits.
    """

    logits: Floats2d
    chain: Chain
    firsts: Ints1d
    entities: list[Entity]
    tags: TagSet

    def located(self) -> list[tuple[int, Entity]]:
        """For each entity the place of its Doc in the batch, and the entity in tokens of that Doc."""
        if not self.entities:
            return []
        starts, ends = np.array([entity[1:] for entity in self.entities]).T
        starts, ends = self.chain.tokens[starts], self.chain.tokens[ends - 1] + 1
        doc_of = np.searchsorted(self.firsts, starts, side="right") - 1
        places = np.stack([starts, ends], axis=1) - self.firsts[doc_of, None]
        return [
            (doc, Entity(entity.label, *place))
            for doc, entity, place in zip(doc_of.tolist(), self.entities, places.tolist(), strict=True)
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
    lengths = ops.to_numpy(ops.xp.concatenate([rows.lengths for rows in output]))
    found = obstacles(docs, overwrite=settings.overwrite, respect_sentences=settings.respect_sentences)
    together = chain(lengths, found)
    rows = ops.xp.concatenate([models.logits_of(rows) for rows in output])
    logits = ops.to_numpy(rows[ops.xp.asarray(together.rows)])
    if settings.decoding == "viterbi":
        logits = bar(logits, together, tags)
    firsts = np.cumsum([0, *map(len, docs[:-1])])
    best = best_tags(logits, together.begins, tags, decoding=settings.decoding)
    return Reading(logits, together, firsts, tags.entities(best, together.begins), tags)


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
