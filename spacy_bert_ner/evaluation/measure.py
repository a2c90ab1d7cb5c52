"""Run a pipeline on held-out examples, and compute all metrics for its output."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..corpus.spacy_reader import read_references
from ..errors import BertNerError, Errors
from ..types import Entity, Prediction
from ..util.doc_entities import entity_score
from ..util.pipelines import complete_entity_labels, running
from ..util.progress import Progress, no_progress
from .bootstrap import count_entities, prf, score
from .calibration_curves import Scored, confidence
from .label_scope import LabelScope, scope_of
from .matching import KINDS, SCHEMAS, Mistake, count_matches, mistakes
from .scorer import score_bert_ner
from .slices import slices

_MAX_STRINGS = 30
"""Maximum number of confused strings in a report."""
_Cell = tuple[str | None, str | None]
"""The gold label and the predicted label, each None if there is no entity."""


class GoldDoc(NamedTuple):
    """A Doc with entity annotation and its origin.

    file (str): name of the file.
    number (int): number of the Doc in the file, starting at 1.
    doc (Doc): the Doc.
    """

    file: str
    number: int
    doc: Doc


@dataclass(frozen=True)
class PipelineOutput:
    """A pipeline's predictions, aligned with the tokens in the gold Docs.

    Predicted entities that contain tokens without annotation are omitted.

    origins: the gold Docs and their origins.
    examples: the predicted and gold Docs.
    gold: gold entities in each Doc, in text order.
    scored: predicted entities in each Doc, in text order, with scores if `bert_ner` set them. If the pipeline splits a
        gold token, several entities can cover it.
    seconds (float): run time of the pipeline in seconds.
    labels (frozenset): labels that the pipeline's components can predict. Empty if a component does not declare its
        labels.
    scope (LabelScope): the pipeline's label rules, which have already been applied to the gold Docs.
    """

    origins: list[GoldDoc]
    examples: list[Example]
    gold: list[list[Entity]]
    scored: list[list[Prediction]]
    seconds: float
    labels: frozenset[str]
    scope: LabelScope

    @cached_property
    def docs(self) -> list[Doc]:
        """Return the gold Docs."""
        return [origin.doc for origin in self.origins]

    @cached_property
    def predicted(self) -> list[list[Entity]]:
        """Return the predicted entities in each Doc, in text order."""
        return [[Entity(*prediction[:3]) for prediction in doc] for doc in self.scored]

    @cached_property
    def mistakes(self) -> list[list[Mistake]]:
        """Return the mistakes in each Doc, in text order."""
        return [mistakes(*pair) for pair in zip(self.gold, self.predicted, strict=True)]


def read_gold(path: Path, nlp: Language) -> Iterator[GoldDoc]:
    """Read the non-empty Docs with entity annotation from a file in any supported format.

    path (Path): path to the file.
    nlp (Language): the pipeline whose tokenizer splits text with offsets.
    YIELDS: the Docs and their origins.
    RAISES BertNerError: the file does not exist or cannot be read.
    """
    if not path.exists():
        raise BertNerError(Errors.no_such_file.format(path=path))
    yield from (GoldDoc(path.name, n, doc) for n, doc in read_references(path, nlp) if doc.has_annotation("ENT_IOB"))


def run_pipeline(nlp: Language, data: Path, name: str = "", progress: Progress = no_progress) -> PipelineOutput:
    """Run a pipeline on the raw text in an annotated file. The pipeline can have any components.

    nlp (Language): the pipeline.
    data (Path): path to the file.
    name (str): name of the pipeline for error messages. Default: "".
    progress (Progress): function that reports how many texts have been annotated. Default: `no_progress`.
    RETURNS: the predictions, aligned with the gold Docs.
    RAISES BertNerError: the file does not exist, is damaged, contains no Doc with entity annotation, or contains a text
        that exceeds the pipeline's maximum length. Also raised if a component fails.
    """
    origins = list(read_gold(data, nlp))
    if not origins:
        raise BertNerError(Errors.no_gold.format(data=data))
    unannotated = [_make_unannotated(nlp, origin) for origin in origins]
    with running(name):
        nlp(_make_unannotated(nlp, origins[0]))  # excludes one-time work, such as packing weights, from the run time
        start = time.perf_counter()
        docs = list(progress(nlp.pipe(unannotated), name or "annotating", len(unannotated)))
        seconds = time.perf_counter() - start
    scope = scope_of(nlp)  # the labels are known only after the weights are loaded
    docs = [scope.filter_predicted(doc) for doc in docs]
    origins = [origin._replace(doc=scope.rename_gold(origin.doc)) for origin in origins]
    examples = [Example(doc, origin.doc) for doc, origin in zip(docs, origins, strict=True)]
    gold = [[Entity(ent.label_, ent.start, ent.end) for ent in origin.doc.ents] for origin in origins]
    scored = [_align_predictions(eg) for eg in examples]
    return PipelineOutput(origins, examples, gold, scored, seconds, complete_entity_labels(nlp), scope)


def _make_unannotated(nlp: Language, gold: GoldDoc) -> Doc:
    """Tokenize a gold Doc's text as in spaCy's `Corpus`, or keep its words if its spaces are unknown."""
    doc = gold.doc
    if doc.has_unknown_spaces:
        return Doc(nlp.vocab, words=[token.text for token in doc])
    if len(doc.text) > nlp.max_length:
        lengths = {"n": len(doc.text), "most": nlp.max_length}
        raise BertNerError(Errors.text_too_long.format(file=gold.file, number=gold.number, **lengths))
    return nlp.make_doc(doc.text)


def _align_predictions(eg: Example) -> list[Prediction]:
    """Map predicted entities to gold tokens, and drop entities that contain tokens without annotation."""
    is_annotated = [token.ent_iob != 0 for token in eg.reference]
    entities = []
    for ent in eg.predicted.ents:
        # As in spaCy's scorer, an entity covers all gold tokens from the first to the last that it overlaps.
        token_indices = eg.alignment.x2y[ent.start : ent.end]
        if len(token_indices):
            start, end = int(token_indices[0]), int(token_indices[-1]) + 1
            if all(is_annotated[start:end]):
                entities.append(Prediction(ent.label_, start, end, entity_score(ent)))
    return sorted(entities, key=lambda entity: entity[1:3])


def compute_metrics(
    output: PipelineOutput,
    seed: int = 0,
    *,
    known: Mapping[str, Mapping[str, int]] | None = None,
    wanted_precision: float = 0.9,
) -> dict[str, Any]:
    """Compute all metrics for a pipeline.

    output (PipelineOutput): the pipeline's output.
    seed (int): seed for the bootstrap. Default: 0.
    known: entities in the training data, or None if there is no training data; see `slices.known_entities`. Default:
        None.
    wanted_precision (float): target precision for thresholds, from 0 to 1. Default: 0.9.
    RETURNS: a dictionary with these keys:
        `scores`: see `bootstrap.score`
        `schemas`, `mistakes`: see `matching`
        `confusion`: number of entities by gold and predicted label, matched by identical boundaries. The gold label
            for a spurious entity and the predicted label for a missed entity are None
        `strings`: the most frequent strings whose gold and predicted labels differ, with both labels
        `slices`: see `slices.slices`
        `confidence`: see `calibration_curves.confidence`
        `iob_acc`, `iob_doc_acc`: token accuracies; see `scorer.score_bert_ner`
        `unknown_labels`: gold labels that the pipeline never predicts
        `n_docs`, `n_words`, `words_per_second`: number of documents and words, and speed, which excludes one-time
            work on the first text
    """
    docs, predicted = output.docs, output.predicted
    if known is not None and output.scope:
        known = output.scope.rename_counts(known)
    pairs = list(zip(output.gold, predicted, strict=True))
    n_gold, n_predicted = sum(map(len, output.gold)), sum(map(len, predicted))
    schemas: dict[str, Any] = {}
    for schema in SCHEMAS:
        outcomes: Counter[str] = sum((count_matches(*pair, schema) for pair in pairs), Counter())
        right = outcomes["correct"] + outcomes["partial"] / 2
        keys = ("correct", "incorrect", "partial", "missed", "spurious")
        schemas[schema] = prf(right, n_predicted, n_gold) | {key: outcomes[key] for key in keys}
    kinds = Counter(mistake.kind for doc in output.mistakes for mistake in doc)
    cells, strings = _confusions(output)
    frequent = sorted(strings.items(), key=lambda item: (-item[1], _sort_key(item)))
    n_words = sum(len(eg.predicted) for eg in output.examples)
    tokens = score_bert_ner(output.examples)
    gold_labels = Counter(entity.label for doc in output.gold for entity in doc)
    predicted_labels = {entity.label for doc in predicted for entity in doc}
    return {
        "n_docs": len(docs),
        "n_words": n_words,
        "words_per_second": n_words / output.seconds,
        "scores": score(count_entities(output.gold, predicted), seed=seed),
        "schemas": schemas,
        "mistakes": {kind: kinds[kind] for kind in KINDS},
        "confusion": [
            {"gold": gold, "predicted": other, "n": n} for (gold, other), n in sorted(cells.items(), key=_sort_key)
        ],
        "strings": [
            {"text": text, "gold": gold, "predicted": other, "n": n}
            for (text, gold, other), n in frequent[:_MAX_STRINGS]
        ],
        "slices": slices(docs, output.gold, predicted, known, seed),
        "confidence": confidence(scored_entities(output), gold_labels, wanted_precision),
        "unknown_labels": sorted(gold_labels.keys() - output.labels - predicted_labels) if output.labels else [],
        "iob_acc": tokens["iob_acc"],
        "iob_doc_acc": tokens["iob_doc_acc"],
    }


def scored_entities(output: PipelineOutput) -> list[Scored]:
    """Return the predicted entities with a score. If several predictions are equal, only the first can be correct."""
    scored = []
    for unmatched, doc in zip(map(set, output.gold), output.scored, strict=True):
        for prediction in doc:
            entity = Entity(*prediction[:3])
            if prediction.score is not None:
                scored.append(Scored(prediction.label, prediction.score, entity in unmatched))
            unmatched.discard(entity)
    return scored


def _sort_key(item: tuple[tuple[str | None, ...], int]) -> list[str]:
    """Return a sort key that orders cells by their labels, with None first."""
    return [name or "" for name in item[0]]


def _confusions(output: PipelineOutput) -> tuple[Counter[_Cell], Counter[tuple[str, str | None, str | None]]]:
    """Count pairs of gold and predicted labels for the same span, and count strings whose labels differ."""
    cells: Counter[_Cell] = Counter()
    strings: Counter[tuple[str, str | None, str | None]] = Counter()
    for doc, gold, predicted in zip(output.docs, output.gold, output.predicted, strict=True):
        unmatched: dict[tuple[int, int], str] = {entity[1:]: entity.label for entity in gold}
        right = {*gold} & {*predicted}
        # Match correct entities first. Then, match the first entity with the same boundaries.
        pairs: list[tuple[tuple[int, int], str | None, str | None]] = [
            (entity[1:], unmatched.pop(entity[1:], None), entity.label)
            for entity in sorted(predicted, key=lambda entity: entity not in right)
        ]
        pairs += [(span, label, None) for span, label in unmatched.items()]
        for (start, end), gold_label, predicted_label in pairs:
            cells[gold_label, predicted_label] += 1
            if gold_label != predicted_label:
                strings[doc[start:end].text, gold_label, predicted_label] += 1
    return cells, strings
