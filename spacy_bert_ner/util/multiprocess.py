"""Prepare forked processes to run a model, and keep `nlp.pipe(..., n_process=2)` from hanging if one is killed.

**Threads.** A fork, as `nlp.pipe` does on Linux, copies no threads, but it copies the thread pools that count on them.
Such a pool waits for its threads forever, see https://github.com/explosion/spaCy/issues/6662. A forked process
therefore runs torch in one thread; its siblings use the other cores. A spawned process starts without these pools and
needs no change.

**Channels.** spaCy opens the channels between the parent and all workers before it starts the first worker. If a
process is killed, the others wait forever at ends of channels that they hold but do not use. This module closes those
ends. spaCy has no public access to the channels, so they are read from the local variables of
`Language._multiprocessing_pipe`. `has_known_channels` guards this: with any other spaCy than the tested one, nothing is
read or closed. `tests/unit/util/test_multiprocess.py` fails if spaCy changes.
"""

from __future__ import annotations

import os
import sys
from multiprocessing import current_process, util
from types import FrameType
from typing import Any

import torch
from spacy import about
from spacy.language import Language

TESTED_SPACY = "3.8."
"""Prefix of the spaCy versions whose channels are known."""
_TEXT_QUEUES, _DOC_RECEIVERS, _DOC_SENDERS = "texts_q", "bytedocs_recv_ch", "bytedocs_send_ch"
"""Local variables of `Language._multiprocessing_pipe`, each with one channel per worker."""
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
    # If the tokenizers library has used threads, it disables them in the child, and reports that on stderr at each
    # fork. Setting the variable before the fork prevents the report.
    global _added
    _added = _TOKENIZERS not in os.environ
    if _added:
        os.environ[_TOKENIZERS] = "false"


def _after_fork_in_parent() -> None:
    if _added:
        os.environ.pop(_TOKENIZERS, None)
    leave_unread_texts()


def leave_unread_texts() -> None:
    """Let the parent exit even if texts are still queued for a worker that was killed. Call it when workers start.

    By default, Python waits at exit until queued texts are read. While all workers are alive, the texts are read in any
    case, because spaCy waits for each worker.
    """
    for queue in _channels(_TEXT_QUEUES):
        queue.cancel_join_thread()


def _close_unused_channels(_: object) -> None:
    """Close the ends of channels that a forked worker has inherited but does not use.

    A forked worker inherits both ends of all channels. Each end that it keeps open can make a process wait forever:

    - the writing end of a killed sibling: the parent waits for the sibling, and the worker for texts;
    - a reading end: the worker waits for a parent that no longer reads;
    - the writing end of its own texts: the worker waits for a parent that was killed.

    A spawned worker only has its own ends.
    """
    own = getattr(current_process(), "_args", ())
    for channel in (*_channels(_DOC_RECEIVERS), *_channels(_DOC_SENDERS)):
        if channel not in own:
            channel.close()
    for queue in _channels(_TEXT_QUEUES):
        if hasattr(queue, "_writer"):  # it has no public name
            queue._writer.close()


def has_known_channels() -> bool:
    """Return whether the installed spaCy is a tested version and has the expected local variables."""
    code = getattr(getattr(Language, "_multiprocessing_pipe", None), "__code__", None)
    if code is None or not about.__version__.startswith(TESTED_SPACY):
        return False
    return {_TEXT_QUEUES, _DOC_RECEIVERS, _DOC_SENDERS} <= {*code.co_varnames, *code.co_cellvars}


def _channels(name: str) -> tuple[Any, ...]:
    """Read a local variable of the `Language._multiprocessing_pipe` that is starting a worker.

    name (str): name of the variable.
    RETURNS: the channels; empty if no worker is being started, or if spaCy is not the tested one.
    """
    if not has_known_channels():
        return ()
    code = Language._multiprocessing_pipe.__code__
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return () if frame is None else tuple(frame.f_locals.get(name, ()))


# This runs in processes that multiprocessing forks, and not in other forks. The registration lasts as long as its first
# argument exists.
util.register_after_fork(sys.modules[__name__], _close_unused_channels)

if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
