"""The report as one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ..reporting.charts import Chart, to_svg
from ..reporting.entity_html import EntitySpan, label_colors, render_entities
from ..reporting.html import cut_middle, printable, render, visible
from . import charts as drawn
from .error_cases import Case
from .matching import KINDS
from .recommendations import next_steps, notes

MOST_CASES = 25
"""Mistakes of a kind, and differences of two pipelines, that are shown; the files beside the page have all."""


def page(
    report: Mapping[str, Any],
    charts: Mapping[str, Sequence[Chart]],
    mistakes: Mapping[str, Sequence[Case]],
    differences: Mapping[tuple[str, str], Sequence[Case]],
) -> str:
    """The page. Whatever comes from data and pipelines is escaped.

    report: what `metrics.json` holds.
    charts: see `charts.all_charts`.
    mistakes, differences: see `places`, by pipeline and by pair of pipelines.
    RAISES ImportError: matplotlib is not installed.
    """
    labels = {label for one in report["pipelines"].values() for label in one["scores"]["per_label"]}
    colour_of = label_colors(labels)
    parts = []
    for name, told in report["pipelines"].items():
        rows = sorted(told["scores"]["per_label"].items(), key=lambda item: (-item[1]["gold"], item[0]))
        parts.append(
            {
                "name": name,
                "told": told,
                "labels": rows,
                "left_out": max(0, len(rows) - drawn.MOST_LABELS),
                "notes": list(notes(told, report)),
                "steps": list(next_steps(told)),
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
        left_out=max(0, len(labels) - drawn.MOST_LABELS),  # of the chart of all pipelines
        most=MOST_CASES,
    )


def _svgs(charts: Sequence[Chart]) -> dict[str, Markup]:
    # Safe: matplotlib escapes what it writes.
    return {chart.name.partition("-")[0]: Markup(to_svg(chart)) for chart in charts}  # noqa: S704


def _by_kind(cases: Sequence[Case], colour_of: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for kind in KINDS:
        of_kind = [case for case in cases if case["kind"] == kind]
        if of_kind:
            rows = [
                {
                    "where": _where(case),
                    "rows": [
                        ("gold", _marked(case, "gold", colour_of)),
                        ("predicted", _marked(case, "predicted", colour_of)),
                    ],
                }
                for case in _spread(of_kind)
            ]
            found.append({"kind": kind, "n": len(of_kind), "cases": rows})
    return found


def _differences(cases: Sequence[Case], colour_of: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "where": _where(case),
            "right": case["right"],
            "rows": [(side, _marked(case, side, colour_of)) for side in ("gold", "one", "other")],
        }
        for case in _spread(cases)
    ]


def _where(case: Case) -> str:
    return f"{case['file']}, document {case['doc']:,}"


def _spread(cases: Sequence[Case]) -> list[Case]:
    """So many as are shown, from all parts of the data."""
    if len(cases) <= MOST_CASES:
        return list(cases)
    return [cases[i * len(cases) // MOST_CASES] for i in range(MOST_CASES)]


def _marked(case: Case, side: str, colour_of: Mapping[str, str]) -> Markup:
    """The sentence with the entities of one side."""
    entities = [
        EntitySpan(one["start"], one["end"], cut_middle(visible(one["label"]), 40), one.get("score"), one["here"])
        for one in case[side]
    ]
    names = {cut_middle(visible(label), 40): colour for label, colour in colour_of.items()}
    return Markup(render_entities(printable(case["text"]), entities, names))  # noqa: S704, displaCy and `render_entities` escape what they write
