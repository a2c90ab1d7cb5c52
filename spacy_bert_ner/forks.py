"""What a process that was forked, as `nlp.pipe(..., n_process=2)` does on Linux, must know before it runs a model.

Threads do not survive a fork, but the pools that counted on them do, and a pool waits for its threads forever: see
https://github.com/explosion/spaCy/issues/6662. So a forked process runs torch in one thread. It has its siblings for
the other cores. A spawned process starts afresh and needs none of this.
"""

from __future__ import annotations

import os

import torch

_TOKENIZERS = "TOKENIZERS_PARALLELISM"

_prepared_pid = os.getpid()
_added = False


def prepare_process() -> None:
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


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
