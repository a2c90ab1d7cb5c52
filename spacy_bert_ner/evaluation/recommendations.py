"""Write notes on the limits of the metrics of a pipeline, and recommend next steps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..reporting.text import join_names
from ..util.pipelines import name_labels

_FEW_DOCS = 30
_MAX_INTERVAL = 0.2
"""Maximum width of a useful F1 interval."""
_MAX_CALIBRATION_ERROR = 0.05
"""Expected calibration error above which scores mislead."""
_MAX_GAP = 0.1
"""Maximum unremarkable gap: in recall, between seen and unseen entities; in F1, between a label and all labels."""
_MAX_NAMES = 8
"""Maximum labels in a sentence; the tables of the page have all."""
_FREQUENT = 0.25
"""Share of all mistakes from which a kind is mentioned."""

_ADVICE = {
    "wrong label": "The boundaries are correct, but the label is not: look up the confused labels in the confusion "
    "matrix, and check that their examples are annotated consistently.",
    "too long": "Predicted entities include too much: check that titles, articles and punctuation are annotated "
    "consistently.",
    "too short": "Predicted entities are incomplete: check that titles, articles and punctuation are annotated "
    "consistently.",
    "missed": "Entities are not found at all: annotate more examples of them, or lower the thresholds.",
    "spurious": "Entities are predicted where none are annotated: check whether annotators missed them; otherwise "
    "raise the thresholds.",
}


def notes(metrics: dict[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    """Write what to know before reading the metrics of a pipeline.

    metrics: metrics of the pipeline, see `measure.compute_metrics`
    report: the whole report, see `report.evaluate`
    YIELDS: sentences.
    """
    micro = metrics["scores"]["micro"]
    if report["train"] and report["train"]["n_shared"]:
        yield (
            f"{report['train']['n_shared']:,} of {metrics['n_docs']:,} documents are also in the training data, word "
            "for word: scores on training data are not a test."
        )
    if not micro["gold"]:
        yield "The data has no entities, so there is no recall."
    if not micro["found"]:
        yield "The pipeline found no entities, so there is no precision. Does it have a component that sets doc.ents?"
    if metrics["n_docs"] == 1:
        yield "There is only one document: intervals assume that its entities are independent, and are too narrow."
    elif metrics["n_docs"] < _FEW_DOCS:
        yield f"There are only {metrics['n_docs']} documents: intervals, which resample documents, are too narrow."
    if metrics["unknown_labels"]:
        names = name_labels(metrics["unknown_labels"], metrics["labels"])
        yield f"Labels of the data that the pipeline never predicts, so their entities are missed: {names}."
    if micro["found"] and metrics["confidence"] is None:
        yield "No entity has a score, so calibration and thresholds are not reported. bert_ner provides scores."


def next_steps(metrics: dict[str, Any]) -> Iterator[str]:
    """Recommend next steps for a pipeline.

    metrics: see `notes`; with the name of the only `bert_ner` as `component` and its settings, see `report.evaluate`
    YIELDS: sentences.
    """
    scores = metrics["scores"]["per_label"]
    uncertain = [name for name, row in scores.items() if _interval_width(row) > _MAX_INTERVAL and row["gold"]]
    if uncertain:
        yield (
            f"The F1 interval is wider than {_MAX_INTERVAL} for {join_names(uncertain, _MAX_NAMES)}: annotate more "
            "held-out examples with these labels before you act on their F1."
        )
    weak = labels_by_f1(metrics)
    micro = metrics["scores"]["micro"]["f"]
    if len(weak) > 1 and micro is not None and weak[0][0] < micro - _MAX_GAP:
        yield f"The weakest label is {weak[0][1]}, with F1 {weak[0][0]:.3f}: review its mistakes first."
    total = sum(metrics["mistakes"].values())
    for kind, n in sorted(metrics["mistakes"].items(), key=lambda item: -item[1]):
        if kind in _ADVICE and total and n / total >= _FREQUENT:
            yield f"{n / total:.0%} of all mistakes are “{kind}”. {_ADVICE[kind]}"
    seen, unseen = recalls(metrics)
    if seen is not None and unseen is not None and seen - unseen > _MAX_GAP:
        yield (
            f"Recall is {unseen:.3f} for entities not seen in training, and {seen:.3f} for entities seen with the same "
            "label: adding different names helps more than adding sentences."
        )
    confidence = metrics["confidence"]
    if confidence and confidence["all"]["ece"] > _MAX_CALIBRATION_ERROR and metrics["temperature"] == 1:
        yield (
            f"The expected calibration error of scores is {confidence['all']['ece']:.3f}: calibrate them on dev data "
            "with python -m spacy bert-ner calibrate PIPELINE DEV."
        )
    thresholds = {
        name: row["threshold"]["threshold"]
        for name, row in (confidence["per_label"] if confidence else {}).items()
        if row["threshold"] and row["threshold"]["threshold"]
    }
    # With several components it is unknown which one predicted an entity.
    if thresholds and confidence and metrics["component"]:
        # Existing thresholds of other labels are kept: entities below them were not measured.
        # `$` begins a variable in a config, so it is escaped.
        setting = json.dumps({**metrics["thresholds"], **thresholds}, ensure_ascii=False).replace("$", "$$")
        yield (
            f"For a precision of {confidence['wanted_precision']:.2f} on each label that reaches it, set in "
            f"[components.{metrics['component']}]: thresholds = {setting}. Choose thresholds on dev data, not on the "
            "data that you report."
        )


def labels_by_f1(metrics: dict[str, Any]) -> list[tuple[float, str]]:
    """Return F1 and name of each label that has gold entities, the weakest first."""
    return sorted((row["f"] or 0.0, name) for name, row in metrics["scores"]["per_label"].items() if row["gold"])


def recalls(metrics: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return recall of entities seen in training with the same label and of unseen ones, each None if unknown."""
    scores = metrics["slices"].get("seen in training", {})
    return scores.get("with this label", {}).get("r"), scores.get("never", {}).get("r")


def _interval_width(row: dict[str, Any]) -> float:
    return 0.0 if row["f_interval"] is None else row["f_interval"][1] - row["f_interval"][0]
