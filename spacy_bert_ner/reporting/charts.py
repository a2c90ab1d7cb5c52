"""Charts, as SVG that stands in a page and takes its colours of text and lines, light or dark, or as PNG.

The colours are those of Okabe and Ito, https://jfly.uni-koeln.de/color/, which people who do not see all colours can
tell apart.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .html import cut_middle

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
INK, FAINT = "#010203", "#040506"
"""Stand for the page's colours of text and of lines, and are put in their place; a PNG keeps them."""
_WIDTH = 11  # inches
_DPI = 110
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",
    "text.parse_math": False,  # labels may hold dollars
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
    """What is drawn.

    name (str): of the file, and what the ids in the SVG are made of.
    label (str): what readers of the screen are told.
    draw: is given the panels. *Shape:* `(n_rows, n_columns)`
    n_rows, n_columns (int): of panels.
    height (float): in inches; the width is always the same.
    shares (bool): whether the panels of the one row, or else those of each column, have the same axes.
    """

    name: str
    label: str
    draw: Callable[[Any], None]
    n_rows: int
    n_columns: int
    height: float
    shares: bool = True


def to_svg(chart: Chart) -> str:
    """As text that stands in a page. What labels hold is escaped.

    RAISES ImportError: matplotlib is not installed.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    file = io.StringIO()
    with _drawn(chart, FigureCanvasSVG) as figure:
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor").replace(FAINT, "var(--line)")
    return svg.replace("<svg", f'<svg role="img" aria-label="{chart.label}"', 1)


def to_png(chart: Chart, folder: Path) -> None:
    """As `<name>.png` in a folder."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _drawn(chart, FigureCanvasAgg) as figure:
        figure.savefig(folder / f"{chart.name}.png", dpi=_DPI, facecolor="white", metadata={"Software": None})


@contextmanager
def _drawn(chart: Chart, canvas: Any) -> Iterator[Any]:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": chart.name}), warnings.catch_warnings():
        # The page's fonts have what matplotlib's own lack.
        warnings.filterwarnings("ignore", message=r"(?s).*[Gg]lyph.*")
        figure = Figure(figsize=(_WIDTH, max(1.8, chart.height)), layout="constrained")
        canvas(figure)
        share: Sequence[Any] = (False, "row") if chart.n_rows == 1 else ("col", "col")
        share = share if chart.shares else (False, False)
        chart.draw(figure.subplots(chart.n_rows, chart.n_columns, squeeze=False, sharex=share[0], sharey=share[1]))
        yield figure


def short(name: str, most: int = 22) -> str:
    """A name that has room beside a chart."""
    return cut_middle("".join(c for c in name if c.isprintable()), most)


def few_ticks(axis: Any, n: int) -> None:
    """No more than so many, at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(n, integer=True))
