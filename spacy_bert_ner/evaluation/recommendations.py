"""What the numbers of a pipeline cannot tell, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..util.pipelines import name_labels

_FEW_DOCS = 30
_WIDE = 0.2
"""An interval of F1 wider than this tells little."""
_DISHONEST = 0.05
"""Expected calibration error from which scores mislead."""
_GAP = 0.1
"""Of recall, between strings that training has shown with their label and those that it has not."""
_MOST_NAMED = 8
"""Labels in a sentence; the page has tables for more."""
_MANY = 0.25
"""Share of all mistakes from which a kind is worth a sentence."""

_OF_KIND = {
    "wrong label": "The boundaries are right and the label is not: see in the confusion matrix which labels these are, "
    "and look whether their examples agree.",
    "too long": "Entities are found with too much around them: look whether titles, articles and punctuation are "
    "annotated the same way everywhere.",
    "too short": "Entities are found in part: look whether titles, articles and punctuation are annotated the same way "
    "everywhere.",
    "missed": "Entities are not found at all: annotate more examples of them, or lower the thresholds.",
    "spurious": "Entities are found where there are none: look whether the annotators have overlooked them; else raise "
    "the thresholds.",
}


def notes(told: dict[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    """What to know before the numbers of a pipeline are read.

    told: see `measure.compute_metrics`.
    report: all that `report.evaluate` tells.
    """
    micro = told["scores"]["micro"]
    if report["train"] and report["train"]["n_shared"]:
        yield (
            f"{report['train']['n_shared']:,} of {told['n_docs']:,} documents are in the training data too, word by "
            "word: what is trained on is no test."
        )
    if not micro["gold"]:
        yield "There is no entity in the data, so that there is no recall."
    if not micro["found"]:
        yield "The pipeline found no entity, so that there is no precision. Has it a component that sets doc.ents?"
    if told["n_docs"] == 1:
        yield "There is one document only: intervals take its entities as independent, and are too narrow."
    elif told["n_docs"] < _FEW_DOCS:
        yield f"There are {told['n_docs']} documents only: intervals, which are drawn over documents, are too narrow."
    if told["unknown_labels"]:
        names = name_labels(told["unknown_labels"], told["labels"])
        yield f"Labels of the data that the pipeline never gives, so that they are missed: {names}."
    if micro["found"] and told["confidence"] is None:
        yield "No entity has a score, so that nothing is said of calibration and thresholds. bert_ner gives scores."


def next_steps(told: dict[str, Any]) -> Iterator[str]:
    """What to do next.

    told: see `notes`, with the name of the only `bert_ner` as `component`, and its settings; see `report.evaluate`.
    """
    scores = told["scores"]["per_label"]
    vague = [name for name, row in scores.items() if _width(row) > _WIDE and row["gold"]]
    if vague:
        yield (
            f"F1 of {_listed(vague)} is known within more than {_WIDE} only: annotate more held-out examples with "
            "them before you act on it."
        )
    weak = by_f1(told)
    micro = told["scores"]["micro"]["f"]
    if len(weak) > 1 and micro is not None and weak[0][0] < micro - _GAP:
        yield f"The weakest label is {weak[0][1]}, with F1 {weak[0][0]:.3f}: look at its mistakes first."
    total = sum(told["mistakes"].values())
    for kind, n in sorted(told["mistakes"].items(), key=lambda item: -item[1]):
        if kind in _OF_KIND and total and n / total >= _MANY:
            yield f"{n / total:.0%} of all mistakes are “{kind}”. {_OF_KIND[kind]}"
    shown, never = recalls(told)
    if shown is not None and never is not None and shown - never > _GAP:
        yield (
            f"Recall is {never:.3f} for strings that training never has, and {shown:.3f} for those that it has: more "
            "different names help more than more sentences."
        )
    found = told["confidence"]
    if found and found["all"]["ece"] > _DISHONEST and told["temperature"] == 1:
        yield (
            f"Scores mislead by {found['all']['ece']:.3f} in the mean: fit them on dev data, with "
            "python -m spacy bert-ner calibrate PIPELINE DEV."
        )
    limits = {
        name: row["threshold"]["threshold"]
        for name, row in (found["per_label"] if found else {}).items()
        if row["threshold"] and row["threshold"]["threshold"]
    }
    if limits and found and told["component"]:  # of several it is not known which has found what
        # Those of other labels stay; entities below thresholds that there are already were not measured.
        # A config takes `$` for the beginning of a variable.
        listed = json.dumps({**told["thresholds"], **limits}, ensure_ascii=False).replace("$", "$$")
        yield (
            f"For a precision of {found['wanted_precision']:.2f} of each label that reaches it, set in "
            f"[components.{told['component']}]: thresholds = {listed}. Choose them on dev data, not on what you report."
        )


def by_f1(told: dict[str, Any]) -> list[tuple[float, str]]:
    """F1 of each label of the data, with its name, the weakest first."""
    return sorted((row["f"] or 0.0, name) for name, row in told["scores"]["per_label"].items() if row["gold"])


def recalls(told: dict[str, Any]) -> tuple[float | None, float | None]:
    """Recall of strings that training has with their label, and of those that it never has; None where not known."""
    seen = told["slices"].get("seen in training", {})
    return seen.get("with this label", {}).get("r"), seen.get("never", {}).get("r")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _width(row: dict[str, Any]) -> float:
    return 0.0 if row["f_interval"] is None else row["f_interval"][1] - row["f_interval"][0]
