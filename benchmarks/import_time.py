"""Measure how much time `import spacy_bert_ner` adds to `import spacy`.

    python benchmarks/import_time.py --output benchmarks/import_time.json

Three statements take turns, each in a new interpreter: importing spaCy, importing this package after spaCy, and adding
`bert_ner` to a blank pipeline after importing spaCy. The last one also imports torch. The table shows the median and
the range of the milliseconds for each statement alone.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import write_json
from wasabi import table

STATEMENTS = {
    "import spacy": ("", "import spacy"),
    "import spacy_bert_ner, after it": ("import spacy", "import spacy_bert_ner"),
    'spacy.blank("en").add_pipe("bert_ner"), after it': ("import spacy", 'spacy.blank("en").add_pipe("bert_ner")'),
}
CODE = """
import time
{before}
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


def spent(before: str, statement: str) -> float:
    """Measure the milliseconds for a statement in a new interpreter, after running another statement."""
    code = CODE.format(before=before, statement=statement)
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    return 1000 * float(done.stdout.splitlines()[-1])


def measure(rounds: int) -> list[dict[str, Any]]:
    """Measure the milliseconds for each statement, once per round."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(rounds):
        for name, (before, statement) in STATEMENTS.items():
            times[name].append(spent(before, statement))
    return [{"statement": name, "milliseconds": spent_times} for name, spent_times in times.items()]


def main(options: argparse.Namespace) -> None:
    measure(1)  # load files from disk into the page cache
    rows = measure(options.rounds)
    shown = []
    for row in rows:
        times = row["milliseconds"]
        shown.append([row["statement"], f"{statistics.median(times):.1f}", f"{min(times):.1f}-{max(times):.1f}"])
    print(table(shown, header=["statement", "ms", "range"], divider=True))
    if options.output:
        write_json(options.output, {"date": time.strftime("%Y-%m-%d"), "rows": rows})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="number of rounds")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    main(parser.parse_args())
