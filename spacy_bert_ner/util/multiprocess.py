"""Prepare forked processes to run a model, and prevent `nlp.pipe` from hanging if one of them is killed.

**Threads.** `nlp.pipe` forks processes on Linux. A fork copies thread pools, but not their threads, so such a pool
waits for its threads forever (https://github.com/explosion/spaCy/issues/6662). A forked process therefore runs torch in
one thread, and the other processes use the other cores. A spawned process starts without these pools and needs no
change.

**Channels.** spaCy opens the channels between the parent and all workers before it starts the first worker. Every
process therefore holds channel ends that it does not use. If one process is killed, these ends make the other processes
wait forever. This module closes these ends. spaCy has no public access to the channels, so they are read from the local
variables of `Language._multiprocessing_pipe`. If `has_known_channels` does not recognise the installed spaCy, nothing
is read or closed. `tests/unit/util/test_multiprocess.py` fails if spaCy changes these variables.
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
"""Prefix of the spaCy versions for which the names of the channels are known."""
_TEXT_QUEUES, _DOC_RECEIVERS, _DOC_SENDERS = "texts_q", "bytedocs_recv_ch", "bytedocs_send_ch"
"""Local variables in `Language._multiprocessing_pipe`. Each contains one channel per worker."""
_TOKENIZERS = "TOKENIZERS_PARALLELISM"

_prepared_pid = os.getpid()
_added = False


def limit_threads_after_fork() -> None:
    """Run torch in one thread if this process is a fork of the process that imported this package."""
    global _prepared_pid
    if os.getpid() != _prepared_pid:
        torch.set_num_threads(1)
        _prepared_pid = os.getpid()


def _before_fork() -> None:
    # If the tokenizers library has used threads, it disables them in the child and prints a message on stderr at each
    # fork. Setting the variable before the fork prevents the message.
    global _added
    _added = _TOKENIZERS not in os.environ
    if _added:
        os.environ[_TOKENIZERS] = "false"


def _after_fork_in_parent() -> None:
    if _added:
        os.environ.pop(_TOKENIZERS, None)
    leave_unread_texts()


def leave_unread_texts() -> None:
    """Allow the parent to exit while texts are still queued for a killed worker. Call this function when workers start.

    By default, Python waits at exit until all queued texts are read. While all workers are alive, this function has no
    effect, because spaCy waits for each worker to read its texts.
    """
    for queue in _channels(_TEXT_QUEUES):
        queue.cancel_join_thread()


def _close_unused_channels(_: object) -> None:
    """Close the channel ends that a forked worker has inherited but does not use.

    A forked worker inherits both ends of all channels. Each end that it keeps open can make a process wait forever:

    - If another worker is killed while this worker holds that worker's writing end, the parent waits for the killed
      worker, and this worker waits for texts.
    - If this worker holds a reading end, it waits for a parent that no longer reads.
    - If this worker holds the writing end for its own texts, it waits for a parent that was killed.

    A spawned worker only has the ends that it uses.
    """
    own = getattr(current_process(), "_args", ())
    for channel in (*_channels(_DOC_RECEIVERS), *_channels(_DOC_SENDERS)):
        if channel not in own:
            channel.close()
    for queue in _channels(_TEXT_QUEUES):
        if hasattr(queue, "_writer"):  # the writing end has no public name
            queue._writer.close()


def has_known_channels() -> bool:
    """Return whether the installed spaCy is a tested version with the expected local variables."""
    code = getattr(getattr(Language, "_multiprocessing_pipe", None), "__code__", None)
    if code is None or not about.__version__.startswith(TESTED_SPACY):
        return False
    return {_TEXT_QUEUES, _DOC_RECEIVERS, _DOC_SENDERS} <= {*code.co_varnames, *code.co_cellvars}


def _channels(name: str) -> tuple[Any, ...]:
    """Read a local variable from the call of `Language._multiprocessing_pipe` that is starting a worker.

    name (str): name of the local variable.
    RETURNS (tuple[Any, ...]): the channels. Empty if no worker is being started or if the spaCy version is not tested.
    """
    if not has_known_channels():
        return ()
    code = Language._multiprocessing_pipe.__code__
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return () if frame is None else tuple(frame.f_locals.get(name, ()))


# The callback runs in processes that `multiprocessing` forks, but not in other forks. It stays registered as long as
# the first argument exists.
util.register_after_fork(sys.modules[__name__], _close_unused_channels)

if hasattr(os, "register_at_fork"):  # Windows cannot fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
