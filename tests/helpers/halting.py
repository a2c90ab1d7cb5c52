"""Make `annotate` workers wait in the middle of a shard, so that a test can kill a process at that point."""

from __future__ import annotations

import os
import time
from pathlib import Path

N_BEFORE = 3
"""Number of finished shards before workers start to wait."""


def install() -> None:
    """Make workers wait after they have written part of a shard, until `go-on` exists in the folder `TESTS_HALTS`.

    While a worker waits, the folder contains a file `halted-PID` with the worker's process ID in its name. The file
    contains the process ID of the worker's raylet.
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
