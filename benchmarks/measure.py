"""Run a command, and write the wall seconds and the peak memory (MB) of its process to a JSON file.

    python -S benchmarks/measure.py result.json COMMAND ...

A program of its own, which imports next to nothing: the kernel counts the memory of a process from before it turns into
the command, when it is still a copy of the one that started it. Started from a benchmark that holds torch and a corpus,
a small process would be given the peak of the benchmark.
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
    unit = 1024**2 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, and in KB elsewhere
    Path(sys.argv[1]).write_text(json.dumps({"seconds": seconds, "peak_mb": usage.ru_maxrss / unit}))
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)  # as a shell says it of a signal
