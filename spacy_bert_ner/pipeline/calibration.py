"""Fit the temperature for entity scores on held-out examples, and measure its effect."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.training import Example
from spacy.util import minibatch

from ..corpus.spacy_reader import read_references, without_annotation
from ..corpus.splitting.part_file import CALIBRATED_ON, part_file
from ..decoding.entity_scores import fit_temperature
from ..errors import BertNerError, CalibrationError, Errors
from ..evaluation.existing_entities import count_preset_gold
from ..evaluation.token_accuracy import calibration_error
from ..losses import gold_tags
from ..models.token_classifier import TokenClassifier
from ..types import Doubles1d, Entity
from ..util.pipelines import check_labels, open_pipeline
from ..util.progress import Progress, no_progress
from .prediction import DecodedBatch, decode_batch
from .settings import Settings

BATCH_SIZE = 64
ENOUGH = 100
"""Number of entities below which a warning is issued. The calibration error needs enough entities for ten bins."""


def calibrate(
    model: TokenClassifier,
    examples: Sequence[Example],
    settings: Settings,
    temperature: float,
    name: str,
    progress: Progress = no_progress,
) -> dict[str, float]:
    """Fit the temperature that maximizes the likelihood of the entity scores; see `entity_scores.fit_temperature`.

    model (TokenClassifier): the token classifier.
    examples (Sequence[Example]): held-out examples with gold entities.
    settings (Settings): settings of the component.
    temperature (float): the current temperature.
    name (str): name of the component for messages.
    progress (Progress): shows how many examples are annotated. Default: `no_progress`.
    RETURNS (dict[str, float]): see `BertNer.calibrate`.
    RAISES CalibrationError: the predicted entities are all correct or all incorrect, or the Docs already contain all
        gold entities.
    """
    n_gold = sum(len(eg.reference.ents) for eg in examples)
    if not settings.overwrite and n_gold and count_preset_gold(examples, lambda doc: doc.ents) == n_gold:
        raise CalibrationError(Errors.gold_was_given_to_calibrate.format(name=name, n=n_gold))
    batches: list[tuple[DecodedBatch, NDArray[np.bool_]]] = []
    correct: list[bool] = []
    for batch in minibatch(progress(examples, name, len(examples)), BATCH_SIZE):
        decoded = decode_batch(model, [eg.predicted for eg in batch], settings)
        predicted: list[list[Entity]] = [[] for _ in batch]
        for span in decoded.spans:
            predicted[span.doc].append(span.entity)
        verdicts = [v for eg, entities in zip(batch, predicted, strict=True) for v in gold_tags.verdicts(eg, entities)]
        batches.append((decoded, np.array([verdict is not None for verdict in verdicts], dtype=bool)))
        correct += [verdict for verdict in verdicts if verdict is not None]
    if all(correct) or not any(correct):
        counts = {"total": len(correct), "correct": sum(correct)}
        raise CalibrationError(Errors.nothing_to_calibrate.format(name=name, **counts))
    if len(correct) < ENOUGH:
        message = Errors.few_to_calibrate.format(name=name, n=len(correct), enough=ENOUGH)
        warnings.warn(message, UserWarning, stacklevel=3)
    is_correct = np.array(correct)

    def score_at(temperature: float) -> Doubles1d:
        return np.concatenate([decoded.scores(temperature)[is_known] for decoded, is_known in batches])

    fitted = fit_temperature(score_at, is_correct)
    return {
        "temperature": fitted,
        "ece_before": calibration_error(score_at(temperature), is_correct),
        "ece_after": calibration_error(score_at(fitted), is_correct),
        "n_entities": len(correct),
    }


def calibrate_pipeline(folder: Path, data: Path, progress: Progress = no_progress) -> dict[str, dict[str, float]]:
    """Fit the temperature for each `bert_ner` in a saved pipeline, and write it to the component's `cfg` file.

    Components that cannot be calibrated are skipped with a warning if at least one component can be calibrated.

    folder (Path): folder of the pipeline.
    data (Path): a file with held-out examples in any supported format, or a folder whose dev split is used; see
        `part_file`.
    progress (Progress): shows how many examples are annotated. Default: `no_progress`.
    RETURNS (dict[str, dict[str, float]]): the result of `BertNer.calibrate` by component name.
    RAISES BertNerError: the pipeline has no `bert_ner` that computes scores. Also raised if the data cannot
        be used: the dev split in a folder cannot be determined, the file is damaged, the data has no gold entities,
        or the pipeline predicts none of the labels of the gold entities. CalibrationError: no component predicts both
        correct and incorrect entities. In all these cases, no file is written.
    """
    data = part_file(data, CALIBRATED_ON)
    nlp, names = open_pipeline(folder, data)
    references = [doc for _, doc in read_references(data, nlp)]
    labels = {ent.label_ for doc in references for ent in doc.ents}
    if not labels:
        raise BertNerError(Errors.no_gold_to_calibrate.format(data=data))
    check_labels(nlp, labels, folder, data)
    reports = {}
    pipes: dict[str, Any] = {name: nlp.get_pipe(name) for name in names}
    skipped = {n: Errors.no_scores.format(name=n) for n, pipe in pipes.items() if pipe.settings.spans_key is None}
    if len(skipped) == len(names):
        raise BertNerError(" ".join(skipped.values()))
    for name in names:
        if name in skipped:
            continue
        # Run the earlier components as in production, because their sentences and entities affect the predictions.
        earlier = nlp.pipe_names[: nlp.pipe_names.index(name)]
        with nlp.select_pipes(enable=earlier):
            docs = progress(references, "earlier components", len(references)) if earlier else references
            examples = [Example(nlp(without_annotation(nlp, doc)), doc) for doc in docs]
        try:
            reports[name] = pipes[name].calibrate(examples, progress=progress)
        except CalibrationError as e:
            skipped[name] = str(e)
    if not reports:
        raise CalibrationError(" ".join(skipped.values()))
    for name, reason in skipped.items():
        warnings.warn(Errors.not_calibrated.format(name=name, reason=reason), UserWarning, stacklevel=2)
    for name in reports:
        pipes[name].to_disk(folder / name, exclude=["model", "vocab"])
    return reports
