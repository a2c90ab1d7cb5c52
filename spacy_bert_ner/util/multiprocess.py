"""What a process that was forked, as `nlp.pipe(..., n_process=2)` does on Linux, must know before it runs a model; and
what it takes that nobody waits forever for one that was killed.

Threads do not survive a fork, but the pools that counted on them do, and a pool waits for its threads forever: see
https://github.com/explosion/spaCy/issues/6662. So a forked process runs torch in one thread. It has its siblings for
the other cores. A spawned process starts afresh and needs none of this.

spaCy opens the channels between the parent and all workers before it starts the first, and tells nobody which they are.
They are found by the names of its local variables; were those to change, nothing would be done.
"""

from __future__ import annotations

import os
import sys
from multiprocessing import current_process, util
from types import FrameType
from typing import Any

import torch

_TOKENIZERS = "TOKENIZERS_PARALLELISM"

_prepared_pid = os.getpid()
_added = False


def limit_threads_after_fork() -> None:
    """Run torch in one thread, if this process was forked from the one that imported this package."""
    global _prepared_pid
    if os.getpid() != _prepared_pid:
        torch.set_num_threads(1)
        _prepared_pid = os.getpid()


def _before_fork() -> None:
    # The tokenizers library, when it has used threads, gives them up in the child by itself. But it says so on stderr,
    # at the moment of the fork and once a child, unless it is told beforehand.
    global _added
    _added = _TOKENIZERS not in os.environ
    if _added:
        os.environ[_TOKENIZERS] = "false"


def _after_fork_in_parent() -> None:
    if _added:
        os.environ.pop(_TOKENIZERS, None)
    leave_unread_texts()


def leave_unread_texts() -> None:
    """In the parent, when workers start: it may end while texts wait for a worker that is no more.

    Otherwise Python, at its end, waits until they are read. While all workers live, they are read anyway, as spaCy
    waits for each of them.
    """
    for queue in _channels("texts_q"):
        queue.cancel_join_thread()


def _close_others_channels(_: object) -> None:
    """In a forked worker, close those ends of channels that it does not use.

    It has inherited both ends of all. While it holds the writing end of a sibling that was killed, the parent waits for
    the sibling, and the worker for texts; while it holds a reading end, it waits for a parent that reads no more; while
    it holds the writing end of its own texts, it waits for a parent that was killed. Spawned workers have their own
    ends alone.
    """
    own = getattr(current_process(), "_args", ())
    for channel in (*_channels("bytedocs_recv_ch"), *_channels("bytedocs_send_ch")):
        if channel not in own:
            channel.close()
    for queue in _channels("texts_q"):
        if hasattr(queue, "_writer"):  # which has no public name
            queue._writer.close()


def _channels(name: str) -> tuple[Any, ...]:
    """A local variable of spaCy's `Language._multiprocessing_pipe`, which is starting a worker; else nothing."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "_multiprocessing_pipe":
        frame = frame.f_back
    return () if frame is None else tuple(frame.f_locals.get(name, ()))


# Runs in what multiprocessing forks, and not in other forks. What is registered lives as long as the first argument.
util.register_after_fork(sys.modules[__name__], _close_others_channels)

if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
