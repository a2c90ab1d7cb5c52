"""Charts of a corpus: a row or a column of panels, one a split, with the same axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from ..reporting.charts import COLOURS, INK, Chart, few_ticks, short
from .report import InspectionReport
from .statistics import SplitStatistics, quantile, summary

MOST_LABELS = 25
MOST_SPLITS = 6
"""More are left to the tables."""
_LONGEST_ENTITY = 8  # tokens; those that are longer share a bar
_N_BARS = 40


def entities_chart(report: InspectionReport) -> Chart:
    """Entities of each label, a panel a split."""
    surveys = report.corpora.surveys[:MOST_SPLITS]
    labels = report.corpora.labels[:MOST_LABELS]

    def draw(axes: Any) -> None:
        for i, (survey, panel) in enumerate(zip(surveys, axes[0], strict=True)):
            counts = [survey.entities[label] for label in labels]
            bars = panel.barh(range(len(labels)), counts, color=COLOURS[i], height=0.72)
            panel.bar_label(bars, [f"{n:,}" for n in counts], padding=3, fontsize=9)
            panel.set_title(f"{short(survey.name)}: {survey.n_entities:,} entities")
            panel.set_yticks(range(len(labels)), [short(label) for label in labels])
            panel.set_ylim(len(labels) - 0.4, -0.6)
            panel.set_xlim(0, max(1, *counts) * 1.25)
            panel.set_xlabel("entities")
            panel.tick_params(axis="y", length=0)
            few_ticks(panel.xaxis, 3)

    return Chart("entities", "Entities of each label and split", draw, 1, len(surveys), 0.9 + 0.3 * len(labels))


def sentences_chart(report: InspectionReport) -> Chart:
    """How long sentences are, a row a split: in tokens and, where they were counted, in subwords."""
    surveys = report.corpora.surveys[:MOST_SPLITS]
    kinds: list[tuple[str, Callable[[SplitStatistics], Counter[int]]]] = [("tokens", lambda s: s.lengths)]
    if report.window:
        kinds.append(("subwords, special ones included", lambda s: s.subword_lengths))

    def draw(axes: Any) -> None:
        for j, (unit, lengths_of) in enumerate(kinds):
            # The longest tenth of a percent would leave no room for the others.
            far = max(quantile(lengths_of(survey), 0.999) for survey in surveys)
            if j and report.window and far > 0.5 * report.window:
                far = max(far, int(1.1 * report.window))
            width = max(1, -(-far // _N_BARS))
            for i, survey in enumerate(surveys):
                _histogram(axes[i][j], lengths_of(survey), width, far, COLOURS[i])
                axes[i][j].set_title(f"{short(survey.name)}, {_spread(lengths_of(survey))}")
                if j and report.window:
                    _mark_window(axes[i][j], report.window, far)
                axes[i][j].set_ylabel("% of sentences" if not j else "")
            axes[-1][j].set_xlabel(f"length in {unit}")

    return Chart("sentences", "Lengths of sentences", draw, len(surveys), len(kinds), 1.75 * len(surveys) + 0.3)


def lengths_chart(report: InspectionReport) -> Chart:
    """How long entities are, a panel a split."""
    surveys = report.corpora.surveys[:MOST_SPLITS]
    names = [*map(str, range(1, _LONGEST_ENTITY)), f"{_LONGEST_ENTITY}+"]

    def draw(axes: Any) -> None:
        for i, (survey, panel) in enumerate(zip(surveys, axes[0], strict=True)):
            total = survey.n_entities or 1
            shares = [0.0] * _LONGEST_ENTITY
            for length, n in survey.entity_lengths.items():
                shares[min(length, _LONGEST_ENTITY) - 1] += 100 * n / total
            bars = panel.bar(names, shares, color=COLOURS[i], width=0.78)
            panel.bar_label(bars, [_percent(one) for one in shares], padding=2, fontsize=9)
            panel.set_ylim(0, 112)
            panel.set_title(short(survey.name))
            panel.set_xlabel("length in tokens")
            panel.set_ylabel("% of entities" if not i else "")
            few_ticks(panel.yaxis, 4)

    return Chart("lengths", "Lengths of entities", draw, 1, len(surveys), 2.6)


def _histogram(panel: Any, lengths: Counter[int], width: int, far: int, colour: str) -> None:
    """Shares of lengths from 1 to `far`, in bars of `width`; longer ones are left out."""
    total = lengths.total() or 1
    n_bars = far // width + 1
    heights = [0.0] * n_bars
    for length, n in lengths.items():
        if length < n_bars * width:
            heights[length // width] += 100 * n / total
    panel.bar([i * width for i in range(n_bars)], heights, width=0.9 * width, align="edge", color=colour)
    panel.set_xlim(0, n_bars * width)
    few_ticks(panel.yaxis, 3)


def _mark_window(panel: Any, window: int, far: int) -> None:
    style = {"ha": "right", "va": "top", "fontsize": 9}
    if window <= far:
        panel.axvline(window, color=INK, linestyle="--", linewidth=1)
        panel.text(window, 0.95, f"window: {window} ", transform=panel.get_xaxis_transform(), **style)
    else:
        panel.text(0.99, 0.95, f"window: {window} →", transform=panel.transAxes, **style)


def _spread(lengths: Counter[int]) -> str:
    found = summary(lengths)
    return f"median {found.median}, longest {found.max}" if found else "none"


def _percent(value: float) -> str:
    return "" if not value else "<1" if value < 1 else f"{value:.0f}"
