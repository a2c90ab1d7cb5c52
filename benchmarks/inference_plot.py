"""The chart of inference.py: words a second by way and kind of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLOURS = {"short": "#0072B2", "mixed": "#009E73", "long": "#E69F00"}
"""Those of Okabe and Ito, https://jfly.uni-koeln.de/color/, which people who do not see all colours can tell apart."""


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Write a PNG: a bar for each way and workload as long as its median, with a line from the least to the most.

    rows: of `inference.summarize`.
    """
    from matplotlib.figure import Figure

    ways = list(dict.fromkeys(row["way"] for row in rows))
    found = [name for name in COLOURS if any(row["workload"] == name for row in rows)]
    height = 0.8 / len(found)
    figure = Figure(figsize=(9, 1.2 + 0.45 * len(ways)), layout="constrained")
    panel = figure.subplots()
    for i, name in enumerate(found):
        of_way = {row["way"]: row["words"] for row in rows if row["workload"] == name}
        words = [of_way[way] for way in ways]
        spread = [[w["median"] - w["min"] for w in words], [w["max"] - w["median"] for w in words]]
        places = [place + (i - (len(found) - 1) / 2) * height for place in range(len(ways))]
        panel.barh(
            places,
            [w["median"] for w in words],
            xerr=spread,
            height=height * 0.9,
            color=COLOURS[name],
            ecolor="#555555",
            label=name,
        )
    panel.set_yticks(range(len(ways)), ways)
    panel.invert_yaxis()
    panel.set_xlabel("words a second (median, least to most)")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, loc="upper right")
    figure.savefig(path, format="png", dpi=120)
