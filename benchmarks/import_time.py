"""What `import spacy_bert_ner` adds to `import spacy`.

    python benchmarks/import_time.py --output benchmarks/import_time.json

Fresh interpreters take turns: one imports spaCy, one spaCy and then this package, one spaCy and then makes a blank
pipeline with `bert_ner`, which imports torch. Milliseconds of the statements alone, medians and ranges.
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
    """Milliseconds of a statement in a fresh interpreter, after another one."""
    code = CODE.format(before=before, statement=statement)
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    return 1000 * float(done.stdout.splitlines()[-1])


def measure(rounds: int) -> list[dict[str, Any]]:
    """For each statement its milliseconds, one number a round."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(rounds):
        for name, (before, statement) in STATEMENTS.items():
            times[name].append(spent(before, statement))
    return [{"statement": name, "milliseconds": found} for name, found in times.items()]


def main(options: argparse.Namespace) -> None:
    measure(1)  # from the disk into memory
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
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--output", type=Path, help="JSON to write")
    main(parser.parse_args())
