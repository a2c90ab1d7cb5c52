"""Annotate batches of texts in a replica, and record metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ray.util.metrics import Counter, Histogram
from spacy.language import Language

from ..annotate.text_annotator import TextAnnotator
from ..annotate.writers import row_of
from .schemas import EntitiesRequest

_LOG = logging.getLogger("ray.serve")


class BatchAnnotator:
    """An annotator that processes batches of texts in a thread outside the event loop.

    nlp (Language): the pipeline.
    """

    def __init__(self, nlp: Language) -> None:
        self.nlp = nlp
        self._annotator = TextAnnotator(nlp)
        # Use one thread because a batch already uses all of the replica's cores. The event loop stays responsive.
        self._thread = ThreadPoolExecutor(1)
        self._texts = Counter("bert_ner_texts", "Number of annotated texts.")
        self._words = Counter("bert_ner_words", "Number of annotated spaCy tokens.")
        self._batches = Histogram(
            "bert_ner_batch_texts", "Number of texts per batch.", boundaries=[1, 2, 4, 8, 16, 32, 64, 128]
        )

    async def annotate(self, texts: Sequence[str]) -> list[list[dict[str, Any]] | None]:
        """Annotate a batch of texts.

        texts (Sequence[str]): the texts.
        RETURNS (list[list[dict[str, Any]] | None]): the entities in each text, or None if the text failed.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._annotate, texts)

    def _annotate(self, texts: Sequence[str]) -> list[list[dict[str, Any]] | None]:
        self._batches.observe(len(texts))
        # The memory zone frees the strings that a batch adds. Otherwise, the vocabulary grows while the server runs.
        with self.nlp.memory_zone():
            docs, reasons = self._annotator.annotate(texts)
            self._texts.inc(len(texts))
            if n_words := sum(map(len, docs.values())):
                self._words.inc(n_words)
            entities = [
                row_of(docs[i], "", {}, with_text=False)["entities"] if i in docs else None for i in range(len(texts))
            ]
        for reason in reasons.values():
            # Log only the component name and the exception type because the message can quote the text.
            _LOG.error("the pipeline failed on a text: %s", ": ".join(reason.split(": ")[:2]))
        return entities


def select_entities(entities: Sequence[dict[str, Any]], request: EntitiesRequest) -> list[dict[str, Any]]:
    """Select the entities with a requested label whose score reaches the requested threshold.

    Entities without a score are not filtered by threshold.

    entities (Sequence[dict[str, Any]]): the entities in a text.
    request (EntitiesRequest): the request, which specifies the labels and thresholds.
    RETURNS (list[dict[str, Any]]): the selected entities in their original order.
    """
    labels = request.labels
    return [
        entity
        for entity in entities
        if (labels is None or entity["label"] in labels) and _reaches_threshold(entity, request.thresholds)
    ]


def _reaches_threshold(entity: dict[str, Any], thresholds: float | dict[str, float] | None) -> bool:
    if entity["score"] is None or thresholds is None:
        return True
    threshold = thresholds.get(entity["label"], 0) if isinstance(thresholds, dict) else thresholds
    return bool(entity["score"] >= threshold)
