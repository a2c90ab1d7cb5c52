"""Detect the corpus format of each file in a folder and count the files per format.

Detection only reads the name and the first rows of each file. If detection rejects a file, the table shows the error.
Use this script on thousands of files to find formats that are not detected, and files without annotations that are
accepted.

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
    """A file with its detected format. If detection rejects the file or crashes, `format` is `REFUSED` or `FAILED`."""

    path: str
    format: str
    reason: str = ""


def files(root: Path, suffixes: Sequence[str] = ()) -> Iterator[Path]:
    """Yield all files with the given suffixes in a folder and its subfolders. Skip hidden files and folders."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(part[0] == "." for part in parts) and (not suffixes or path.suffix in suffixes):
            yield path


def recognise_all(root: Path, paths: Iterable[Path]) -> list[Recognised]:
    """Detect the format of each file."""
    results = []
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            results.append(Recognised(name, formats.recognise(path)))
        except CorpusError as e:
            results.append(Recognised(name, REFUSED, str(e).removeprefix(str(path))[:200]))
        except Exception as e:  # the purpose of this script is to find unexpected errors
            results.append(Recognised(name, FAILED, f"{type(e).__name__}: {e}"[:200]))
    return results


def main() -> None:
    """Print the results as tables and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder to search")
    parser.add_argument("--suffix", nargs="*", default=[], help="suffixes of the files to use, such as .json .txt")
    parser.add_argument("--show", default="all", choices=["all", "recognised", REFUSED, FAILED], help="rows to print")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    args = parser.parse_args()
    start = time.perf_counter()
    results = recognise_all(args.folder, files(args.folder, args.suffix))
    seconds = time.perf_counter() - start
    rows = [
        row
        for row in results
        if args.show in ("all", row.format) or (args.show == "recognised" and row.format not in (REFUSED, FAILED))
    ]
    print(table([[row.format, row.path, row.reason[:100]] for row in rows], header=("format", "file", "reason")))
    counts = Counter(row.format for row in results)
    print(table(counts.most_common(), header=("format", "files"), aligns=("l", "r")))
    print(f"{len(results)} files in {seconds:.1f} s")
    if args.output:
        write_json(args.output, {"counts": counts, "files": [row._asdict() for row in results]})


if __name__ == "__main__":
    main()
