"""Findings about entities: their edges, their lengths, and strings that are annotated in different ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...corpus.span_report import SpanAlignmentReport
from ..examples import CorpusExample
from ..findings import Corpora, Finding, in_turn, share
from ..label_consistency import FEWEST, FEWEST_OUTSIDE, MAJORITY, NONE, InconsistentLabel
from ..statistics import LONG_ENTITY

Shown = dict[tuple[str, str], list[CorpusExample]]
TOLERATED = 0.005
"""Share of the entities up to which differing readings are no warning: names do have several."""
_USUAL = "(Strings that occur {} times or more, in {:.0%} of them in one way.)"


def check_entities(
    corpora: Corpora, found: Sequence[InconsistentLabel], shown: Shown, spans: Sequence[SpanAlignmentReport] = ()
) -> Iterator[Finding]:
    """All of them.

    shown: examples of some of the readings that are likely errors.
    spans: of those files that have text with offsets.
    """
    yield from _blank_edges(corpora, spans)
    yield from _noted(corpora)
    n_entities, limit = corpora.total("n_entities"), corpora.train.limit
    kinds = {
        "other_label": (
            [one for one in found if one.reading != NONE and one.usual != NONE],
            "entities whose string mostly has another label",
            "Look at them in their context. Some are right, as a city can be a club, too; mend the others.",
        ),
        "missed": (
            [one for one in found if one.reading == NONE],
            "strings that mostly are an entity, and here are none",
            "Mark those that were overlooked: the model is trained to overlook them, too.",
        ),
        "stray": (
            [one for one in found if one.usual == NONE],
            "entities whose string mostly is none",
            "Remove those that are none. Words such as May are both, and are right.",
        ),
    }
    for code, (some, title, advice) in kinds.items():
        if some:
            count = sum(one.n for one in some)
            yield Finding(
                "warning" if n_entities and count >= TOLERATED * n_entities else "info",
                code,
                title,
                count,
                "entities",
                share(count, n_entities),
                f"{advice} {_USUAL.format(FEWEST_OUTSIDE if code == 'stray' else FEWEST, MAJORITY)}",
                in_turn([shown.get((one.text, one.reading), []) for one in some], limit),
            )


def chosen(found: Sequence[InconsistentLabel], limit: int) -> list[InconsistentLabel]:
    """Those of each kind that are shown."""
    kinds: dict[tuple[bool, bool], list[InconsistentLabel]] = {}
    for one in found:
        kinds.setdefault((one.reading == NONE, one.usual == NONE), []).append(one)
    return [one for some in kinds.values() for one in some[:limit]]


def _blank_edges(corpora: Corpora, spans: Sequence[SpanAlignmentReport]) -> Iterator[Finding]:
    count, examples = corpora.noted("blank_edges")
    if count:
        yield Finding(
            "error",
            "blank_edges",
            "entities that begin or end with white space",
            count,
            "entities",
            share(count, corpora.total("n_entities")),
            "Move their edges: the space is not part of the name, and such entities are not learned as they should be.",
            examples,
        )
    if n_trimmed := sum(report.n_trimmed + report.n_blank for report in spans):
        yield Finding(
            "info",
            "trimmed_edges",
            "spans with white space at their edges",
            n_trimmed,
            "spans",
            share(n_trimmed, sum(report.n_spans for report in spans)),
            "Nothing to do: the white space is left out. A span of white space alone is no entity.",
            details=[line for report in spans for line in report.trimmed][: corpora.train.limit],
        )


def _noted(corpora: Corpora) -> Iterator[Finding]:
    rows = (
        (
            "odd_edges",
            "entities that begin or end with punctuation",
            "Move their edges, unless the mark is part of the name.",
        ),
        (
            "long_entities",
            f"entities of more than {LONG_ENTITY} tokens",
            "Check where they end: often an end mark is missing, and two entities have become one.",
        ),
    )
    n_entities = corpora.total("n_entities")
    for code, title, advice in rows:
        count, examples = corpora.noted(code)
        if count:
            yield Finding("warning", code, title, count, "entities", share(count, n_entities), advice, examples)
