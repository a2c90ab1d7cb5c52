"""Annotate batches of texts of a replica, and count them."""

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
    """Annotates batches of texts with one pipeline, outside the event loop.

    nlp (Language): the pipeline.
    """

    def __init__(self, nlp: Language) -> None:
        self.nlp = nlp
        self._annotator = TextAnnotator(nlp)
        # One thread: one batch uses all cores of the replica. Meanwhile the event loop can answer other requests.
        self._thread = ThreadPoolExecutor(1)
        self._texts = Counter("bert_ner_texts", "Texts that were annotated.")
        self._words = Counter("bert_ner_words", "Tokens of spaCy that were annotated.")
        self._batches = Histogram(
            "bert_ner_batch_texts", "Texts that were annotated together.", boundaries=[1, 2, 4, 8, 16, 32, 64, 128]
        )

    async def annotate(self, texts: Sequence[str]) -> list[list[dict[str, Any]] | None]:
        """Annotate a batch.

        texts (Sequence[str]): the texts.
        RETURNS (list[list[dict[str, Any]] | None]): the entities of each text; None for a text that failed.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._annotate, texts)

    def _annotate(self, texts: Sequence[str]) -> list[list[dict[str, Any]] | None]:
        self._batches.observe(len(texts))
        # The memory zone drops the new strings of a batch; without it the vocabulary grows as long as the server runs.
        with self.nlp.memory_zone():
            docs, reasons = self._annotator.annotate(texts)
            self._texts.inc(len(texts))
            if n_words := sum(map(len, docs.values())):
                self._words.inc(n_words)
            entities = [
                row_of(docs[i], "", {}, with_text=False)["entities"] if i in docs else None for i in range(len(texts))
            ]
        for reason in reasons.values():
            # Only the component and the kind of the error, as the message may quote the text.
            _LOG.error("a text failed: %s", ": ".join(reason.split(": ")[:2]))
        return entities


def select_entities(entities: Sequence[dict[str, Any]], request: EntitiesRequest) -> list[dict[str, Any]]:
    """Select the entities that a request asks for.

    entities (Sequence[dict[str, Any]]): the entities of a text.
    request (EntitiesRequest): its labels and thresholds.
    RETURNS (list[dict[str, Any]]): the entities that have one of the labels and a sufficient score, or no score.
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
