"""Convert an inspection report to JSON. The other output formats show the same numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from .findings import LEVELS, Corpora, share
from .report import InspectionReport
from .statistics import SplitStatistics, summary


def to_json(report: InspectionReport) -> dict[str, Any]:
    """Convert a report to JSON data.

    report (InspectionReport): the report.
    RETURNS (dict[str, Any]): the splits, the labels, the findings and the label confusions.
    """
    return {
        "splits": [_split_to_json(split, report) for split in report.corpora.splits],
        "labels": report.corpora.labels,
        "encoder": report.encoder,
        "window": report.window,
        "findings": [
            asdict(finding) | {"examples": [example._asdict() for example in finding.examples]}
            for finding in report.findings
        ],
        "counts": {level: report.count(level) for level in LEVELS},
        "confusion": [
            {"usual": usual or None, "other": other or None, "count": n}
            for (usual, other), n in report.confusion.most_common()
        ],
    }


def seen_share(corpora: Corpora, split: SplitStatistics) -> float | None:
    """Return the share of a split's entities whose string has the same label in the training data.

    corpora (Corpora): statistics on all splits.
    split (SplitStatistics): statistics on the split.
    RETURNS (float | None): the share, from 0 to 1; None for the training data and for a split without entities.
    """
    if split is corpora.train:
        return None
    n_seen = sum(n for form, n in split.forms.items() if form in corpora.train.forms)
    return share(n_seen, split.n_entities)


def beyond_share(split: SplitStatistics) -> float | None:
    """Return the share of sentences that are longer than one window, or None if no subwords were counted."""
    if not split.subword_lengths:
        return None
    return share(split.counters["beyond_window"].n, split.n_sentences)


def _split_to_json(split: SplitStatistics, report: InspectionReport) -> dict[str, Any]:
    return {
        "name": split.name,
        "file": split.source.file,
        "format": split.format,
        "tag_scheme": split.tag_scheme,
        "notes": split.notes,
        "sentences": split.n_sentences,
        "sentences_with_entities": split.n_with_entity,
        "tokens": split.n_tokens,
        "unknown_tokens": split.n_unknown,
        "repaired_tags": split.n_repaired,
        "entities": split.n_entities,
        "entities_by_label": {label: split.entities[label] for label in report.corpora.labels},
        "share_of_entities_in_train": seen_share(report.corpora, split),
        "sentence_tokens": _lengths_to_json(split.lengths),
        "sentence_subwords": _lengths_to_json(split.subword_lengths),
        "share_beyond_window": beyond_share(split),
        "tokens_that_share_a_subword": split.n_joined if split.subword_lengths else None,
        "entity_tokens": _lengths_to_json(split.entity_lengths),
    }


def _lengths_to_json(lengths: Counter[int]) -> dict[str, Any] | None:
    statistics = summary(lengths)
    return statistics._asdict() | {"counts": {str(n): lengths[n] for n in sorted(lengths)}} if statistics else None
