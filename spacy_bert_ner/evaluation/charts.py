"""Draw the charts for a report from the content of `metrics.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..reporting.charts import COLOURS, FAINT, INK, Chart, few_ticks, short
from .bootstrap import labels_by_frequency

CHARTS = ("labels", "comparison", "confusion", "slices", "reliability", "thresholds", "training")
"""Names of the charts. With several pipelines, the pipeline number is appended to the names."""
MAX_LABELS = 50
MAX_LINES = 6
"""Maximum number of labels with their own curve in a plot. The most frequent labels are plotted."""
_MAX_NUMBERED = 20
"""Maximum number of labels for which the cells of the confusion matrix show counts."""

Metrics = dict[str, Any]


def all_charts(pipelines: Mapping[str, Metrics], training: Mapping[str, Any] | None) -> dict[str, list[Chart]]:
    """Return the charts for each pipeline by pipeline name, and the charts for all pipelines under "".

    Charts without data are omitted.

    pipelines: metrics by pipeline name; see `measure.compute_metrics`.
    training: learning curves, or None if there is no log; see `training_curves.read_log`.
    """
    charts: dict[str, list[Chart]] = {"": []}
    if len(pipelines) > 1 and shown_labels(*pipelines.values()):
        charts[""].append(comparison(pipelines))
    if training:
        charts[""].append(curves(training))
    for i, (name, metrics) in enumerate(pipelines.items()):
        suffix = f"-{i + 1}" if len(pipelines) > 1 else ""
        charts[name] = []
        if shown_labels(metrics):
            charts[name] += [labels(metrics, suffix), confusion(metrics, suffix), slices(metrics, suffix)]
        if metrics["confidence"]:
            charts[name] += [reliability(metrics, suffix), thresholds(metrics, suffix)]
    return charts


def labels(metrics: Metrics, suffix: str = "") -> Chart:
    """Draw precision, recall and F1 by label with intervals."""
    names = shown_labels(metrics)
    rows = metrics["scores"]["per_label"]
    # Recall is undefined without gold entities, and precision is undefined without predicted entities.
    titles = {"p": "Precision", "r": "Recall", "f": "F1"}
    keys = [key for key in titles if any(rows[name][key] is not None for name in names)]

    def draw(axes: Any) -> None:
        for panel, key in zip(axes[0], keys, strict=True):
            _points(panel, [rows[name] for name in names], key, 0.0, COLOURS[0], "")
            micro = metrics["scores"]["micro"][key]
            panel.axvline(micro, color=FAINT, linestyle="--", linewidth=1)
            panel.set_title(f"{titles[key]}, all labels: {micro:.3f}")
            panel.set_xlabel(f"{titles[key]} (0 to 1), 95 % interval")
            panel.grid(axis="x", color=FAINT, alpha=0.15)
        _name_rows(axes[0][0], [f"{short(name)} ({rows[name]['gold']:,})" for name in names])

    title = "Precision, recall and F1 by label"
    return Chart(f"labels{suffix}", title, draw, 1, len(keys), 1.1 + 0.27 * len(names))


def comparison(pipelines: Mapping[str, Metrics]) -> Chart:
    """Draw F1 by label for several pipelines."""
    names = shown_labels(*pipelines.values())
    empty = {"f": None, "f_interval": None}

    def draw(axes: Any) -> None:
        panel, n = axes[0][0], len(pipelines)
        for i, (title, metrics) in enumerate(pipelines.items()):
            rows = [metrics["scores"]["per_label"].get(name, empty) for name in names]
            shift = 0.6 * ((i + 0.5) / n - 0.5)
            _points(panel, rows, "f", shift, COLOURS[i % len(COLOURS)], short(title, 40))
        panel.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        panel.set_title("F1 by label")
        panel.set_xlabel("F1 (0 to 1), 95 % interval")
        _name_rows(panel, [short(name) for name in names])

    height = 1.1 + (0.16 + 0.12 * len(pipelines)) * len(names)
    return Chart("comparison", "F1 by label for all pipelines", draw, 1, 1, height)


def confusion(metrics: Metrics, suffix: str = "") -> Chart:
    """Draw the confusion matrix for gold and predicted labels. Colours show each cell's share of its row."""
    names = shown_labels(metrics)
    sides = [*names, None]  # None: there is no entity with these boundaries
    counts = {(cell["gold"], cell["predicted"]): cell["n"] for cell in metrics["confusion"]}
    totals: Counter[str | None] = Counter()
    for cell in metrics["confusion"]:
        totals[cell["gold"]] += cell["n"]

    def draw(axes: Any) -> None:
        panel = axes[0][0]
        table = [[counts.get((gold, predicted), 0) for predicted in sides] for gold in sides]
        # Each row total includes labels that are omitted for lack of space.
        shares = [[n / (totals[gold] or 1) for n in row] for gold, row in zip(sides, table, strict=True)]
        image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        panel.figure.colorbar(image, ax=panel, label="share of row (0 to 1)", shrink=0.8)
        size = 9 if len(names) <= _MAX_NUMBERED else 7
        if len(names) <= _MAX_NUMBERED:
            for i, row in enumerate(table):
                for j, n in enumerate(row):
                    if n:
                        # The cell colours are the same on light and dark pages.
                        colour = "#ffffff" if shares[i][j] > 0.5 else "#1c2126"
                        panel.text(j, i, f"{n:,}", ha="center", va="center", color=colour, fontsize=size)
        short_names = [short(name) for name in names]
        panel.set_xticks(range(len(sides)), [*short_names, "missed"], rotation=90, fontsize=size)
        panel.set_yticks(range(len(sides)), [*short_names, "spurious"], fontsize=size)
        panel.set_xlabel("predicted label for the same span")
        panel.set_ylabel("gold label")
        panel.set_title("Entities by gold and predicted label")

    return Chart(
        f"confusion{suffix}",
        "Label confusion matrix",
        draw,
        1,
        1,
        2.4 + (0.32 if len(names) <= _MAX_NUMBERED else 0.19) * len(sides),
    )


