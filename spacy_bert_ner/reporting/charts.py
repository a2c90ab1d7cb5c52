"""Draw charts as PNG files or as inline SVG that follows the page's light or dark theme.

The colours are from the palette by Okabe and Ito (https://jfly.uni-koeln.de/color/), which readers with colour-vision
deficiency can distinguish.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .text import cut_middle

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
INK, FAINT = "#010203", "#040506"
"""Placeholder colours for text and lines. They are replaced with the page's colours in SVG but kept in PNG."""
_WIDTH = 11  # inches
_DPI = 110
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",
    "text.parse_math": False,  # labels may contain dollar signs
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
}


class Chart(NamedTuple):
    """The layout of a chart and the function that draws it.

    name (str): file name without suffix. It is also the seed for the IDs in the SVG.
    label (str): description for screen readers.
    draw (Callable): function that draws on an array of matplotlib axes. *Shape:* `(n_rows, n_columns)`
    n_rows, n_columns (int): number of panels in each direction.
    height (float): height in inches. All charts have the same width.
    shares (bool): whether panels share axes. If there is one row, its panels share the y-axis. If there are several
        rows, the panels in each column share both axes. Default: True.
    """

    name: str
    label: str
    draw: Callable[[Any], None]
    n_rows: int
    n_columns: int
    height: float
    shares: bool = True


def to_svg(chart: Chart) -> str:
    """Draw a chart as SVG for an HTML page. Text from labels is escaped.

    chart (Chart): chart to draw.
    RETURNS: an `<svg>` element.
    RAISES ImportError: matplotlib is not installed.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    file = io.StringIO()
    with _draw_figure(chart, FigureCanvasSVG) as figure:
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor").replace(FAINT, "var(--line)")
    return svg.replace("<svg", f'<svg role="img" aria-label="{chart.label}"', 1)


def to_png(chart: Chart, folder: Path) -> None:
    """Write a chart as `<name>.png` to an existing folder.

    chart (Chart): chart to draw.
    folder (Path): output folder.
    RAISES ImportError: matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _draw_figure(chart, FigureCanvasAgg) as figure:
        figure.savefig(folder / f"{chart.name}.png", dpi=_DPI, facecolor="white", metadata={"Software": None})


@contextmanager
def _draw_figure(chart: Chart, canvas: Any) -> Iterator[Any]:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": chart.name}), warnings.catch_warnings():
        # matplotlib's fonts lack some glyphs that the page's fonts have.
        warnings.filterwarnings("ignore", message=r"(?s).*[Gg]lyph.*")
        figure = Figure(figsize=(_WIDTH, max(1.8, chart.height)), layout="constrained")
        canvas(figure)
        share: Sequence[Any] = (False, "row") if chart.n_rows == 1 else ("col", "col")
        share = share if chart.shares else (False, False)
        chart.draw(figure.subplots(chart.n_rows, chart.n_columns, squeeze=False, sharex=share[0], sharey=share[1]))
        yield figure


def short(name: str, most: int = 22) -> str:
    """Shorten a name to at most `most` printable characters for an axis label."""
    return cut_middle("".join(c for c in name if c.isprintable()), most)


def few_ticks(axis: Any, n: int) -> None:
    """Limit an axis to at most `n` ticks at integer positions."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(n, integer=True))
