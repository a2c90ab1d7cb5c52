"""What was found, where the user wants it: in the terminal, as JSON, as a page."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import CorpusError, Errors
from ..util.atomic_io import atomic_files
from . import terminal as table
from .json_report import to_json
from .report import InspectionReport, inspect_files

WIDEST, NARROWEST = 98, 60


def inspect_to(
    paths: Sequence[Path], *, json_path: Path | None = None, html_path: Path | None = None, **options: Any
) -> InspectionReport:
    """Look at some files, and write what was found.

    options: those of `inspect_files`.
    RAISES CorpusError: a file cannot be read or stands where one is to be written, or matplotlib is missing, which the
        page needs; nothing is written.
    """
    _check(paths, [path for path in (json_path, html_path) if path])
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
    """As JSON.

    ascii: with nothing else in it, for what may have any encoding.
    """
    return json.dumps(to_json(report), ensure_ascii=ascii, indent=2)


def lines(report: InspectionReport, width: int) -> Iterator[tuple[str, str]]:
    """Text for the terminal, each piece with the level of the finding that it begins, or "".

    width: columns of the terminal.
    """
    width = max(NARROWEST, min(width, WIDEST))
    for survey in report.corpora.surveys:
        yield "info", _wrapped(f"{survey.name}: {survey.description}", width)
        yield from (("warning", _wrapped(note, width)) for note in survey.notes)
    yield "", "\n" + table.tables(report, width)
    for finding in report.findings:
        yield finding.level, table.headline(finding, width)
        yield "", table.body(finding, width) + "\n"
    yield "", f"Findings: {', '.join(report.counts())}"


def _wrapped(text: str, width: int) -> str:
    """Text after a sign of two characters."""
    return textwrap.fill(text, width - 2, subsequent_indent="  ", break_on_hyphens=False)


def _check(inputs: Sequence[Path], written: Sequence[Path]) -> None:
    """Refuse to write a file in the place of an input, or of another."""
    for path in written:
        if path.exists() and any(path.samefile(one) for one in inputs if one.exists()):
            raise CorpusError(Errors.same_file.format(path=path))
    if len({path.resolve() for path in written}) < len(written):
        raise CorpusError(Errors.same_output.format(path=written[0]))


def _check_matplotlib(path: Path) -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as e:
        raise CorpusError(Errors.no_matplotlib.format(option="--html", path=path)) from e


def _write(path: Path, text: str) -> None:
    with atomic_files(path.parent, [path.name]) as (temporary,):
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
