"""Draw charts that describe a corpus. Each chart shows the splits in separate panels with shared axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from ..reporting.charts import COLOURS, INK, Chart, few_ticks, short
from .report import InspectionReport
from .statistics import SplitStatistics, quantile, summary

MOST_LABELS = 25
MOST_SPLITS = 6
"""Maximum numbers of labels and splits in a chart. The tables show all labels and splits."""
_LONGEST_ENTITY = 8
"""Number of tokens in the entities of the last bar, which also includes all longer entities."""
_MAX_BARS = 40
"""Maximum number of bars in a histogram."""


def entities_chart(report: InspectionReport) -> Chart:
    """Draw the number of entities per label, with one panel per split."""
    splits = report.corpora.splits[:MOST_SPLITS]
    labels = report.corpora.labels[:MOST_LABELS]

    def draw(axes: Any) -> None:
        for i, (split, panel) in enumerate(zip(splits, axes[0], strict=True)):
            counts = [split.entities[label] for label in labels]
            bars = panel.barh(range(len(labels)), counts, color=COLOURS[i], height=0.72)
            panel.bar_label(bars, [f"{n:,}" for n in counts], padding=3, fontsize=9)
            panel.set_title(f"{short(split.name)}: {split.n_entities:,} entities")
            panel.set_yticks(range(len(labels)), [short(label) for label in labels])
            panel.set_ylim(len(labels) - 0.4, -0.6)
            panel.set_xlim(0, max(1, *counts) * 1.25)
            panel.set_xlabel("entities")
            panel.tick_params(axis="y", length=0)
            few_ticks(panel.xaxis, 3)

    return Chart("entities", "Entities by label and split", draw, 1, len(splits), 0.9 + 0.3 * len(labels))


def sentences_chart(report: InspectionReport) -> Chart:
    """Draw sentence lengths in tokens and, if they were counted, in subwords. The chart has one row per split."""
    splits = report.corpora.splits[:MOST_SPLITS]
    units: list[tuple[str, Callable[[SplitStatistics], Counter[int]]]] = [("tokens", lambda split: split.lengths)]
    if report.window:
        units.append(("subwords, including special subwords", lambda split: split.subword_lengths))

    def draw(axes: Any) -> None:
        for j, (unit, lengths_of) in enumerate(units):
            # Exclude the longest 0.1% of the sentences, because they would leave no room for the other lengths.
            longest = max(quantile(lengths_of(split), 0.999) for split in splits)
            if j and report.window and longest > 0.5 * report.window:
                longest = max(longest, int(1.1 * report.window))
            bar_width = max(1, -(-longest // _MAX_BARS))
            for i, split in enumerate(splits):
                _draw_histogram(axes[i][j], lengths_of(split), bar_width, longest, COLOURS[i])
                axes[i][j].set_title(f"{short(split.name)}, {_describe_lengths(lengths_of(split))}")
                if j and report.window:
                    _mark_window(axes[i][j], report.window, longest)
                axes[i][j].set_ylabel("% of sentences" if not j else "")
            axes[-1][j].set_xlabel(f"length in {unit}")

    return Chart("sentences", "Sentence lengths", draw, len(splits), len(units), 1.75 * len(splits) + 0.3)


def lengths_chart(report: InspectionReport) -> Chart:
    """Draw entity lengths in tokens, with one panel per split."""
    splits = report.corpora.splits[:MOST_SPLITS]
    names = [*map(str, range(1, _LONGEST_ENTITY)), f"{_LONGEST_ENTITY}+"]

    def draw(axes: Any) -> None:
        for i, (split, panel) in enumerate(zip(splits, axes[0], strict=True)):
            total = split.n_entities or 1
            percentages = [0.0] * _LONGEST_ENTITY
            for length, n in split.entity_lengths.items():
                percentages[min(length, _LONGEST_ENTITY) - 1] += 100 * n / total
            bars = panel.bar(names, percentages, color=COLOURS[i], width=0.78)
            panel.bar_label(bars, [_bar_label(percentage) for percentage in percentages], padding=2, fontsize=9)
            panel.set_ylim(0, 112)
            panel.set_title(short(split.name))
            panel.set_xlabel("length in tokens")
            panel.set_ylabel("% of entities" if not i else "")
            few_ticks(panel.yaxis, 4)

    return Chart("lengths", "Entity lengths", draw, 1, len(splits), 2.6)


def _draw_histogram(panel: Any, lengths: Counter[int], bar_width: int, longest: int, colour: str) -> None:
    """Draw the percentage of each length. Lengths beyond the bar that contains `longest` are not shown."""
    total = lengths.total() or 1
    n_bars = longest // bar_width + 1
    heights = [0.0] * n_bars
    for length, n in lengths.items():
        if length < n_bars * bar_width:
            heights[length // bar_width] += 100 * n / total
    panel.bar([i * bar_width for i in range(n_bars)], heights, width=0.9 * bar_width, align="edge", color=colour)
    panel.set_xlim(0, n_bars * bar_width)
    few_ticks(panel.yaxis, 3)


def _mark_window(panel: Any, window: int, longest: int) -> None:
    style = {"ha": "right", "va": "top", "fontsize": 9}
    if window <= longest:
        panel.axvline(window, color=INK, linestyle="--", linewidth=1)
        panel.text(window, 0.95, f"window: {window} ", transform=panel.get_xaxis_transform(), **style)
    else:
        panel.text(0.99, 0.95, f"window: {window} →", transform=panel.transAxes, **style)


def _describe_lengths(lengths: Counter[int]) -> str:
    statistics = summary(lengths)
    return f"median {statistics.median}, longest {statistics.max}" if statistics else "none"


def _bar_label(percentage: float) -> str:
    return "" if not percentage else "<1" if percentage < 1 else f"{percentage:.0f}"
