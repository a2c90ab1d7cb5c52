"""Draw the chart for `inference.py`: words per second by way and workload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLOURS = {"short": "#0072B2", "mixed": "#009E73", "long": "#E69F00"}
"""Colours from Okabe and Ito (https://jfly.uni-koeln.de/color/), which colour-blind people can distinguish."""


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Write a PNG file with one bar per way and workload. The bar shows the median, and its error bar the range.

    rows (list[dict[str, Any]]): rows returned by `inference.summarize`.
    path (Path): path to the PNG file.
    """
    from matplotlib.figure import Figure

    ways = list(dict.fromkeys(row["way"] for row in rows))
    workloads = [name for name in COLOURS if any(row["workload"] == name for row in rows)]
    height = 0.8 / len(workloads)
    figure = Figure(figsize=(9, 1.2 + 0.45 * len(ways)), layout="constrained")
    panel = figure.subplots()
    for i, name in enumerate(workloads):
        of_way = {row["way"]: row["words"] for row in rows if row["workload"] == name}
        words = [of_way[way] for way in ways]
        spread = [[w["median"] - w["min"] for w in words], [w["max"] - w["median"] for w in words]]
        positions = [row + (i - (len(workloads) - 1) / 2) * height for row in range(len(ways))]
        panel.barh(
            positions,
            [w["median"] for w in words],
            xerr=spread,
            height=height * 0.9,
            color=COLOURS[name],
            ecolor="#555555",
            label=name,
        )
    panel.set_yticks(range(len(ways)), ways)
    panel.invert_yaxis()
    panel.set_xlabel("words per second (median and range)")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, loc="upper right")
    figure.savefig(path, format="png", dpi=120)
