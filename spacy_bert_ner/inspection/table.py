"""What was found, for a terminal: no wider than 100 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Sequence

from wasabi import table

from .figures import beyond_share, seen_share
from .findings import Finding
from .report import Report
from .shown import Example, visible
from .survey import Survey, summary

WIDTH = 98
_COLUMN = 24
_SPLITS = 3  # beside each other


def tables(report: Report) -> str:
    """Counts, labels and lengths of each split."""
    parts = []
    surveys = report.corpora.surveys
    for i in range(0, len(surveys), _SPLITS):
        some = surveys[i : i + _SPLITS]
        header = ["", *(_cut(visible(survey.name)) for survey in some)]
        aligns = ["l", *"r" * len(some)]
        for rows in (_sizes(report, some), _labels(report, some)):
            if rows:
                parts.append(table(rows, header=header, divider=True, aligns=aligns, max_col=_COLUMN + 10))
    if not report.window:
        parts.append("Lengths in subwords were not counted: name a checkpoint with --encoder.\n")
    return "\n".join(parts)


def headline(finding: Finding) -> str:
    """What was found, and how often."""
    percent = f"{_percent(finding.share)} of " if finding.share is not None else ""
    return f"{visible(finding.title)}: {finding.count:,} ({percent}{finding.of}) [{finding.code}]"


def body(finding: Finding) -> str:
    """Advice, details and examples, a line each."""
    lines = [*textwrap.wrap(finding.advice, WIDTH - 2)]
    for detail in finding.details:
        lines += textwrap.wrap(visible(detail), WIDTH - 2, initial_indent="- ", subsequent_indent="  ")
    for example in finding.examples:
        lines += _example(example)
    return textwrap.indent("\n".join(lines), "  ")


def _sizes(report: Report, surveys: Sequence[Survey]) -> list[list[str]]:
    def row(name: str, value: Callable[[Survey], str]) -> list[str]:
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
    return rows


def _labels(report: Report, surveys: Sequence[Survey]) -> list[list[str]]:
    rows = []
    for label in report.corpora.labels:
        cells = [
            f"{s.entities[label]:,} {_percent(s.entities[label] / s.n_entities) if s.n_entities else '-':>7}"
            for s in surveys
        ]
        rows.append([visible(label), *cells])
    return rows


def _lengths(lengths: Counter[int]) -> str:
    found = summary(lengths)
    return f"{found.min:3} {found.median:4} {found.p95:5} {found.max:4}" if found else "-"


def _example(example: Example) -> list[str]:
    where = f"- {visible(example.split)}, {example.unit} {example.line}: "
    label = f" {example.label}" if example.label else ""
    note = f"  {visible(example.note)}" if example.note else ""
    room = max(20, WIDTH - 6 - len(where) - len(label))
    text = _cut(example.text, room)
    half = max(0, room - len(text)) // 2
    before = (
        example.before
        if len(example.before) <= half
        else f"…{example.before[len(example.before) - half + 1 :]}"
        if half
        else ""
    )
    lines = [f"{where}{before}[{text}]{_cut(example.after, half) if half else ''}{visible(label)}"]
    return lines + textwrap.wrap(note.strip(), WIDTH - 4, initial_indent="  ", subsequent_indent="  ")


def _percent(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if value >= 0.001 or not value else "<0.1%"


def _cut(text: str, length: int = _COLUMN) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…" if length > 0 else ""
