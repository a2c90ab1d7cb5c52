"""Measure the overhead of Ray, the speed-up with more actors and the memory use when annotating a corpus.

    python benchmarks/scale.py PIPELINE TEXTS --output benchmarks/scale.json

The script measures complete commands, `python -m spacy bert-ner annotate`, including the start of all processes. The
configurations take turns: a single process with one or two threads, and Ray with two actors with one thread each, one
actor with two threads, or one actor with one thread. The documents are the lines of a file, which are repeated as
needed. There are `--documents` documents in the comparison between Ray and a single process, and `--fewer` documents in
the other measurements. Memory is the peak memory of the process that annotates, as reported by the kernel. With Ray,
this is an actor.

    python benchmarks/scale.py --cluster

With `--cluster`, the script measures nothing. It calculates how long 64 GPUs would take for 10^10 words, and prints the
assumptions.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from common import write_json
from wasabi import table

WAYS: dict[str, tuple[int, list[str]]] = {
    "this process, 2 threads": (2, []),
    "Ray, 2 actors of 1 thread": (1, ["--engine", "ray"]),
    "Ray, 1 actor of 2 threads": (2, ["--engine", "ray", "--num-actors", "1", "--cpus-per-actor", "2"]),
    "this process, 1 thread": (1, []),
    "Ray, 1 actor of 1 thread": (1, ["--engine", "ray", "--num-actors", "1"]),
}
ENGINE = list(WAYS)[:2]
"""The configurations that the command uses by default on a machine with two cores, without and with Ray."""


def peak(pid: int) -> int:
    """Return the peak memory of a process in bytes, or 0 if the process has ended."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return 0


def actors() -> list[int]:
    """Return the process IDs of the Ray actors that annotate."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"ray::MapWorker" in path.read_bytes():
                pids.append(int(path.parent.name))
    return pids


def run(pipeline: Path, texts: Path, way: str) -> dict[str, float]:
    """Run the command once in one configuration.

    RETURNS: the `seconds`, and the peak memory of the `driver` and of an `actor` in bytes.
    """
    threads, options = WAYS[way]
    most = {"driver": 0, "actor": 0}
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, "-m", "spacy", "bert-ner", "annotate", str(pipeline), str(texts)]
        line += ["--output", f"{folder}/out", "--shard-size", "1000", *options]
        start = time.perf_counter()
        process = subprocess.Popen(
            line,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )

        def watch() -> None:
            while process.poll() is None:
                most["driver"] = max(most["driver"], peak(process.pid))
                most["actor"] = max([most["actor"], *map(peak, actors())])
                time.sleep(0.5)

        watcher = threading.Thread(target=watch)
        watcher.start()
        if process.wait():
            raise SystemExit(f"error: {way} failed. To see why, run this command: {' '.join(line)}")
        seconds = time.perf_counter() - start
        watcher.join()
    return {"seconds": seconds, **most}


def write_texts(texts: Path, n: int, path: Path) -> None:
    """Write the first `n` lines of a text file to another file. Repeat the lines if there are fewer than `n`."""
    lines = [line for line in texts.read_text("utf8").splitlines() if line.strip()]
    with path.open("w", encoding="utf8") as file:
        file.writelines(f"{line}\n" for line in itertools.islice(itertools.cycle(lines), n))


def measure(options: argparse.Namespace) -> None:
    rounds: dict[str, list[dict[str, float]]] = {}
    sizes = {"all": options.documents, "fewer": options.fewer, "memory": options.fewer // 4}
    with tempfile.TemporaryDirectory() as folder:
        for name, n in sizes.items():
            write_texts(options.texts, n, Path(folder) / f"{name}.txt")

        def once(name: str, way: str) -> None:
            result = run(options.pipeline, Path(folder) / f"{name}.txt", way)
            rounds.setdefault(f"{way}; {sizes[name]}", []).append(result)

        for _ in range(options.rounds):
            for way in ENGINE:
                once("all", way)
            for way in list(WAYS)[1:]:
                once("fewer", way)
        for way in ENGINE:
            once("memory", way)
    rows = []
    for name, results in rounds.items():
        way, n = name.rsplit("; ", 1)
        seconds = [result["seconds"] for result in results]
        rates = sorted(int(n) / value for value in seconds)
        memory = max(result["actor"] or result["driver"] for result in results)
        spread = f"{statistics.median(rates):,.0f} ({rates[0]:,.0f}-{rates[-1]:,.0f})"
        rows.append([way, f"{int(n):,}", f"{statistics.median(seconds):,.0f}", spread, f"{memory / 2**20:,.0f}"])
    print(table(rows, header=("way", "documents", "seconds", "documents/s", "MiB of what annotates"), divider=True))
    if options.output:
        write_json(options.output, {"date": time.strftime("%Y-%m-%d"), "rounds": rounds})


def cluster(words: float, gpus: int, words_per_second: float, bytes_per_word: float, start: float) -> list[list[str]]:
    """Calculate the time, the transferred data and the possible bottlenecks for annotation on a cluster.

    words (float): number of words to annotate.
    gpus (int): number of GPUs, each with one actor.
    words_per_second (float): words per second on one GPU.
    bytes_per_word (float): bytes of input text per word. The output is assumed to be twice as large.
    start (float): seconds until an actor has loaded its pipeline.
    RETURNS: table rows with a description and a value.
    """
    seconds = start + words / (gpus * words_per_second)
    read, written = words * bytes_per_word, 2 * words * bytes_per_word
    scan = read / 500e6
    shards = words / 20 / 100_000
    return [
        ["words, GPUs", f"{words:.0e}, {gpus}"],
        ["assumed: words a second of a GPU", f"{words_per_second:,.0f}"],
        ["assumed: bytes of text a word", f"{bytes_per_word:.1f}"],
        ["assumed: documents of 20 words, shards of", "100,000 documents"],
        ["counting, at 500 MB/s on one machine", f"{scan / 60:,.1f} minutes"],
        ["annotating", f"{seconds / 3600:,.2f} hours"],
        ["read, written", f"{read / 1e9:,.0f} GB, {written / 1e9:,.0f} GB"],
        ["through the network while annotating", f"{(read + written) / seconds / 1e6:,.1f} MB/s in all"],
        ["shards, for each actor", f"{shards:,.0f}, {shards / gpus:,.0f}"],
        ["Ray hands out", f"{shards / seconds:,.2f} shards a second"],
        ["at the end the last actors wait for up to", f"{2e6 / words_per_second / 60:,.1f} minutes"],
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path, nargs="?", help="folder with a saved pipeline")
    parser.add_argument("texts", type=Path, nargs="?", help="text file with one document per line")
    parser.add_argument("--documents", type=int, default=100_000, help="documents for comparing Ray with one process")
    parser.add_argument("--fewer", type=int, default=20_000, help="documents in the other measurements")
    parser.add_argument("--rounds", type=int, default=1, help="number of rounds")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--cluster", action="store_true", help="calculate for a cluster and measure nothing")
    parser.add_argument("--gpu-words", type=float, default=50_000, help="words per second on one GPU, for --cluster")
    given = parser.parse_args()
    if given.cluster:
        print(table(cluster(1e10, 64, given.gpu_words, 6.0, 60), divider=True))
    elif given.texts is None:
        parser.error("PIPELINE and TEXTS are required. To calculate for a cluster without them, set --cluster.")
    else:
        measure(given)
