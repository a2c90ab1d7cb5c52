"""What was found, as one page of HTML that needs nothing else."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from ..reporting.charts import to_svg
from ..reporting.html import render
from . import charts
from .findings import LEVELS
from .json_report import to_json
from .label_consistency import NONE
from .report import InspectionReport

_MOST_CELLS = 20
"""Labels on either side of the table of readings."""


def page(report: InspectionReport) -> str:
    """The page. Whatever comes from the corpus is escaped.

    RAISES ImportError: matplotlib is not installed.
    """
    surveys = report.corpora.surveys
    return render(
        __package__,
        report=report,
        found=to_json(report),
        n_left_out=max(0, len(surveys) - charts.MOST_SPLITS),
        n_labels_left_out=max(0, len(report.corpora.labels) - charts.MOST_LABELS),
        levels=list(zip(LEVELS, report.counts(), strict=True)),
        # Safe: matplotlib escapes what it writes.
        entities=Markup(to_svg(charts.entities_chart(report))) if report.corpora.labels else "",  # noqa: S704
        sentences=Markup(to_svg(charts.sentences_chart(report))),  # noqa: S704
        lengths=Markup(to_svg(charts.lengths_chart(report))) if report.corpora.labels else "",  # noqa: S704
        readings=_readings(report),
    )


def _readings(report: InspectionReport) -> dict[str, Any] | None:
    """Rows and columns of the table of readings, with the strength of each cell's colour from 0 to 1."""
    pairs = report.confusion
    used = {label for pair in pairs for label in pair}
    names = [label for label in report.corpora.labels if label in used][:_MOST_CELLS]
    names += [NONE] * (NONE in used)
    if not pairs:
        return None
    most = max(pairs.values())
    cells = [[(pairs[usual, other], (pairs[usual, other] / most) ** 0.5) for other in names] for usual in names]
    return {"names": [name or "no entity" for name in names], "rows": cells}
