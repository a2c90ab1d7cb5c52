"""What each file of a folder tree is taken for: one row a file, and how many files are of each format.

Recognition reads the name and the first rows of a file, and nothing more. A file that is refused has its error. Use it
to look through thousands of files at once, for formats that are missed, and for files that are no annotation.

    python benchmarks/recognise.py corpora --output recognised.json
    python benchmarks/recognise.py . --suffix .json .yml .md .py
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from common import write_json
from wasabi import table

from spacy_bert_ner.corpus.readers import registry as formats
from spacy_bert_ner.errors import CorpusError

REFUSED, FAILED = "refused", "failed"


class Recognised(NamedTuple):
    """A file, with its format, `REFUSED`, or, if recognition broke down, `FAILED`; and what the error says."""

    path: str
    format: str
    reason: str = ""


def files(root: Path, suffixes: Sequence[str] = ()) -> Iterator[Path]:
    """The files of a tree with one of these suffixes, in the order of their names, without hidden folders."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(part[0] == "." for part in parts) and (not suffixes or path.suffix in suffixes):
            yield path


def recognise_all(root: Path, paths: Iterable[Path]) -> list[Recognised]:
    """Recognise each file."""
    found = []
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            found.append(Recognised(name, formats.recognise(path)))
        except CorpusError as e:
            found.append(Recognised(name, REFUSED, str(e).removeprefix(str(path))[:200]))
        except Exception as e:  # what nobody foresaw is what this script looks for
            found.append(Recognised(name, FAILED, f"{type(e).__name__}: {e}"[:200]))
    return found


def main() -> None:
    """Print the tables, and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--suffix", nargs="*", default=[], help="only files with these suffixes: .json .txt")
    parser.add_argument("--show", default="all", choices=["all", "recognised", REFUSED, FAILED], help="rows to print")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    args = parser.parse_args()
    start = time.perf_counter()
    found = recognise_all(args.folder, files(args.folder, args.suffix))
    seconds = time.perf_counter() - start
    rows = [
        row
        for row in found
        if args.show in ("all", row.format) or (args.show == "recognised" and row.format not in (REFUSED, FAILED))
    ]
    print(table([[row.format, row.path, row.reason[:100]] for row in rows], header=("format", "file", "reason")))
    counts = Counter(row.format for row in found)
    print(table(counts.most_common(), header=("format", "files"), aligns=("l", "r")))
    print(f"{len(found)} files in {seconds:.1f} s")
    if args.output:
        write_json(args.output, {"counts": counts, "files": [row._asdict() for row in found]})


if __name__ == "__main__":
    main()
