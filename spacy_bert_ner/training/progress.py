"""What a user sees of a training between evaluations, and how it is asked to stop."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

_EVERY = 60
"""Seconds between lines in a log."""


class ProgressReporter:
    """Steps, loss, words a second and the time that is left: a bar on a terminal, elsewhere a line a minute.

    max_steps, max_epochs (int): of the config; 0, or -1, for none.
    is_shown (bool): whether anything is written, to stderr.
    """

    def __init__(self, max_steps: int, max_epochs: int, *, is_shown: bool) -> None:
        self.max_steps, self.max_epochs = max_steps, max_epochs
        self.begun = self.told_at = time.monotonic()
        self.first_step: int | None = None
        self.first_words = 0
        is_terminal = sys.stderr.isatty()
        self.is_log, is_bar = is_shown and not is_terminal, is_shown and is_terminal
        self.bar = tqdm(total=max_steps or None, unit=" steps", disable=not is_bar, leave=False)

    def begin(self, step: int, words: int) -> None:
        """Steps and words up to here were done before, or took no time."""
        self.first_step, self.first_words = step, words
        self.begun = self.told_at = time.monotonic()
        self.bar.update(max(step, 0) - self.bar.n)

    def told(self, info: Mapping[str, Any]) -> None:
        """A step is done."""
        if self.first_step is None:
            self.begin(-1, 0)
        now = time.monotonic()
        if not self.bar.disable:
            self.bar.set_postfix_str(self.line(info, now), refresh=False)
            self.bar.update(int(info["step"]) - self.bar.n)
        if self.is_log and now - self.told_at >= _EVERY:
            self.told_at = now
            sys.stderr.write(f"step {info['step']}: {self.line(info, now)}\n")
            sys.stderr.flush()

    def line(self, info: Mapping[str, Any], now: float) -> str:
        """As in `epoch 2, loss 0.1234, 1,234 words/s, 0:12:34 left`."""
        seconds = max(now - self.begun, 1e-9)
        losses = [float(loss) for loss in info["losses"].values()]
        words = (int(info["words"]) - self.first_words) / seconds
        parts = [f"epoch {info['epoch']}", f"loss {sum(losses):.4f}", f"{words:,.0f} words/s"]
        left = self._steps_left(info)
        if left is not None:
            per_step = seconds / max(int(info["step"]) - (self.first_step or 0), 1)
            parts.append(f"{_clock(left * per_step)} left")
        return ", ".join(parts)

    def _steps_left(self, info: Mapping[str, Any]) -> float | None:
        """At most, as patience may end; None where there is no end, or the first epoch has not told its length."""
        ends = []
        if self.max_steps:
            ends.append(float(self.max_steps))
        if self.max_epochs > 0 and info["epoch"]:
            ends.append(int(info["step"]) / int(info["epoch"]) * self.max_epochs)
        return max(0.0, min(ends) - int(info["step"])) if ends else None

    def clear(self) -> None:
        """Make room for a row of the logger."""
        self.bar.clear()

    def close(self) -> None:
        self.bar.close()


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}"


class StopSignal:
    """Takes SIGINT and SIGTERM for a wish to stop after the step; a second one ends the process as usual.

    file: whose being there is such a wish too, for whom no signal reaches; None for none.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.signal = 0
        self.file = file
        self._before: dict[int, Any] = {}

    @property
    def is_asked(self) -> bool:
        """Whether it is to stop."""
        return bool(self.signal) or (self.file is not None and self.file.exists())

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():  # the only one that may
            self._before = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _take(self, number: int, frame: object) -> None:
        self.signal = number
        self._give_back()

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def __exit__(self, *exception: object) -> None:
        self._give_back()
