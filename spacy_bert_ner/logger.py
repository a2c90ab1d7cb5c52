"""The registered logger: `spacy train` writes one row an evaluation to a CSV file, for plots."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from numbers import Real
from pathlib import Path
from typing import IO, Any

from spacy.language import Language
from spacy.training.loggers import console_logger
from spacy.util import registry

from .errors import check_setting
from .files import whole_files

LogStep = Callable[[dict[str, Any] | None], None]
SetupPrinter = Callable[..., tuple[LogStep, Callable[[], None]]]
Row = dict[str, Any]


@registry.loggers("spacy_bert_ner.CsvLogger.v1")
def make_csv_logger_v1(path: Any, console: Any = True, progress_bar: Any = False) -> SetupPrinter:
    """A logger that writes a CSV file: see `evaluation_row`. The first row names the columns.

    path (str | Path): of the file. Its folders are made; a file that is there is replaced at the first evaluation.
    console (bool): whether rows are printed too, as spaCy's console logger does.
    progress_bar (bool): whether a bar shows the steps to the next evaluation. Needs `console`.
    RETURNS: what `[training.logger]` asks for.
    RAISES ConfigError: a setting is not allowed.
    """
    check = partial(check_setting, "training.logger")
    is_path = isinstance(path, Path) or (isinstance(path, str) and bool(path.strip()))
    check("path", path, is_path and not Path(path).is_dir(), 'a file to write, as in path = "training/log.csv"')
    check("console", console, isinstance(console, bool), "true, false")
    check("progress_bar", progress_bar, isinstance(progress_bar, bool), "true, false")
    check(
        "progress_bar", progress_bar, console or not progress_bar, "false while console = false, which prints nothing"
    )

    def setup_printer(
        nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[LogStep, Callable[[], None]]:
        table = CsvTable(Path(path))
        to_console = console_logger(progress_bar) if console else _print_nothing
        print_step, finalize = to_console(nlp, stdout, stderr)

        def log_step(info: dict[str, Any] | None) -> None:
            if info is not None:  # None: a step without an evaluation
                table.add(evaluation_row(info))
            print_step(info)

        return log_step, finalize

    return setup_printer


def _print_nothing(*_: Any) -> tuple[LogStep, Callable[[], None]]:
    # spaCy's logger without console output would still refuse scores that are None.
    return lambda info: None, lambda: None


class CsvTable:
    """A CSV file that grows by rows and, where a row brings new columns, by these; older rows have nothing in them.

    Whoever reads it while it grows, or after the process was killed, finds whole rows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = []

    def add(self, row: Row) -> None:
        """Write a row."""
        new = [column for column in row if column not in self.columns]
        if new or not self.path.exists():
            self._rewrite([*self.columns, *new], row)
            return
        with self.path.open("a", encoding="utf8", newline="") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(row)

    def _rewrite(self, columns: list[str], row: Row) -> None:
        with (
            whole_files(self.path.parent, [self.path.name]) as [temporary],
            temporary.open("w", encoding="utf8", newline="") as file,
        ):
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            # A file that was there before the first row is of another run. Were training to go on from a checkpoint,
            # its file would have to be read here.
            if self.columns and self.path.exists():
                with self.path.open(encoding="utf8", newline="") as older:
                    writer.writerows(csv.DictReader(older))
            writer.writerow(row)
        self.columns = columns


def evaluation_row(info: Mapping[str, Any]) -> Row:
    """What a row holds: `epoch`, `step`, `seconds`, `words` so far, `score`, `loss_<component>` of each component that
    learned since the last row, and every score that is a number.

        {"ents_f": 0.5, "ents_per_type": {"per": {"f": 0.5}}}   →   ents_f, ents_per_type_per_f

    info: what spaCy's training loop tells of an evaluation.
    """
    row: Row = {key: info[key] for key in ("epoch", "step", "seconds", "words", "score")}
    row |= {f"loss_{name}": float(loss) for name, loss in info["losses"].items()}
    for key, score in _flat("", info["other_scores"] or {}):
        row.setdefault(key, score)
    return row


def _flat(prefix: str, scores: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in scores.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{key}_", value)
        elif isinstance(value, Real) and not isinstance(value, bool):
            yield f"{prefix}{key}", float(value)
