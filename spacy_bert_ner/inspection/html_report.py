"""Render an inspection report as a self-contained HTML page."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from ..reporting.charts import to_svg
from ..reporting.html import render
from . import charts
from .findings import LEVELS
from .json_report import to_json
from .label_consistency import NO_ENTITY
from .report import InspectionReport

_MAX_CONFUSION_LABELS = 20


def page(report: InspectionReport) -> str:
    """Render the HTML page. All text from the corpus is escaped.

    report (InspectionReport): the report.
    RETURNS (str): the HTML page.
    RAISES ImportError: matplotlib is not installed.
    """
    splits = report.corpora.splits
    return render(
        __package__,
        report=report,
        data=to_json(report),
        n_left_out=max(0, len(splits) - charts.MOST_SPLITS),
        n_labels_left_out=max(0, len(report.corpora.labels) - charts.MOST_LABELS),
        levels=list(zip(LEVELS, report.counts(), strict=True)),
        # Safe: matplotlib escapes the text of its SVG.
        entities=Markup(to_svg(charts.entities_chart(report))) if report.corpora.labels else "",  # noqa: S704
        sentences=Markup(to_svg(charts.sentences_chart(report))),  # noqa: S704
        lengths=Markup(to_svg(charts.lengths_chart(report))) if report.corpora.labels else "",  # noqa: S704
        confusion=_confusion_table(report),
    )


def _confusion_table(report: InspectionReport) -> dict[str, Any] | None:
    """Return the names and rows of the confusion table, or None if there are no confusions.

    Each cell contains a count and a colour strength from 0 to 1.
    """
    pairs = report.confusion
    used = {label for pair in pairs for label in pair}
    labels = [label for label in report.corpora.labels if label in used][:_MAX_CONFUSION_LABELS]
    labels += [NO_ENTITY] * (NO_ENTITY in used)
    if not pairs:
        return None
    most = max(pairs.values())
    rows = [[(pairs[usual, other], (pairs[usual, other] / most) ** 0.5) for other in labels] for usual in labels]
    return {"names": [label or "no entity" for label in labels], "rows": rows}
