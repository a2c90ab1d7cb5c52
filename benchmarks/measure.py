"""Run a command and write its wall time (seconds) and peak memory (MB) to a JSON file.

    python -S benchmarks/measure.py result.json COMMAND ...

This is a separate program that imports very little. A new process starts as a copy of its parent, and the kernel
includes this copy in the peak memory. If a benchmark with torch and a corpus in memory started the command itself, the
peak of a small command would be that of the benchmark.
"""

import json
import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    start = time.perf_counter()
    pid = os.spawnvp(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    unit = 1024**2 if sys.platform == "darwin" else 1024  # `ru_maxrss` is in bytes on macOS and in KB on other systems
    Path(sys.argv[1]).write_text(json.dumps({"seconds": seconds, "peak_mb": usage.ru_maxrss / unit}))
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)  # the exit status that a shell reports for a signal
