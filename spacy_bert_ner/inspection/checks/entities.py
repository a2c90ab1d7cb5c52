"""Check entity boundaries, entity lengths, and strings with inconsistent labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...corpus.span_report import SpanAlignmentReport
from ..examples import CorpusExample
from ..findings import Corpora, Finding, in_turn, share
from ..label_consistency import MAJORITY, MIN_OCCURRENCES, MIN_OCCURRENCES_OUTSIDE, NO_ENTITY, InconsistentLabel
from ..statistics import LONG_ENTITY

Shown = dict[tuple[str, str], list[CorpusExample]]
"""Examples of inconsistent labels by string and label."""
TOLERATED = 0.005
"""Share of entities with inconsistent labels at which the finding becomes a warning instead of an info.

A few inconsistent labels are normal, because some names have several labels.
"""
_CRITERION = (
    "This check covers strings that occur at least {} times and have the same label, or none, in at least {:.0%} of "
    "these occurrences."
)


def check_entities(
    corpora: Corpora,
    inconsistent: Sequence[InconsistentLabel],
    shown: Shown,
    spans: Sequence[SpanAlignmentReport] = (),
) -> Iterator[Finding]:
    """Check the entities in a corpus.

    corpora (Corpora): statistics on the splits.
    inconsistent (Sequence[InconsistentLabel]): labels that are likely errors.
    shown (Shown): examples of some inconsistent labels.
    spans (Sequence[SpanAlignmentReport]): reports on the files that contain text with offsets.
    YIELDS (Finding): the findings.
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
            "Check them in context. Some are correct, because a city can share its name with a club. Correct the "
            "others.",
        ),
        "missed": (
            [item for item in inconsistent if item.label == NO_ENTITY],
            "strings outside entities that are usually an entity",
            "Annotate those that were overlooked. Otherwise, the model learns to overlook them, too.",
        ),
        "stray": (
            [item for item in inconsistent if item.usual == NO_ENTITY],
            "entities whose string is usually not an entity",
            "Remove those that are not entities. Keep the correct ones, because a word such as May can be both.",
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
    """Select the inconsistent labels for which examples are shown.

    inconsistent (Sequence[InconsistentLabel]): labels that are likely errors.
    limit (int): maximum number of labels for each type of inconsistency.
    RETURNS (list[InconsistentLabel]): the first labels for each type of inconsistency.
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
        advice="Correct their boundaries. The white space is not part of the entity and impairs training.",
    )
    if n_trimmed := sum(report.n_trimmed + report.n_blank for report in spans):
        yield Finding(
            "info",
            "trimmed_edges",
            "spans that begin or end with white space",
            n_trimmed,
            "spans",
            share(n_trimmed, sum(report.n_spans for report in spans)),
            "No action is needed. The white space was removed, and spans with only white space were skipped.",
            details=[line for report in spans for line in report.trimmed][: corpora.train.limit],
        )


def _check_edges_and_lengths(corpora: Corpora) -> Iterator[Finding]:
    checks = (
        (
            "odd_edges",
            "entities that begin or end with punctuation",
            "Correct their boundaries unless the punctuation is part of the name.",
        ),
        (
            "long_entities",
            f"entities with more than {LONG_ENTITY} tokens",
            "Check where they end. Often, two entities were merged because the end of the first is missing.",
        ),
    )
    for code, title, advice in checks:
        yield from corpora.noted_finding(
            "warning", code, title, of="entities", total=corpora.total("n_entities"), advice=advice
        )
