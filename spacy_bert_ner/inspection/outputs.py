"""Write an inspection report to the terminal, as JSON, or as an HTML page."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import CorpusError, Errors
from ..util.atomic_io import atomic_files
from . import terminal
from .json_report import to_json
from .report import InspectionReport, inspect_files

WIDEST, NARROWEST = 98, 60
"""Maximum and minimum widths of terminal output, in characters."""


def inspect_to(
    paths: Sequence[Path], *, json_path: Path | None = None, html_path: Path | None = None, **options: Any
) -> InspectionReport:
    """Inspect files and write the report.

    paths (Sequence[Path]): the files; see `inspect_files`.
    json_path (Path | None): the JSON output file, or None to write no JSON file. Default: None.
    html_path (Path | None): the HTML output file, or None to write no HTML file. Default: None.
    options (Any): options for `inspect_files`.
    RETURNS (InspectionReport): the report.
    RAISES CorpusError: a file cannot be read, an output file is also an input or another output file, or matplotlib,
        which the HTML page requires, is missing. In these cases, nothing is written.
    """
    _check_outputs(paths, [path for path in (json_path, html_path) if path])
    if html_path:
        _check_matplotlib(html_path)
    report = inspect_files(paths, **options)
    if json_path:
        _write(json_path, json_text(report))
    if html_path:
        from .html_report import page

        _write(html_path, page(report))
    return report


def json_text(report: InspectionReport, ascii: bool = False) -> str:
    """Return a report as JSON text.

    report (InspectionReport): the report.
    ascii (bool): whether to escape non-ASCII characters, for output with an unknown encoding. Default: False.
    """
    return json.dumps(to_json(report), ensure_ascii=ascii, indent=2)


def lines(report: InspectionReport, width: int) -> Iterator[tuple[str, str]]:
    """Format a report for the terminal.

    report (InspectionReport): the report.
    width (int): width of the terminal, in characters.
    YIELDS (tuple[str, str]): a level in `LEVELS` or an empty string, and the text to print with the symbol for that
        level.
    """
    width = max(NARROWEST, min(width, WIDEST))
    for split in report.corpora.splits:
        yield "info", _wrap(f"{split.name}: {split.description}", width)
        yield from (("warning", _wrap(note, width)) for note in split.notes)
    yield "", "\n" + terminal.tables(report, width)
    for finding in report.findings:
        yield finding.level, terminal.headline(finding, width)
        yield "", terminal.body(finding, width) + "\n"
    yield "", f"Findings: {', '.join(report.counts())}"


def _wrap(text: str, width: int) -> str:
    """Wrap text that follows a symbol with a width of two characters."""
    return textwrap.fill(text, width - 2, subsequent_indent="  ", break_on_hyphens=False)


def _check_outputs(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Reject an output file that would overwrite an input file or another output file."""
    for path in outputs:
        if path.exists() and any(path.samefile(file) for file in inputs if file.exists()):
            raise CorpusError(Errors.same_file.format(path=path))
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise CorpusError(Errors.same_output.format(path=outputs[0]))


def _check_matplotlib(path: Path) -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as e:
        raise CorpusError(Errors.no_matplotlib.format(option="--html", path=path)) from e


def _write(path: Path, text: str) -> None:
    with atomic_files(path.parent, [path.name]) as (temporary,):
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