def slices(metrics: Metrics, suffix: str = "") -> Chart:
    """Draw F1 by slice."""
    titles = list(metrics["slices"])
    n_columns = 3 if len(titles) > 4 else 2
    n_rows = -(-len(titles) // n_columns)

    def draw(axes: Any) -> None:
        panels = [panel for row in axes for panel in row]
        for panel, title in zip(panels, titles, strict=False):
            rows = metrics["slices"][title]
            _points(panel, list(rows.values()), "f", 0.0, COLOURS[2], "")
            panel.set_title(title)
            panel.set_xlabel("F1 (0 to 1), 95 % interval")
            _name_rows(panel, [f"{name} ({row['gold']:,})" for name, row in rows.items()])
        for panel in panels[len(titles) :]:
            panel.set_visible(False)

    return Chart(f"slices{suffix}", "F1 by entity property", draw, n_rows, n_columns, 2.3 * n_rows, shares=False)


def reliability(metrics: Metrics, suffix: str = "") -> Chart:
    """Draw a reliability diagram, which plots accuracy against score, and a histogram of scores."""
    confidence = metrics["confidence"]["all"]

    def draw(axes: Any) -> None:
        shares, numbers = axes[0]
        middles = [(row["low"] + row["high"]) / 2 for row in confidence["bins"]]
        widths = [0.9 * (row["high"] - row["low"]) for row in confidence["bins"]]
        shares.bar(middles, [row["right"] for row in confidence["bins"]], widths, color=COLOURS[0], label="correct")
        points = [row["score"] for row in confidence["bins"]], [row["right"] for row in confidence["bins"]]
        shares.plot(*points, "o", color=COLOURS[4], label="mean score in bin")
        shares.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=1, label="perfect calibration")
        shares.set_xlim(0, 1)
        shares.set_ylim(0, 1.02)
        shares.set_xlabel("entity score (0 to 1)")
        shares.set_ylabel("share of correct entities")
        shares.set_title(f"Reliability (expected calibration error: {confidence['ece']:.3f})")
        shares.legend(loc="upper left", frameon=False)
        bars = numbers.bar(middles, [row["n"] for row in confidence["bins"]], widths, color=COLOURS[5])
        numbers.bar_label(bars, [f"{row['n']:,}" for row in confidence["bins"]], padding=2, fontsize=9)
        numbers.set_xlim(0, 1)
        numbers.margins(y=0.12)
        numbers.set_xlabel("entity score (0 to 1)")
        numbers.set_ylabel("predicted entities")
        numbers.set_title("Entity scores")
        few_ticks(numbers.yaxis, 4)

    return Chart(f"reliability{suffix}", "Reliability of entity scores", draw, 1, 2, 3.6, shares=False)


