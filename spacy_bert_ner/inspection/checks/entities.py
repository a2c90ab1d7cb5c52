"""Check entities: their boundaries, their lengths, and strings that are annotated inconsistently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...corpus.span_report import SpanAlignmentReport
from ..examples import CorpusExample
from ..findings import Corpora, Finding, in_turn, share
from ..label_consistency import MAJORITY, MIN_OCCURRENCES, MIN_OCCURRENCES_OUTSIDE, NO_ENTITY, InconsistentLabel
from ..statistics import LONG_ENTITY

Shown = dict[tuple[str, str], list[CorpusExample]]
"""Examples of inconsistent labels, by string and label."""
TOLERATED = 0.005
"""Share of the entities below which inconsistent labels are no warning, as some names do have several labels."""
_CRITERION = "(Strings that occur {} times or more, at least {:.0%} of them with the same label or none.)"


def check_entities(
    corpora: Corpora,
    inconsistent: Sequence[InconsistentLabel],
    shown: Shown,
    spans: Sequence[SpanAlignmentReport] = (),
) -> Iterator[Finding]:
    """Check entities.

    corpora (Corpora): statistics of the splits.
    inconsistent (Sequence[InconsistentLabel]): labels that are likely errors.
    shown (Shown): examples of some of them.
    spans (Sequence[SpanAlignmentReport]): reports of the files that have text with offsets.
    YIELDS (Finding): each finding.
    """
    yield from _check_blank_edges(corpora, spans)
    yield from _check_edges_and_lengths(corpora)
    yield from _check_consistency(corpora, inconsistent, shown)


def _check_consistency(corpora: Corpora, inconsistent: Sequence[InconsistentLabel], shown: Shown) -> Iterator[Finding]:
    n_entities, limit = corpora.total("n_entities"), corpora.train.limit
    kinds = {
        "other_label": (
            [item for item in inconsistent if NO_ENTITY not in (item.label, item.usual)],
            "entities whose string usually has another label",
            "Check them in context. Some are correct, as a city can also be a club; fix the others.",
        ),
        "missed": (
            [item for item in inconsistent if item.label == NO_ENTITY],
            "strings outside entities that usually are an entity",
            "Annotate those that were overlooked; otherwise the model learns to overlook them, too.",
        ),
        "stray": (
            [item for item in inconsistent if item.usual == NO_ENTITY],
            "entities whose string usually is no entity",
            "Remove those that are no entities. Words such as May can be both, and are correct.",
        ),
    }
    for code, (items, title, advice) in kinds.items():
        if items:
            count = sum(item.n for item in items)
            min_occurrences = MIN_OCCURRENCES_OUTSIDE if code == "stray" else MIN_OCCURRENCES
            yield Finding(
                "warning" if n_entities and count >= TOLERATED * n_entities else "info",
                code,
                title,
                count,
                "entities",
                share(count, n_entities),
                f"{advice} {_CRITERION.format(min_occurrences, MAJORITY)}",
                in_turn([shown.get((item.text, item.label), []) for item in items], limit),
            )


def select_shown(inconsistent: Sequence[InconsistentLabel], limit: int) -> list[InconsistentLabel]:
    """Select the labels of which examples are shown: the first of each kind.

    inconsistent (Sequence[InconsistentLabel]): labels that are likely errors.
    limit (int): maximum number of each kind.
    RETURNS (list[InconsistentLabel]): the selected labels.
    """
    kinds: dict[tuple[bool, bool], list[InconsistentLabel]] = {}
    for item in inconsistent:
        kinds.setdefault((item.label == NO_ENTITY, item.usual == NO_ENTITY), []).append(item)
    return [item for items in kinds.values() for item in items[:limit]]


def _check_blank_edges(corpora: Corpora, spans: Sequence[SpanAlignmentReport]) -> Iterator[Finding]:
    yield from corpora.noted_finding(
        "error",
        "blank_edges",
        "entities that begin or end with white space",
        of="entities",
        total=corpora.total("n_entities"),
        advice="Correct their boundaries: the white space is not part of the name, and impairs what the model learns.",
    )
    if n_trimmed := sum(report.n_trimmed + report.n_blank for report in spans):
        yield Finding(
            "info",
            "trimmed_edges",
            "spans that begin or end with white space",
            n_trimmed,
            "spans",
            share(n_trimmed, sum(report.n_spans for report in spans)),
            "Nothing to do: the white space is left out. A span of only white space is no entity.",
            details=[line for report in spans for line in report.trimmed][: corpora.train.limit],
        )


def _check_edges_and_lengths(corpora: Corpora) -> Iterator[Finding]:
    checks = (
        (
            "odd_edges",
            "entities that begin or end with punctuation",
            "Correct their boundaries, unless the punctuation is part of the name.",
        ),
        (
            "long_entities",
            f"entities of more than {LONG_ENTITY} tokens",
            "Check where they end. Often the end of an entity is missing, so that two entities have become one.",
        ),
    )
    for code, title, advice in checks:
        yield from corpora.noted_finding(
            "warning", code, title, of="entities", total=corpora.total("n_entities"), advice=advice
        )
