"""Read learning curves from a training log written by `csv_logger.make_csv_logger_v1`."""

from __future__ import annotations

import csv
from math import isfinite
from pathlib import Path

from ..errors import BertNerError, Errors

Points = list[tuple[float, float]]

_SCORES = {"accuracy": ("iob_acc", "train_iob_acc"), "F1": ("ents_f", "train_ents_f")}


def read_log(path: Path) -> dict[str, dict[str, Points]]:
    """Read the learning curves from a training log.

    path (Path): path to the CSV file.
    RETURNS: points `(step, value)` by column name, grouped under `loss`, `accuracy` and `F1`. Curves without points are
        omitted.
    RAISES BertNerError: the file does not exist or is not a training log.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        steps = [float(row["step"]) for row in rows]
        if not all(map(isfinite, steps)):
            raise ValueError("a step is not a finite number")
    except FileNotFoundError as e:
        raise BertNerError(Errors.no_such_file.format(path=path)) from e
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as e:
        raise BertNerError(Errors.bad_log.format(path=path, reason=e)) from e
    # `csv` stores surplus cells under None.
    columns = [column for column in rows[0] if column is not None] if rows else []
    losses = tuple(column for column in columns if column.startswith(("loss_", "dev_loss_")))
    curves: dict[str, dict[str, Points]] = {}
    for title, names in {"loss": losses, **_SCORES}.items():
        for name in names:
            points = [
                (step, value)
                for step, row in zip(steps, rows, strict=True)
                if (value := _parse_finite(row.get(name))) is not None
            ]
            if points:
                curves.setdefault(title, {})[name] = points
    if not curves:
        reason = "it has no columns with loss, accuracy or F1"
        raise BertNerError(Errors.bad_log.format(path=path, reason=reason))
    return curves


def _parse_finite(text: str | None) -> float | None:
    """Parse a finite number, or return None for other text such as `nan` from a diverged loss."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if isfinite(value) else None
