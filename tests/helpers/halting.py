"""What makes workers of `annotate` wait in the middle of a shard, so that a test can kill something there."""

from __future__ import annotations

import os
import time
from pathlib import Path

N_BEFORE = 3
"""Shards that are finished before a worker waits."""


def install() -> None:
    """Let a worker that has written a part of a shard wait for a file `go-on` in the folder TESTS_HALTS.

    While it waits, the folder has a file `halted-…` with its own process id in the name. It holds that of its raylet.
    """
    from spacy_bert_ner.annotate.worker import FINISHED, ShardAnnotator

    folder, real = Path(os.environ["TESTS_HALTS"]), ShardAnnotator._write

    def write(self, chunk, shard):
        done = real(self, chunk, shard)
        n = len(list(Path(self.job.output, FINISHED).glob("0*.json")))
        if n >= N_BEFORE and not (folder / "go-on").exists():
            temporary = folder / f"{os.getpid()}"
            temporary.write_text(os.environ.get("RAY_RAYLET_PID", ""))
            temporary.rename(folder / f"halted-{os.getpid()}")
            while not (folder / "go-on").exists():
                time.sleep(0.01)
        return done

    ShardAnnotator._write = write
