"""Render the report as a self-contained HTML page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ..reporting.charts import Chart, to_svg
from ..reporting.entity_html import EntitySpan, highlight
from ..reporting.html import render
from ..reporting.label_colours import label_colors
from .bootstrap import labels_by_frequency
from .charts import MAX_LABELS, shown_labels
from .error_cases import CORRECT, Case
from .matching import KINDS
from .recommendations import next_steps, notes

MAX_CASES = 25
"""Maximum number of cases for each type of mistake or pair of pipelines. The report's JSONL files contain all cases."""
MAX_PER_FILTER = 3
"""Number of mistakes to show for each cell of the confusion matrix and each slice.

If the sample of each type of mistake contains fewer, further mistakes are added.
"""
MAX_MORE = 200
"""Maximum number of further mistakes, and maximum number of correct entities, for each pipeline."""


def render_report(
    report: Mapping[str, Any],
    charts: Mapping[str, Sequence[Chart]],
    mistakes: Mapping[str, Sequence[Case]],
    correct: Mapping[str, Sequence[Case]],
    differences: Mapping[tuple[str, str], Sequence[Case]],
) -> str:
    """Render the report as an HTML page. Text from data and pipelines is escaped.

    report: content of `metrics.json`.
    charts: charts by pipeline; see `charts.all_charts`.
    mistakes: mistakes by pipeline; see `error_cases.mistake_cases`.
    correct: correct entities by pipeline; see `error_cases.correct_cases`.
    differences: differences by pair of pipelines; see `error_cases.difference_cases`.
    RETURNS: the page as HTML.
    RAISES ImportError: matplotlib is not installed.
    """
    labels = {label for metrics in report["pipelines"].values() for label in metrics["scores"]["per_label"]}
    colour_of = label_colors(*(metrics["labels"] for metrics in report["pipelines"].values()))
    parts = []
    for name, metrics in report["pipelines"].items():
        scores = metrics["scores"]
        rows = [(label, scores["per_label"][label]) for label in labels_by_frequency(scores)]
        shown = shown_labels(metrics)
        slices = [(title, name) for title, rows in metrics["slices"].items() for name in rows]
        parts.append(
            {
                "name": name,
                "metrics": metrics,
                "labels": rows,
                "left_out": max(0, len(rows) - MAX_LABELS),
                "notes": list(notes(metrics, report)),
                "steps": list(next_steps(metrics)),
                "charts": _svgs(charts[name]),
                "matrix": _matrix(metrics, shown),
                "shown": shown,
                "slices": [(title, slice_, metrics["slices"][title][slice_]) for title, slice_ in slices],
                "mistakes": _by_kind([*mistakes[name], *correct[name][:MAX_MORE]], colour_of, shown, slices),
                "n_mistakes": len(mistakes[name]),
            }
        )
    pairs = [
        {**pair, "cases": _differences(differences[pair["from"], pair["to"]], colour_of)}
        | {"n": len(differences[pair["from"], pair["to"]])}
        for pair in report["comparisons"]
    ]
    return render(
        __package__,
        report=report,
        parts=parts,
        pairs=pairs,
        common=_svgs(charts[""]),
        left_out=max(0, len(labels) - MAX_LABELS),  # in the chart for all pipelines
        max_cases=MAX_CASES,
        script="report.js",
    )


def _svgs(charts: Sequence[Chart]) -> dict[str, Markup]:
    # Safe: matplotlib escapes text in SVG.
    named = {chart.name.partition("-")[0]: chart for chart in charts}
    named.pop("confusion", None)  # the page has a table, whose cells can be selected
    return {name: Markup(to_svg(chart)) for name, chart in named.items()}  # noqa: S704


def _matrix(metrics: Mapping[str, Any], shown: Sequence[str]) -> list[list[dict[str, Any] | None]]:
    """Return the rows of the confusion matrix. Each cell has its count, share of the row total and filter key."""
    counts = {(cell["gold"], cell["predicted"]): cell["n"] for cell in metrics["confusion"]}
    totals: Counter[str | None] = Counter()
    for cell in metrics["confusion"]:
        totals[cell["gold"]] += cell["n"]
    sides = [*shown, None]
    return [
        [
            {"n": n, "share": n / totals[gold], "key": _cell_key(gold, predicted, shown)}
            if (n := counts.get((gold, predicted), 0))
            else None
            for predicted in sides
        ]
        for gold in sides
    ]


