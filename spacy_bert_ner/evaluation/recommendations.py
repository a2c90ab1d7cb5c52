"""Describe the limits of a pipeline's metrics, and recommend next steps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..reporting.text import join_names
from ..util.pipelines import name_labels

_FEW_DOCS = 30
_MAX_INTERVAL = 0.2
"""Maximum width of an F1 interval that is considered useful."""
_MAX_CALIBRATION_ERROR = 0.05
"""Expected calibration error above which scores are misleading."""
_MAX_GAP = 0.1
"""Gap above which a recommendation is made: between recall for seen and unseen entities, or between overall F1 and the
lowest F1 of a label."""
_MAX_NAMES = 8
"""Maximum number of labels in a sentence. The tables on the page contain all labels."""
_FREQUENT = 0.25
"""Minimum share of all mistakes for a type of mistake to be mentioned in a recommendation."""

_ADVICE = {
    "wrong label": "The boundaries are correct, but the label is wrong. Look up the confused labels in the confusion "
    "matrix, and check that their examples are annotated consistently.",
    "too long": "Predicted entities include too much text. Check that titles, articles and punctuation are annotated "
    "consistently.",
    "too short": "Predicted entities are incomplete. Check that titles, articles and punctuation are annotated "
    "consistently.",
    "missed": "The pipeline does not find these entities. Annotate more such examples, or lower the thresholds.",
    "spurious": "The pipeline predicts entities where none are annotated. Check whether annotators missed them. If "
    "not, raise the thresholds.",
}


def notes(metrics: dict[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    """Describe limits that readers must know before they interpret a pipeline's metrics.

    metrics: the pipeline's metrics; see `measure.compute_metrics`.
    report: the complete report; see `report.evaluate`.
    YIELDS: notes of one or more sentences.
    """
    micro = metrics["scores"]["micro"]
    if report["train"] and report["train"]["n_shared"]:
        yield (
            f"{report['train']['n_shared']:,} of {metrics['n_docs']:,} documents are also in the training data, word "
            "for word. Scores on training data are not a valid test."
        )
    if not micro["gold"]:
        yield "The data has no gold entities, so recall is undefined."
    if not micro["found"]:
        yield (
            "The pipeline predicted no entities, so precision is undefined. Check that it has a component that sets "
            "doc.ents."
        )
    if metrics["n_docs"] == 1:
        yield "There is only one document. Intervals are too narrow, because they treat its entities as independent."
    elif metrics["n_docs"] < _FEW_DOCS:
        yield (
            f"There are only {metrics['n_docs']} documents. Intervals are too narrow, because they are computed by "
            "resampling documents."
        )
    if metrics["unknown_labels"]:
        names = name_labels(metrics["unknown_labels"], metrics["labels"])
        yield f"The pipeline never predicts these labels, so all their gold entities are missed: {names}."
    if micro["found"] and metrics["confidence"] is None:
        yield (
            "No entity has a score, so calibration and thresholds are not reported. A bert_ner component provides "
            "scores."
        )


def next_steps(metrics: dict[str, Any]) -> Iterator[str]:
    """Recommend next steps for a pipeline.

    metrics: metrics as in `notes`, with `component`, the name of the only `bert_ner` component, and its settings; see
        `report.evaluate`.
    YIELDS: recommendations of one or more sentences.
    """
    scores = metrics["scores"]["per_label"]
    uncertain = [name for name, row in scores.items() if _interval_width(row) > _MAX_INTERVAL and row["gold"]]
    if uncertain:
        yield (
            f"The F1 interval is wider than {_MAX_INTERVAL} for {join_names(uncertain, _MAX_NAMES)}. Annotate more "
            "held-out examples with these labels before you rely on their F1."
        )
    weak = labels_by_f1(metrics)
    micro = metrics["scores"]["micro"]["f"]
    if len(weak) > 1 and micro is not None and weak[0][0] < micro - _MAX_GAP:
        yield f"The label with the lowest F1 is {weak[0][1]} (F1 {weak[0][0]:.3f}). Review its mistakes first."
    total = sum(metrics["mistakes"].values())
    for kind, n in sorted(metrics["mistakes"].items(), key=lambda item: -item[1]):
        if kind in _ADVICE and total and n / total >= _FREQUENT:
            yield f"{n / total:.0%} of all mistakes are “{kind}”. {_ADVICE[kind]}"
    seen, unseen = recalls(metrics)
    if seen is not None and unseen is not None and seen - unseen > _MAX_GAP:
        yield (
            f"Recall is {unseen:.3f} for entities that do not occur in the training data, and {seen:.3f} for entities "
            "that occur there with the same label. To raise recall for unseen entities, add new names to the training "
            "data rather than more sentences with the same names."
        )
    confidence = metrics["confidence"]
    if confidence and confidence["all"]["ece"] > _MAX_CALIBRATION_ERROR and metrics["temperature"] == 1:
        yield (
            f"The expected calibration error of entity scores is {confidence['all']['ece']:.3f}. Calibrate them on dev "
            "data with python -m spacy bert-ner calibrate PIPELINE DEV."
        )
    thresholds = {
        name: row["threshold"]["threshold"]
        for name, row in (confidence["per_label"] if confidence else {}).items()
        if row["threshold"] and row["threshold"]["threshold"]
    }
    # With several components, it is unknown which component predicted an entity.
    if thresholds and confidence and metrics["component"]:
        # Existing thresholds for other labels are kept, because entities below them were not measured.
        # `$` is escaped, because it begins a variable in a config.
        setting = json.dumps({**metrics["thresholds"], **thresholds}, ensure_ascii=False).replace("$", "$$")
        yield (
            f"To reach a precision of {confidence['wanted_precision']:.2f} for each label that can reach it, set in "
            f"[components.{metrics['component']}]: thresholds = {setting}. Choose thresholds on dev data, not on the "
            "data on which you report scores."
        )


def labels_by_f1(metrics: dict[str, Any]) -> list[tuple[float, str]]:
    """Return the F1 and name of each label with gold entities, in ascending order of F1."""
    return sorted((row["f"] or 0.0, name) for name, row in metrics["scores"]["per_label"].items() if row["gold"])


def recalls(metrics: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return the recall for entities seen in training with the same label, and the recall for unseen entities.

    Each is None if unknown.
    """
    scores = metrics["slices"].get("seen in training", {})
    return scores.get("with this label", {}).get("r"), scores.get("never", {}).get("r")


def _interval_width(row: dict[str, Any]) -> float:
    return 0.0 if row["f_interval"] is None else row["f_interval"][1] - row["f_interval"][0]
