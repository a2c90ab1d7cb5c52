"""What was found, where the user wants it: in the terminal, as JSON, as a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import CorpusError, Errors
from ..files import whole_files
from . import table
from .figures import to_json
from .findings import LEVELS
from .report import Report, inspect_files


def inspect_to(
    paths: Sequence[Path], *, json_path: Path | None = None, html_path: Path | None = None, **options: Any
) -> Report:
    """Look at some files, and write what was found.

    options: those of `inspect_files`.
    RAISES CorpusError: a file cannot be read, or matplotlib is missing, which the page needs; nothing is written.
    """
    if html_path:
        _check_matplotlib(html_path)
    report = inspect_files(paths, **options)
    if json_path:
        _write(json_path, json_text(report))
    if html_path:
        from .page import page

        _write(html_path, page(report))
    return report


def json_text(report: Report) -> str:
    """As JSON."""
    return json.dumps(to_json(report), ensure_ascii=False, indent=2)


def lines(report: Report) -> Iterator[tuple[str, str]]:
    """Text for the terminal, each piece with the level of the finding that it begins, or ""."""
    yield "", table.tables(report)
    for finding in report.findings:
        yield finding.level, table.headline(finding)
        yield "", table.body(finding) + "\n"
    counts = ", ".join(f"{report.count(level)} {level}" for level in LEVELS)
    yield "", f"Findings: {counts}"


def _check_matplotlib(path: Path) -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as e:
        raise CorpusError(Errors.no_matplotlib.format(path=path)) from e


def _write(path: Path, text: str) -> None:
    with whole_files(path.parent, [path.name]) as (temporary,):
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
