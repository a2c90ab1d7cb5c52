"""Measure a server's throughput and latency, with requests batched together or processed one by one.

    python benchmarks/serve.py PIPELINE TEXTS --output benchmarks/serve.json

Two servers run `python -m spacy bert-ner serve` on this machine's loopback interface. They differ only in
`--max-batch-size`. `wrk` (https://github.com/wg/wrk; `apt-get install wrk`) sends each line of a text file as a
separate request. The servers take turns for `--seconds` per round. The table shows medians and ranges over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import write_json
from wasabi import table

WAYS = {"together": 32, "one by one": 1}
CONNECTIONS = (1, 8, 64)
SCRIPT = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local i = math.random(#bodies)
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function() i = i %% #bodies + 1; return wrk.format(nil, nil, nil, bodies[i]) end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"seconds": %%f, "requests": %%d, "p50": %%f, "p99": %%f, "failed": %%d}\\n',
    summary.duration / 1e6, summary.requests, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


@contextmanager
def server(pipeline: Path, batch: int) -> Iterator[int]:
    """Start a server and yield its port. Stop the server at the end of the `with` block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    line = [sys.executable, "-m", "spacy", "bert-ner", "serve", str(pipeline), "--port", str(port)]
    line += ["--max-batch-size", str(batch), "--cpus-per-replica", "1"]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise
                time.sleep(0.5)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def load_test(port: int, script: Path, connections: int, seconds: int) -> dict[str, Any]:
    """Send requests with `wrk` for one round.

    RETURNS: `seconds`, `requests`, the latencies `p50` and `p99` in milliseconds, and the number of `failed` requests.
    """
    line = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
    done = subprocess.run([*line, f"http://127.0.0.1:{port}/v1/entities"], capture_output=True, text=True, check=True)
    (result_line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    result: dict[str, Any] = json.loads(result_line.removeprefix("RESULT "))
    return result


def main(options: argparse.Namespace) -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("error: wrk is not installed. It sends the requests. Install it: apt-get install wrk")
    rounds: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        bodies, script = Path(folder) / "bodies", Path(folder) / "script.lua"
        texts = options.texts.read_text("utf8").splitlines()[:2000]
        bodies.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts if text.strip()))
        script.write_text(SCRIPT % bodies)
        with (
            server(options.pipeline, WAYS["together"]) as batched,
            server(options.pipeline, WAYS["one by one"]) as single,
        ):
            ports = dict(zip(WAYS, (batched, single), strict=True))
            for port in ports.values():
                load_test(port, script, 8, 3)  # warm up the server
            for _ in range(options.rounds):
                for connections in CONNECTIONS:
                    for way, port in ports.items():
                        found = load_test(port, script, connections, options.seconds)
                        rounds.setdefault(f"{way}, {connections}", []).append(found)

    def spread(name: str, value: Any, digits: int = 0) -> str:
        values = [value(result) for result in rounds[name]]
        return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"

    rows = [
        [
            *name.rsplit(", ", 1),
            spread(name, lambda result: result["requests"] / result["seconds"]),
            spread(name, lambda result: result["p50"], 1),
            spread(name, lambda result: result["p99"], 1),
            str(sum(result["failed"] for result in rounds[name])),
        ]
        for name in rounds
    ]
    print(table(rows, header=("texts", "connections", "requests/s", "p50 ms", "p99 ms", "failed"), divider=True))
    if options.output:
        write_json(options.output, {"date": time.strftime("%Y-%m-%d"), "rounds": rounds})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path, help="folder with a saved pipeline")
    parser.add_argument("texts", type=Path, help="text file with one text per line")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds")
    parser.add_argument("--seconds", type=int, default=6, help="duration of a round in seconds")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    main(parser.parse_args())
