"""The numbers of each split, which all outputs show, and all that was found as JSON has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from .findings import LEVELS, Corpora, share
from .report import InspectionReport
from .statistics import SplitStatistics, summary


def to_json(report: InspectionReport) -> dict[str, Any]:
    """All that was found."""
    return {
        "splits": [_split(survey, report) for survey in report.corpora.surveys],
        "labels": report.corpora.labels,
        "encoder": report.encoder,
        "window": report.window,
        "findings": [
            asdict(finding) | {"examples": [one._asdict() for one in finding.examples]} for finding in report.findings
        ],
        "counts": {level: report.count(level) for level in LEVELS},
        "confusion": [
            {"usual": usual or None, "other": other or None, "count": n}
            for (usual, other), n in report.confusion.most_common()
        ],
    }


def seen_share(corpora: Corpora, survey: SplitStatistics) -> float | None:
    """Share of a split's entities whose string the training data has with the same label; None for that itself."""
    if survey is corpora.train:
        return None
    return share(sum(n for form, n in survey.forms.items() if form in corpora.train.forms), survey.n_entities)


def beyond_share(survey: SplitStatistics) -> float | None:
    """Share of the sentences that need more than one window; None where no subwords were counted."""
    if not survey.subword_lengths:
        return None
    return share(survey.tallies["beyond"].n, survey.n_sentences)


def _split(survey: SplitStatistics, report: InspectionReport) -> dict[str, Any]:
    return {
        "name": survey.name,
        "file": survey.place.file,
        "format": survey.format,
        "tag_scheme": survey.tag_scheme,
        "notes": survey.notes,
        "sentences": survey.n_sentences,
        "sentences_with_entities": survey.n_with_entity,
        "tokens": survey.n_tokens,
        "unknown_tokens": survey.n_unknown,
        "repaired_tags": survey.n_repaired,
        "entities": survey.n_entities,
        "entities_by_label": {label: survey.entities[label] for label in report.corpora.labels},
        "share_of_entities_in_train": seen_share(report.corpora, survey),
        "sentence_tokens": _lengths(survey.lengths),
        "sentence_subwords": _lengths(survey.subword_lengths),
        "share_beyond_window": beyond_share(survey),
        "tokens_that_share_a_subword": survey.n_joined if survey.subword_lengths else None,
        "entity_tokens": _lengths(survey.entity_lengths),
    }


def _lengths(lengths: Counter[int]) -> dict[str, Any] | None:
    found = summary(lengths)
    return found._asdict() | {"counts": {str(n): lengths[n] for n in sorted(lengths)}} if found else None