def _cell_key(gold: str | None, predicted: str | None, shown: Sequence[str]) -> str:
    """Return a key for a cell of the confusion matrix: the numbers of its labels, with 0 for no entity."""
    numbers = (0 if label is None else shown.index(label) + 1 for label in (gold, predicted))
    return "-".join(map(str, numbers))


def _filter_keys(case: Case, shown: Sequence[str], slices: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the attributes of a case by which the script on the page filters cases."""
    gold, predicted = ([entity for entity in case[side] if entity["here"]] for side in ("gold", "predicted"))
    spans = {(entity["start"], entity["end"]): entity["label"] for entity in gold}
    pairs = [(spans.pop((entity["start"], entity["end"]), None), entity["label"]) for entity in predicted]
    pairs += [(label, None) for label in spans.values()]
    known = [pair for pair in pairs if all(label is None or label in shown for label in pair)]
    labels = {shown.index(label) + 1 for pair in pairs for label in pair if label in shown}
    scores = [entity["score"] for entity in predicted if "score" in entity]
    return {
        "kind": case["kind"],
        "labels": sorted(labels),
        "cells": sorted({_cell_key(*pair, shown) for pair in known}),
        "slices": [slices.index(tuple(name)) for name in case["slices"] if tuple(name) in slices],
        "score": f"{min(scores):.6f}" if scores else "",
    }


def _by_kind(
    cases: Sequence[Case], colour_of: Mapping[str, str], shown: Sequence[str], slices: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Group cases by type, and render a sample from each group."""
    keys = {id(case): _filter_keys(case, shown, slices) for case in cases}
    chosen = _choose(cases, keys)
    groups = []
    for kind in (*KINDS, CORRECT):
        of_kind = [case for case in cases if case["kind"] == kind]
        if of_kind:
            rows = [
                {
                    "where": _location(case),
                    "keys": keys[id(case)],
                    "rows": [
                        ("gold", _highlight(case, "gold", colour_of)),
                        ("predicted", _highlight(case, "predicted", colour_of)),
                    ],
                }
                for case in of_kind
                if id(case) in chosen
            ]
            groups.append({"kind": kind, "n": len(of_kind), "cases": rows, "is_mistake": kind != CORRECT})
    return groups


def _choose(cases: Sequence[Case], keys: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """Choose the cases to show on the page.

    These are all correct entities, a sample of each type of mistake, and further mistakes for each cell or slice with
    fewer than `MAX_PER_FILTER` mistakes.

    RETURNS: the `id()` of each chosen case.
    """
    chosen = {id(case) for case in cases if case["kind"] == CORRECT}
    for kind in KINDS:
        chosen |= {id(case) for case in _sample([case for case in cases if case["kind"] == kind])}

    def filters(case: Case) -> list[Any]:
        return [*keys[id(case)]["cells"], *keys[id(case)]["slices"]]

    n_shown = Counter(key for case in cases if id(case) in chosen and case["kind"] != CORRECT for key in filters(case))
    n_more = 0
    for case in cases:
        if n_more == MAX_MORE:
            break
        if id(case) not in chosen and any(n_shown[key] < MAX_PER_FILTER for key in filters(case)):
            chosen.add(id(case))
            n_shown.update(filters(case))
            n_more += 1
    return chosen


def _differences(cases: Sequence[Case], colour_of: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "where": _location(case),
            "right": case["right"],
            "rows": [(side, _highlight(case, side, colour_of)) for side in ("gold", "one", "other")],
        }
        for case in _sample(cases)
    ]


def _location(case: Case) -> str:
    return f"{case['file']}, document {case['doc']:,}"


def _sample(cases: Sequence[Case]) -> list[Case]:
    """Select at most `MAX_CASES` evenly spaced cases."""
    if len(cases) <= MAX_CASES:
        return list(cases)
    return [cases[i * len(cases) // MAX_CASES] for i in range(MAX_CASES)]


def _highlight(case: Case, side: str, colour_of: Mapping[str, str]) -> Markup:
    """Render the sentence in a case with one of its entity lists, such as `gold`."""
    entities = [
        EntitySpan(entity["start"], entity["end"], entity["label"], entity.get("score"), stands_out=entity["here"])
        for entity in case[side]
    ]
    return highlight(case["text"], entities, colour_of)
