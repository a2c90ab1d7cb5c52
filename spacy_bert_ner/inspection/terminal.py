"""What was found, for a terminal of any width."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Sequence

from wasabi import table

from ..reporting.html import cut_middle, visible
from .examples import CorpusExample
from .findings import Finding
from .json_report import beyond_share, seen_share
from .report import InspectionReport
from .statistics import SplitStatistics, summary

_FIRST, _OTHER = 30, 22  # columns that names of labels, and the numbers of a split, take at the most


def tables(report: InspectionReport, width: int) -> str:
    """Counts, labels and lengths of each split."""
    parts = []
    surveys = report.corpora.surveys
    n = max(1, (width - _FIRST) // _OTHER)
    for i in range(0, len(surveys), n):
        some = surveys[i : i + n]
        header = ["", *(_cut(visible(survey.name), _OTHER - 3) for survey in some)]
        aligns = ["l", *"r" * len(some)]
        for rows in (_sizes(report, some), _labels(report, some)):
            if rows:
                parts.append(table(rows, header=header, divider=True, aligns=aligns, max_col=_FIRST))
    if not report.window:
        text = "Lengths in subwords were not counted: name a checkpoint with --encoder."
        parts.append(textwrap.fill(text, width) + "\n")
    return "\n".join(parts)


def headline(finding: Finding, width: int) -> str:
    """What was found, and how often. Room is left for a sign before it."""
    percent = f"{_percent(finding.share)} of " if finding.share is not None else ""
    text = f"{visible(finding.title)}: {finding.count:,} ({percent}{visible(finding.of)}) [{finding.code}]"
    return "\n  ".join(textwrap.wrap(text, width - 2))


def body(finding: Finding, width: int) -> str:
    """Advice, details and examples, a line each."""
    lines = [*textwrap.wrap(visible(finding.advice), width - 2, break_on_hyphens=False)]
    for detail in finding.details:
        lines += textwrap.wrap(visible(detail), width - 2, initial_indent="- ", subsequent_indent="  ")
    for example in finding.examples:
        lines += _example(example, width - 2)
    return textwrap.indent("\n".join(lines), "  ")


def _sizes(report: InspectionReport, surveys: Sequence[SplitStatistics]) -> list[list[str]]:
    def row(name: str, value: Callable[[SplitStatistics], str]) -> list[str]:
        return [name, *(value(survey) for survey in surveys)]

    rows = [
        row("sentences", lambda s: f"{s.n_sentences:,}"),
        row("with an entity", lambda s: _percent(s.n_with_entity / s.n_sentences)),
        row("tokens", lambda s: f"{s.n_tokens:,}"),
        row("entities", lambda s: f"{s.n_entities:,}"),
    ]
    if len(report.corpora.surveys) > 1:
        rows.append(
            row(f"also in {visible(report.corpora.train.name)}", lambda s: _percent(seen_share(report.corpora, s)))
        )
    rows.append(row("", lambda s: "min  med  95 %  max"))
    rows.append(row("tokens a sentence", lambda s: _lengths(s.lengths)))
    if report.window:
        rows.append(row("subwords a sentence", lambda s: _lengths(s.subword_lengths)))
    rows.append(row("tokens an entity", lambda s: _lengths(s.entity_lengths)))
    if report.window:
        rows.append(row(f"beyond {report.window} subwords", lambda s: _percent(beyond_share(s))))
        rows.append(row("tokens that share one", lambda s: f"{s.n_joined:,} {_percent(s.n_joined / s.n_tokens)}"))
    return rows


def _labels(report: InspectionReport, surveys: Sequence[SplitStatistics]) -> list[list[str]]:
    rows = []
    for label in report.corpora.labels:
        cells = [
            f"{s.entities[label]:,} {_percent(s.entities[label] / s.n_entities) if s.n_entities else '-':>7}"
            for s in surveys
        ]
        rows.append([cut_middle(visible(label), _FIRST), *cells])
    return rows


def _lengths(lengths: Counter[int]) -> str:
    found = summary(lengths)
    return f"{found.min:3} {found.median:4} {found.p95:5} {found.max:4}" if found else "-"


def _example(example: CorpusExample, width: int) -> list[str]:
    where = f"- {cut_middle(visible(example.split), width // 4)}, {example.unit} {example.line}: "
    label = f" {cut_middle(visible(example.label), width // 4)}" if example.label else ""
    note = f"  {visible(example.note)}" if example.note else ""
    room = max(10, width - 2 - len(where) - len(label))
    text = _cut(example.text, room)
    left = room - len(text)
    # What one side does not need, the other has.
    n_before = max(left // 2, left - len(example.after))
    before = example.before if len(example.before) <= n_before else _cut(example.before[::-1], n_before)[::-1]
    lines = [f"{where}{before}[{text}]{_cut(example.after, left - len(before))}{label}"]
    return lines + textwrap.wrap(note.strip(), width, initial_indent="  ", subsequent_indent="  ")


def _percent(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if value >= 0.001 or not value else "<0.1%"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…" if length > 0 else ""
