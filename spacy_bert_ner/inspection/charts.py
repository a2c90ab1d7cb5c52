"""Charts as SVG that stands in a page: text and axes take the page's own colour, light or dark.

A row or a column of panels, one a split, with the same axes. The colours are those of Okabe and Ito,
https://jfly.uni-koeln.de/color/, which people who do not see all colours can tell apart.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from .report import Report
from .shown import cut_middle
from .survey import Survey, quantile, summary

MOST_LABELS = 25
MOST_SPLITS = 6
"""More are left to the tables."""
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
_INK, _FAINT = "#010203", "#040506"
"""Stand for the page's colours of text and of lines, and are put in their place."""
_LONGEST_ENTITY = 8  # tokens; those that are longer share a bar
_N_BARS = 40
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",
    "text.parse_math": False,  # labels may hold dollars
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _FAINT,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
}


def entities_chart(report: Report) -> str:
    """Entities of each label, a panel a split."""
    surveys = report.corpora.surveys[:MOST_SPLITS]
    labels = report.corpora.labels[:MOST_LABELS]

    def draw(axes: Any) -> None:
        for i, (survey, panel) in enumerate(zip(surveys, axes[0], strict=True)):
            counts = [survey.entities[label] for label in labels]
            bars = panel.barh(range(len(labels)), counts, color=_COLOURS[i], height=0.72)
            panel.bar_label(bars, [f"{n:,}" for n in counts], padding=3, fontsize=9)
            panel.set_title(f"{_short(survey.name)}: {survey.n_entities:,} entities")
            panel.set_yticks(range(len(labels)), [_short(label) for label in labels])
            panel.set_ylim(len(labels) - 0.4, -0.6)
            panel.set_xlim(0, max(1, *counts) * 1.25)
            panel.set_xlabel("entities")
            panel.tick_params(axis="y", length=0)
            _few_ticks(panel.xaxis, 3)

    return _svg("entities", draw, 1, len(surveys), 0.9 + 0.3 * len(labels), "Entities of each label and split")


def sentences_chart(report: Report) -> str:
    """How long sentences are, a row a split: in tokens and, where they were counted, in subwords."""
    surveys = report.corpora.surveys[:MOST_SPLITS]
    kinds: list[tuple[str, Callable[[Survey], Counter[int]]]] = [("tokens", lambda s: s.lengths)]
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
                _histogram(axes[i][j], lengths_of(survey), width, far, _COLOURS[i])
                axes[i][j].set_title(f"{_short(survey.name)}, {_spread(lengths_of(survey))}")
                if j and report.window:
                    _mark_window(axes[i][j], report.window, far)
                axes[i][j].set_ylabel("% of sentences" if not j else "")
            axes[-1][j].set_xlabel(f"length in {unit}")

    return _svg("sentences", draw, len(surveys), len(kinds), 1.75 * len(surveys) + 0.3, "Lengths of sentences")


def lengths_chart(report: Report) -> str:
    """How long entities are, a panel a split."""
    surveys = report.corpora.surveys[:MOST_SPLITS]
    names = [*map(str, range(1, _LONGEST_ENTITY)), f"{_LONGEST_ENTITY}+"]

    def draw(axes: Any) -> None:
        for i, (survey, panel) in enumerate(zip(surveys, axes[0], strict=True)):
            total = survey.n_entities or 1
            shares = [0.0] * _LONGEST_ENTITY
            for length, n in survey.entity_lengths.items():
                shares[min(length, _LONGEST_ENTITY) - 1] += 100 * n / total
            bars = panel.bar(names, shares, color=_COLOURS[i], width=0.78)
            panel.bar_label(bars, [_percent(one) for one in shares], padding=2, fontsize=9)
            panel.set_ylim(0, 112)
            panel.set_title(_short(survey.name))
            panel.set_xlabel("length in tokens")
            panel.set_ylabel("% of entities" if not i else "")
            _few_ticks(panel.yaxis, 4)

    return _svg("lengths", draw, 1, len(surveys), 2.6, "Lengths of entities")


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
    _few_ticks(panel.yaxis, 3)


def _mark_window(panel: Any, window: int, far: int) -> None:
    style = {"ha": "right", "va": "top", "fontsize": 9}
    if window <= far:
        panel.axvline(window, color=_INK, linestyle="--", linewidth=1)
        panel.text(window, 0.95, f"window: {window} ", transform=panel.get_xaxis_transform(), **style)
    else:
        panel.text(0.99, 0.95, f"window: {window} →", transform=panel.transAxes, **style)


def _spread(lengths: Counter[int]) -> str:
    found = summary(lengths)
    return f"median {found.median}, longest {found.max}" if found else "none"


def _percent(value: float) -> str:
    return "" if not value else "<1" if value < 1 else f"{value:.0f}"


def _short(name: str, most: int = 22) -> str:
    return cut_middle("".join(c for c in name if c.isprintable()), most)


def _few_ticks(axis: Any, n: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(n, integer=True))


def _svg(name: str, draw: Callable[[Any], None], n_rows: int, n_columns: int, height: float, label: str) -> str:
    """Draw panels with shared axes.

    draw: is given the panels. *Shape:* `(n_rows, n_columns)`
    height: in inches; the width is always the same.
    label: what readers of the screen are told.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    file = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # The page's fonts have what matplotlib's own lack.
        warnings.filterwarnings("ignore", message=r"(?s).*[Gg]lyph.*")
        figure = Figure(figsize=(11, max(1.8, height)), layout="constrained")
        FigureCanvasSVG(figure)
        share: Sequence[Any] = (n_rows > 1, "row") if n_rows == 1 else ("col", "col")
        draw(figure.subplots(n_rows, n_columns, squeeze=False, sharex=share[0], sharey=share[1]))
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor").replace(_FAINT, "var(--line)")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