def thresholds(metrics: Metrics, suffix: str = "") -> Chart:
    """Draw precision against the score threshold and, if there are gold entities, against recall."""
    confidence = metrics["confidence"]
    names = [name for name in shown_labels(metrics) if name in confidence["per_label"]][:MAX_LINES]
    lines = [
        ("all labels", confidence["all"], INK),
        *((short(name), confidence["per_label"][name], COLOURS[i]) for i, name in enumerate(names)),
    ]

    has_recall = any(point["r"] is not None for _, measured, _ in lines for point in measured["curve"])
    title = f"Precision (dashed line: target {confidence['wanted_precision']:.2f})"
    panels = [("threshold", "score threshold (0 to 1)", title)]
    if has_recall:
        panels.insert(0, ("r", "recall (0 to 1)", "Precision and recall by threshold"))

    def draw(axes: Any) -> None:
        for panel, (key, unit, title) in zip(axes[0], panels, strict=True):
            for name, measured, colour in lines:
                points = [point for point in measured["curve"] if point[key] is not None]
                panel.plot(
                    [point[key] for point in points],
                    [point["p"] for point in points],
                    color=colour,
                    label=name,
                    linewidth=2 if colour == INK else 1.2,
                    marker="." if len(points) < 20 else "",
                )
            panel.axhline(confidence["wanted_precision"], color=FAINT, linestyle="--", linewidth=1)
            panel.set_xlim(0, 1.01)
            panel.set_ylim(0, 1.02)
            panel.set_xlabel(unit)
            panel.set_ylabel("precision (0 to 1)")
            panel.set_title(title)
        axes[0][-1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

    name = "Precision and recall by threshold" if has_recall else "Precision by threshold"
    return Chart(f"thresholds{suffix}", name, draw, 1, len(panels), 3.6, shares=False)


def curves(training: Mapping[str, Any]) -> Chart:
    """Draw loss, accuracy and F1 by training step."""

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
            panel.set_xlabel("optimizer step")
            panel.set_ylabel("loss" if title == "loss" else f"{title} (0 to 1)")
            panel.legend(frameon=False, fontsize=8)
            few_ticks(panel.xaxis, 5)

    return Chart("training", "Training: loss, accuracy and F1 by step", draw, 1, len(training), 3.4, shares=False)


def shown_labels(*pipelines: Metrics) -> list[str]:
    """Return up to `MAX_LABELS` labels in descending order of gold entity counts."""
    return labels_by_frequency(*(metrics["scores"] for metrics in pipelines))[:MAX_LABELS]


def _points(panel: Any, rows: Sequence[Metrics], key: str, shift: float, colour: str, name: str) -> None:
    """Plot the score and the interval for each row that has a score.

    shift (float): vertical offset of the points, which separates several pipelines in one row.
    """
    known = [(i, row) for i, row in enumerate(rows) if row[key] is not None]
    values = [row[key] for _, row in known]
    intervals = [row[f"{key}_interval"] or (row[key], row[key]) for _, row in known]
    # With few documents, the bootstrap interval might not contain the score.
    low = [max(0.0, value - interval[0]) for value, interval in zip(values, intervals, strict=True)]
    high = [max(0.0, interval[1] - value) for value, interval in zip(values, intervals, strict=True)]
    heights = [i + shift for i, _ in known]
    panel.errorbar(
        values, heights, xerr=[low, high], fmt="o", color=colour, markersize=5, elinewidth=1.5, label=name or None
    )
    panel.set_xlim(-0.02, 1.02)


def _name_rows(panel: Any, names: Sequence[str]) -> None:
    """Label the rows of a panel from top to bottom."""
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x", color=FAINT, alpha=0.15)
