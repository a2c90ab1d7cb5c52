"""Format an inspection report for a terminal of any width."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Sequence

from wasabi import table

from ..reporting.text import cut_middle, percent, visible
from .examples import CorpusExample
from .findings import Finding
from .json_report import beyond_share, seen_share
from .report import InspectionReport
from .statistics import SplitStatistics, summary

_FIRST_COLUMN, _OTHER_COLUMNS = 30, 22
"""Maximum widths of the column with row names and of the column for each split, in characters."""


def tables(report: InspectionReport, width: int) -> str:
    """Format the tables with counts, lengths and labels. Splits that do not fit are shown in additional tables.

    report (InspectionReport): the report.
    width (int): width of the terminal, in characters.
    RETURNS (str): the formatted tables.
    """
    parts: list[str] = []
    all_splits = report.corpora.splits
    n = max(1, (width - _FIRST_COLUMN) // _OTHER_COLUMNS)
    for i in range(0, len(all_splits), n):
        splits = all_splits[i : i + n]
        header = ["", *(_cut(visible(split.name), _OTHER_COLUMNS - 3) for split in splits)]
        aligns = ["l", *"r" * len(splits)]
        parts.extend(
            table(rows, header=header, divider=True, aligns=aligns, max_col=_FIRST_COLUMN)
            for rows in (_size_rows(report, splits), _label_rows(report, splits))
            if rows
        )
    if not report.window:
        text = "Subwords were not counted. To count them, specify a checkpoint with --encoder."
        parts.append(textwrap.fill(text, width) + "\n")
    return "\n".join(parts)


def headline(finding: Finding, width: int) -> str:
    """Format the title and count of a finding. Leave room for a symbol in the first line."""
    of_total = f"{_percent(finding.share)} of " if finding.share is not None else ""
    text = f"{visible(finding.title)}: {finding.count:,} ({of_total}{visible(finding.of)}) [{finding.code}]"
    return "\n  ".join(textwrap.wrap(text, width - 2))


def body(finding: Finding, width: int) -> str:
    """Format the advice, details and examples of a finding."""
    lines = [*textwrap.wrap(visible(finding.advice), width - 2, break_on_hyphens=False)]
    for detail in finding.details:
        lines += textwrap.wrap(visible(detail), width - 2, initial_indent="- ", subsequent_indent="  ")
    for example in finding.examples:
        lines += _format_example(example, width - 2)
    return textwrap.indent("\n".join(lines), "  ")


def _size_rows(report: InspectionReport, splits: Sequence[SplitStatistics]) -> list[list[str]]:
    def row(name: str, value: Callable[[SplitStatistics], str]) -> list[str]:
        return [name, *(value(split) for split in splits)]

    rows = [
        row("sentences", lambda s: f"{s.n_sentences:,}"),
        row("sentences with an entity", lambda s: _percent(s.n_with_entity / s.n_sentences)),
        row("tokens", lambda s: f"{s.n_tokens:,}"),
        row("entities", lambda s: f"{s.n_entities:,}"),
    ]
    if len(report.corpora.splits) > 1:
        rows.append(
            row(
                f"entities also in {visible(report.corpora.train.name)}",
                lambda s: _percent(seen_share(report.corpora, s)),
            )
        )
    rows.append(row("", lambda s: "min  med  95 %  max"))
    rows.append(row("tokens per sentence", lambda s: _length_cell(s.lengths)))
    if report.window:
        rows.append(row("subwords per sentence", lambda s: _length_cell(s.subword_lengths)))
    rows.append(row("tokens per entity", lambda s: _length_cell(s.entity_lengths)))
    if report.window:
        rows.append(row(f"longer than {report.window} subwords", lambda s: _percent(beyond_share(s))))
        rows.append(row("tokens that share a subword", lambda s: f"{s.n_joined:,} {_percent(s.n_joined / s.n_tokens)}"))
    return rows


def _label_rows(report: InspectionReport, splits: Sequence[SplitStatistics]) -> list[list[str]]:
    rows = []
    for label in report.corpora.labels:
        cells = [
            f"{s.entities[label]:,} {_percent(s.entities[label] / s.n_entities) if s.n_entities else '-':>7}"
            for s in splits
        ]
        rows.append([cut_middle(visible(label), _FIRST_COLUMN), *cells])
    return rows


def _length_cell(lengths: Counter[int]) -> str:
    s = summary(lengths)
    return f"{s.min:3} {s.median:4} {s.p95:5} {s.max:4}" if s else "-"


def _format_example(example: CorpusExample, width: int) -> list[str]:
    location = f"- {cut_middle(visible(example.split), width // 4)}, {example.unit} {example.line}: "
    label = f" {cut_middle(visible(example.label), width // 4)}" if example.label else ""
    note = f"  {visible(example.note)}" if example.note else ""
    room = max(10, width - 2 - len(location) - len(label))
    text = _cut(example.text, room)
    n_context = room - len(text)
    # One side can use the space that the other side does not need.
    n_before = max(n_context // 2, n_context - len(example.after))
    before = example.before if len(example.before) <= n_before else _cut(example.before[::-1], n_before)[::-1]
    lines = [f"{location}{before}[{text}]{_cut(example.after, n_context - len(before))}{label}"]
    return lines + textwrap.wrap(note.strip(), width, initial_indent="  ", subsequent_indent="  ")


def _percent(value: float | None) -> str:
    """Format a share as a percentage, as on the HTML page but in ASCII and without a space."""
    return percent(value).replace("–", "-").replace("< ", "<")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…" if length > 0 else ""
