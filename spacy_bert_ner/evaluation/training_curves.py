"""What a training has written to its log, as curves; see `csv_logger.make_csv_logger_v1`."""

from __future__ import annotations

import csv
from math import isfinite
from pathlib import Path

from ..errors import BertNerError, Errors

Points = list[tuple[float, float]]

_SCORES = {"accuracy": ("iob_acc", "train_iob_acc"), "F1": ("ents_f", "train_ents_f")}


def read_log(path: Path) -> dict[str, dict[str, Points]]:
    """Read the curves of a training.

    path: of a CSV file.
    RETURNS: of `loss`, `accuracy` and `F1`, by name of the column, the points `(step, value)`; what the log does not
        have is left out.
    RAISES BertNerError: the file is not there, or no log of a training.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        steps = [float(row["step"]) for row in rows]
        if not all(map(isfinite, steps)):
            raise ValueError("a step is no finite number")
    except FileNotFoundError as e:
        raise BertNerError(Errors.no_such_file.format(path=path)) from e
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as e:
        raise BertNerError(Errors.bad_log.format(path=path, reason=e)) from e
    columns = [column for column in rows[0] if column is not None] if rows else []  # None of cells beyond the header
    losses = tuple(column for column in columns if column.startswith(("loss_", "dev_loss_")))
    curves: dict[str, dict[str, Points]] = {}
    for title, names in {"loss": losses, **_SCORES}.items():
        for name in names:
            points = [
                (step, value)
                for step, row in zip(steps, rows, strict=True)
                if (value := _number(row.get(name))) is not None
            ]
            if points:
                curves.setdefault(title, {})[name] = points
    if not curves:
        reason = "there is no loss, accuracy or F1 in it"
        raise BertNerError(Errors.bad_log.format(path=path, reason=reason))
    return curves


def _number(text: str | None) -> float | None:
    """A finite number; None of what is none, as of a loss that has become `nan`."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if isfinite(value) else None
