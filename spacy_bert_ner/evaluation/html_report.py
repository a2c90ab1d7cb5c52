"""Render the report as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ..reporting.charts import Chart, to_svg
from ..reporting.entity_html import EntitySpan, highlight
from ..reporting.html import render
from ..reporting.label_colours import label_colors
from .bootstrap import labels_by_frequency
from .charts import MAX_LABELS
from .error_cases import Case
from .matching import KINDS
from .recommendations import next_steps, notes

MAX_CASES = 25
"""Maximum number of cases for each type of mistake or pair of pipelines. The report's JSONL files contain all cases."""


def render_report(
    report: Mapping[str, Any],
    charts: Mapping[str, Sequence[Chart]],
    mistakes: Mapping[str, Sequence[Case]],
    differences: Mapping[tuple[str, str], Sequence[Case]],
) -> str:
    """Render the report as an HTML page. Text from data and pipelines is escaped.

    report: content of `metrics.json`.
    charts: charts by pipeline; see `charts.all_charts`.
    mistakes: mistakes by pipeline; see `error_cases.mistake_cases`.
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
        parts.append(
            {
                "name": name,
                "metrics": metrics,
                "labels": rows,
                "left_out": max(0, len(rows) - MAX_LABELS),
                "notes": list(notes(metrics, report)),
                "steps": list(next_steps(metrics)),
                "charts": _svgs(charts[name]),
                "mistakes": _by_kind(mistakes[name], colour_of),
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
    )


def _svgs(charts: Sequence[Chart]) -> dict[str, Markup]:
    # Safe: matplotlib escapes text in SVG.
    return {chart.name.partition("-")[0]: Markup(to_svg(chart)) for chart in charts}  # noqa: S704


def _by_kind(cases: Sequence[Case], colour_of: Mapping[str, str]) -> list[dict[str, Any]]:
    """Group mistakes by type, and render a sample from each group."""
    groups = []
    for kind in KINDS:
        of_kind = [case for case in cases if case["kind"] == kind]
        if of_kind:
            rows = [
                {
                    "where": _location(case),
                    "rows": [
                        ("gold", _highlight(case, "gold", colour_of)),
                        ("predicted", _highlight(case, "predicted", colour_of)),
                    ],
                }
                for case in _sample(of_kind)
            ]
            groups.append({"kind": kind, "n": len(of_kind), "cases": rows})
    return groups


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
