"""Charts of what was measured, from what `metrics.json` holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..reporting.charts import COLOURS, FAINT, INK, Chart, few_ticks, short

CHARTS = ("labels", "comparison", "confusion", "slices", "reliability", "thresholds", "training")
"""Their names; those of several pipelines have a number behind them."""
MOST_LABELS = 50
MOST_LINES = 6
"""Labels with a line of their own in a plot of curves; the most frequent ones."""
_NUMBERED = 20
"""Up to so many labels, cells of the confusion matrix have numbers in them."""

Metrics = dict[str, Any]


def all_charts(pipelines: Mapping[str, Metrics], training: Mapping[str, Any] | None) -> dict[str, list[Chart]]:
    """The charts of each pipeline, by its name, and under "" those of all; none where there is nothing to draw.

    pipelines: by name; see `measure.compute_metrics`.
    training: see `training_curves.read_log`.
    """
    charts: dict[str, list[Chart]] = {"": []}
    if len(pipelines) > 1 and _labels(*pipelines.values()):
        charts[""].append(comparison(pipelines))
    if training:
        charts[""].append(curves(training))
    for i, (name, one) in enumerate(pipelines.items()):
        suffix = f"-{i + 1}" if len(pipelines) > 1 else ""
        made = []
        if _labels(one):
            made += [labels(one, suffix), confusion(one, suffix), slices(one, suffix)]
        if one["confidence"]:
            made += [reliability(one, suffix), thresholds(one, suffix)]
        charts[name] = made
    return charts


def labels(one: Metrics, suffix: str = "") -> Chart:
    """Precision, recall and F1 of each label, with intervals."""
    names = _labels(one)
    rows = one["scores"]["per_label"]
    # Without gold entities there is no recall, and without predicted ones no precision.
    titles = {"p": "Precision", "r": "Recall", "f": "F1"}
    keys = [key for key in titles if any(rows[name][key] is not None for name in names)]

    def draw(axes: Any) -> None:
        for panel, key in zip(axes[0], keys, strict=True):
            _points(panel, [rows[name] for name in names], key, 0.0, COLOURS[0], "")
            micro = one["scores"]["micro"][key]
            panel.axvline(micro, color=FAINT, linestyle="--", linewidth=1)
            panel.set_title(f"{titles[key]}, all labels: {micro:.3f}")
            panel.set_xlabel(f"{titles[key]} (0 to 1), 95 % interval")
            panel.grid(axis="x", color=FAINT, alpha=0.15)
        _name_rows(axes[0][0], [f"{short(name)} ({rows[name]['gold']:,})" for name in names])

    title = "Precision, recall and F1 of each label"
    return Chart(f"labels{suffix}", title, draw, 1, len(keys), 1.1 + 0.27 * len(names))


def comparison(pipelines: Mapping[str, Metrics]) -> Chart:
    """F1 of each label, of several pipelines side by side."""
    names = _labels(*pipelines.values())
    empty = {"f": None, "f_interval": None}

    def draw(axes: Any) -> None:
        panel, n = axes[0][0], len(pipelines)
        for i, (title, one) in enumerate(pipelines.items()):
            rows = [one["scores"]["per_label"].get(name, empty) for name in names]
            shift = 0.6 * ((i + 0.5) / n - 0.5)
            _points(panel, rows, "f", shift, COLOURS[i % len(COLOURS)], short(title, 40))
        panel.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        panel.set_title("F1 of each label")
        panel.set_xlabel("F1 (0 to 1), 95 % interval")
        _name_rows(panel, [short(name) for name in names])

    height = 1.1 + (0.16 + 0.12 * len(pipelines)) * len(names)
    return Chart("comparison", "F1 of each label of all pipelines", draw, 1, 1, height)


def confusion(one: Metrics, suffix: str = "") -> Chart:
    """Gold labels against predicted ones, as shares of the row."""
    names = _labels(one)
    sides = [*names, None]  # None: no entity with these boundaries
    counts = {(cell["gold"], cell["predicted"]): cell["n"] for cell in one["confusion"]}
    totals: Counter[str | None] = Counter()
    for cell in one["confusion"]:
        totals[cell["gold"]] += cell["n"]

    def draw(axes: Any) -> None:
        panel = axes[0][0]
        table = [[counts.get((gold, found), 0) for found in sides] for gold in sides]
        # Of the whole row, with labels that there is no room for.
        shares = [[n / (totals[gold] or 1) for n in row] for gold, row in zip(sides, table, strict=True)]
        image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        panel.figure.colorbar(image, ax=panel, label="share of the row (0 to 1)", shrink=0.8)
        size = 9 if len(names) <= _NUMBERED else 7
        if len(names) <= _NUMBERED:
            for i, row in enumerate(table):
                for j, n in enumerate(row):
                    if n:
                        # On the map's own colours, which are the same on a light and on a dark page.
                        colour = "#ffffff" if shares[i][j] > 0.5 else "#1c2126"
                        panel.text(j, i, f"{n:,}", ha="center", va="center", color=colour, fontsize=size)
        shown = [short(name) for name in names]
        panel.set_xticks(range(len(sides)), [*shown, "missed"], rotation=90, fontsize=size)
        panel.set_yticks(range(len(sides)), [*shown, "spurious"], fontsize=size)
        panel.set_xlabel("predicted label of the same tokens")
        panel.set_ylabel("gold label")
        panel.set_title("Entities by gold and predicted label")

    return Chart(
        f"confusion{suffix}",
        "Confusion of labels",
        draw,
        1,
        1,
        2.4 + (0.32 if len(names) <= _NUMBERED else 0.19) * len(sides),
    )


def slices(one: Metrics, suffix: str = "") -> Chart:
    """F1 of each slice."""
    titles = list(one["slices"])
    n_columns = 3 if len(titles) > 4 else 2
    n_rows = -(-len(titles) // n_columns)

    def draw(axes: Any) -> None:
        panels = [panel for row in axes for panel in row]
        for panel, title in zip(panels, titles, strict=False):
            rows = one["slices"][title]
            _points(panel, list(rows.values()), "f", 0.0, COLOURS[2], "")
            panel.set_title(title)
            panel.set_xlabel("F1 (0 to 1), 95 % interval")
            _name_rows(panel, [f"{name} ({row['gold']:,})" for name, row in rows.items()])
        for panel in panels[len(titles) :]:
            panel.set_visible(False)

    return Chart(f"slices{suffix}", "F1 of kinds of entities", draw, n_rows, n_columns, 2.3 * n_rows, shares=False)


def reliability(one: Metrics, suffix: str = "") -> Chart:
    """How often entities are right, against the score that they have; and how many have it."""
    told = one["confidence"]["all"]

    def draw(axes: Any) -> None:
        shares, numbers = axes[0]
        middles = [(row["low"] + row["high"]) / 2 for row in told["bins"]]
        widths = [0.9 * (row["high"] - row["low"]) for row in told["bins"]]
        shares.bar(middles, [row["right"] for row in told["bins"]], widths, color=COLOURS[0], label="right")
        points = [row["score"] for row in told["bins"]], [row["right"] for row in told["bins"]]
        shares.plot(*points, "o", color=COLOURS[4], label="mean score of the bar")
        shares.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=1, label="honest")
        shares.set_xlim(0, 1)
        shares.set_ylim(0, 1.02)
        shares.set_xlabel("score of the entity (0 to 1)")
        shares.set_ylabel("share that is right")
        shares.set_title(f"Reliability, expected calibration error {told['ece']:.3f}")
        shares.legend(loc="upper left", frameon=False)
        bars = numbers.bar(middles, [row["n"] for row in told["bins"]], widths, color=COLOURS[5])
        numbers.bar_label(bars, [f"{row['n']:,}" for row in told["bins"]], padding=2, fontsize=9)
        numbers.set_xlim(0, 1)
        numbers.margins(y=0.12)
        numbers.set_xlabel("score of the entity (0 to 1)")
        numbers.set_ylabel("predicted entities")
        numbers.set_title("Scores")
        few_ticks(numbers.yaxis, 4)

    return Chart(f"reliability{suffix}", "Reliability of scores", draw, 1, 2, 3.6, shares=False)


def thresholds(one: Metrics, suffix: str = "") -> Chart:
    """Precision against recall, where there are gold entities, and precision against the threshold."""
    found = one["confidence"]
    names = [name for name in _labels(one) if name in found["per_label"]][:MOST_LINES]
    lines = [
        ("all labels", found["all"], INK),
        *((short(name), found["per_label"][name], COLOURS[i]) for i, name in enumerate(names)),
    ]

    has_recall = any(point["r"] is not None for _, told, _ in lines for point in told["curve"])
    asked = f"Precision; dashed: {found['wanted_precision']:.2f}, which was asked for"
    panels = [("threshold", "threshold of the score (0 to 1)", asked)]
    if has_recall:
        panels.insert(0, ("r", "recall (0 to 1)", "Precision and recall over the threshold"))

    def draw(axes: Any) -> None:
        for panel, (key, unit, title) in zip(axes[0], panels, strict=True):
            for name, told, colour in lines:
                points = [point for point in told["curve"] if point[key] is not None]
                panel.plot(
                    [point[key] for point in points],
                    [point["p"] for point in points],
                    color=colour,
                    label=name,
                    linewidth=2 if colour == INK else 1.2,
                    marker="." if len(points) < 20 else "",
                )
            panel.axhline(found["wanted_precision"], color=FAINT, linestyle="--", linewidth=1)
            panel.set_xlim(0, 1.01)
            panel.set_ylim(0, 1.02)
            panel.set_xlabel(unit)
            panel.set_ylabel("precision (0 to 1)")
            panel.set_title(title)
        axes[0][-1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

    name = "Precision and recall over the threshold" if has_recall else "Precision over the threshold"
    return Chart(f"thresholds{suffix}", name, draw, 1, len(panels), 3.6, shares=False)


def curves(training: Mapping[str, Any]) -> Chart:
    """Loss, accuracy and F1 by step."""

    def draw(axes: Any) -> None:
        for panel, (title, lines) in zip(axes[0], training.items(), strict=True):
            for i, (name, points) in enumerate(lines.items()):
                style = {
                    "color": COLOURS[i % len(COLOURS)],
                    "label": short(name, 30),
                    "marker": "." if len(points) < 20 else "",
                }
                panel.plot([step for step, _ in points], [value for _, value in points], **style)
            panel.set_title(title[0].upper() + title[1:])
            panel.set_xlabel("step of the optimizer")
            panel.set_ylabel("loss" if title == "loss" else f"{title} (0 to 1)")
            panel.legend(frameon=False, fontsize=8)
            few_ticks(panel.xaxis, 5)

    return Chart("training", "Training: loss, accuracy and F1 by step", draw, 1, len(training), 3.4, shares=False)


def _labels(*several: Metrics) -> list[str]:
    """The labels with most gold entities, so many as there is room for."""
    found: dict[str, int] = {}
    for one in several:
        for label, row in one["scores"]["per_label"].items():
            found[label] = max(found.get(label, 0), row["gold"])
    return sorted(found, key=lambda label: (-found[label], label))[:MOST_LABELS]


def _points(panel: Any, rows: Sequence[Metrics], key: str, shift: float, colour: str, name: str) -> None:
    """A point for each row that has a score, in the middle of its interval's line."""
    known = [(i, row) for i, row in enumerate(rows) if row[key] is not None]
    values = [row[key] for _, row in known]
    intervals = [row[f"{key}_interval"] or (row[key], row[key]) for _, row in known]
    # The bootstrap may put an interval beside the score where there are few documents.
    low = [max(0.0, value - interval[0]) for value, interval in zip(values, intervals, strict=True)]
    high = [max(0.0, interval[1] - value) for value, interval in zip(values, intervals, strict=True)]
    places = [i + shift for i, _ in known]
    panel.errorbar(
        values, places, xerr=[low, high], fmt="o", color=colour, markersize=5, elinewidth=1.5, label=name or None
    )
    panel.set_xlim(-0.02, 1.02)


def _name_rows(panel: Any, names: Sequence[str]) -> None:
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x", color=FAINT, alpha=0.15)
