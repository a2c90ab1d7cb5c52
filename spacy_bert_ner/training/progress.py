"""Show training progress between evaluations, and handle stop requests."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

_LINE_INTERVAL = 60
"""Seconds between progress lines if the output is not a terminal."""


class ProgressReporter:
    """A progress display with steps, loss, words per second and the remaining time.

    It is a progress bar on a terminal. Elsewhere, it is one line per minute. Both are written to stderr.

    max_steps, max_epochs (int): limits from the config. 0 means no limit. For epochs, -1 also means no limit.
    is_shown (bool): whether to write any output.
    """

    def __init__(self, max_steps: int, max_epochs: int, *, is_shown: bool) -> None:
        self.max_steps, self.max_epochs = max_steps, max_epochs
        self.start_time = self.last_line_time = time.monotonic()
        self.first_step: int | None = None
        self.first_words = 0
        is_terminal = sys.stderr.isatty()
        self.writes_lines, has_bar = is_shown and not is_terminal, is_shown and is_terminal
        self.bar = tqdm(total=max_steps or None, unit=" steps", disable=not has_bar, leave=False)

    def begin(self, step: int, words: int) -> None:
        """Start measuring the speed and the remaining time after a step.

        step (int): number of the last completed step, or -1 for none.
        words (int): number of words read up to this step.
        """
        self.first_step, self.first_words = step, words
        self.start_time = self.last_line_time = time.monotonic()
        self.bar.update(max(step, 0) - self.bar.n)

    def update(self, info: Mapping[str, Any]) -> None:
        """Report a completed step.

        info: information about the step from spaCy's training loop.
        """
        if self.first_step is None:
            self.begin(-1, 0)
        now = time.monotonic()
        if not self.bar.disable:
            self.bar.set_postfix_str(self.line(info, now), refresh=False)
            self.bar.update(int(info["step"]) - self.bar.n)
        if self.writes_lines and now - self.last_line_time >= _LINE_INTERVAL:
            self.last_line_time = now
            sys.stderr.write(f"step {info['step']}: {self.line(info, now)}\n")
            sys.stderr.flush()

    def line(self, info: Mapping[str, Any], now: float) -> str:
        """Format the progress, for example `epoch 2, loss 0.1234, 1,234 words/s, 0:12:34 left`.

        info: information about the step from spaCy's training loop.
        now (float): current value of `time.monotonic()`, in seconds.
        RETURNS: the text without a line break.
        """
        seconds = max(now - self.start_time, 1e-9)
        losses = [float(loss) for loss in info["losses"].values()]
        words = (int(info["words"]) - self.first_words) / seconds
        parts = [f"epoch {info['epoch']}", f"loss {sum(losses):.4f}", f"{words:,.0f} words/s"]
        steps_left = self._steps_left(info)
        if steps_left is not None:
            seconds_per_step = seconds / max(int(info["step"]) - (self.first_step or 0), 1)
            parts.append(f"{_format_duration(steps_left * seconds_per_step)} left")
        return ", ".join(parts)

    def _steps_left(self, info: Mapping[str, Any]) -> float | None:
        """Return an upper bound for the number of remaining steps. Patience can end training earlier.

        RETURNS: None if training has no limit, or if the limit is in epochs and the first epoch has not ended.
        """
        limits = []
        if self.max_steps:
            limits.append(float(self.max_steps))
        if self.max_epochs > 0 and info["epoch"]:
            limits.append(int(info["step"]) / int(info["epoch"]) * self.max_epochs)
        return max(0.0, min(limits) - int(info["step"])) if limits else None

    def clear(self) -> None:
        """Clear the progress bar from the terminal before the logger prints a row."""
        self.bar.clear()

    def close(self) -> None:
        """Close the progress bar."""
        self.bar.close()


def _format_duration(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}"


class StopSignal:
    """A context manager that treats SIGINT and SIGTERM as requests to stop after the current step.

    A second signal ends the process as usual. On exit, the previous signal handlers are restored.

    file (Path | None): file whose existence is also a request to stop, for processes that receive no signals. Default:
        None.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.signal = 0
        self.file = file
        self._previous_handlers: dict[int, Any] = {}

    @property
    def is_requested(self) -> bool:
        """Return whether a stop was requested."""
        return bool(self.signal) or (self.file is not None and self.file.exists())

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():  # Python allows this only in the main thread
            self._previous_handlers = {
                number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def _handle(self, number: int, frame: object) -> None:
        self.signal = number
        self._restore_handlers()

    def _restore_handlers(self) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        self._previous_handlers = {}

    def __exit__(self, *exception: object) -> None:
        self._restore_handlers()
