"""Show the progress of training between evaluations, and receive requests to stop."""

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
"""Seconds between lines, if the output is not a terminal."""


class ProgressReporter:
    """Show steps, loss, words per second and the remaining time.

    On a terminal this is a progress bar, otherwise one line per minute. Both are written to stderr.

    max_steps, max_epochs (int): limits in the config; 0, or -1 for epochs, for no limit.
    is_shown (bool): whether anything is written.
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
        """Start measuring speed and remaining time after this step.

        step (int): last step that was completed before; -1 for none.
        words (int): number of words that were read before.
        """
        self.first_step, self.first_words = step, words
        self.start_time = self.last_line_time = time.monotonic()
        self.bar.update(max(step, 0) - self.bar.n)

    def update(self, info: Mapping[str, Any]) -> None:
        """Report a completed step.

        info: what spaCy's loop gives for the step.
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

        info: what spaCy's loop gives for the step.
        now (float): current time of `time.monotonic`, in seconds.
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
        """Return an upper bound of the remaining steps, because patience may end training earlier.

        RETURNS: None if training has no limit, or if it is in epochs and the first epoch has not ended.
        """
        limits = []
        if self.max_steps:
            limits.append(float(self.max_steps))
        if self.max_epochs > 0 and info["epoch"]:
            limits.append(int(info["step"]) / int(info["epoch"]) * self.max_epochs)
        return max(0.0, min(limits) - int(info["step"])) if limits else None

    def clear(self) -> None:
        """Remove the bar from the terminal, so that the logger can print a row."""
        self.bar.clear()

    def close(self) -> None:
        """Close the bar."""
        self.bar.close()


def _format_duration(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}"


class StopSignal:
    """Treat SIGINT and SIGTERM as a request to stop after the current step.

    A second signal ends the process as usual. Use it as a context manager, which restores the signal handlers.

    file (Path | None): a file whose existence is also a request to stop, for processes that receive no signal. Default:
        None, no file.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.signal = 0
        self.file = file
        self._previous_handlers: dict[int, Any] = {}

    @property
    def is_requested(self) -> bool:
        """Whether a stop was requested."""
        return bool(self.signal) or (self.file is not None and self.file.exists())

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():  # Python sets handlers only in the main thread
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
