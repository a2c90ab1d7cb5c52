"""List the licences of everything that a user of the package installs: docs/licences.md.

    python scripts/licences.py            write the list, from what is installed here
    python scripts/licences.py --check    exit with 1 if it lacks a package, or if a licence is not allowed
    python scripts/licences.py --prune SBOM    take all that is not in it from an SBOM of this environment, in CycloneDX

What the extras of a dependency bring is not followed unless one of ours asks for it. Tools of development, which no
user installs, are left out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PATH = ROOT / "docs" / "licences.md"
PACKAGE = "spacy-bert-ner"
EXTRAS = ("", "spacy-transformers", "arrow", "onnx", "onnx-export", "report", "page", "scale", "project")
"""Those that users install; "" for none."""

ALLOWED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
    *("CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Zlib"),
    "MPL-2.0",  # of files that are used as they are: certifi, tqdm
}
"""SPDX names. None of them asks that what uses a package be published."""

SPDX = {
    r"Apache.*": "Apache-2.0",
    r"MIT.*": "MIT",
    r"(3-Clause )?BSD.*": "BSD-3-Clause",
    r"ISC.*": "ISC",
    r"Mozilla Public License 2.0.*": "MPL-2.0",
    r"Python Software Foundation License": "PSF-2.0",
}
"""What older metadata says, as a pattern of the whole."""

ELSEWHERE = {
    **dict.fromkeys(("coloredlogs", "exceptiongroup", "humanfriendly", "six", "tomli"), "MIT"),  # Python 3.10
    **dict.fromkeys(("httptools", "pytz", "toml"), "MIT"),  # Python 3.10 too
    "async-timeout": "Apache-2.0",  # Python 3.10 too
    **dict.fromkeys(("spacy-transformers", "spacy-alignments"), "MIT"),  # beside transformers 4
    "colorama": "BSD-3-Clause",  # Windows
}
"""Licences of what is not installed everywhere."""

NOT_LISTED = re.compile(r"(nvidia|cuda)-.*|triton")
"""What torch brings on some machines; the list says so."""

HEAD = """# Licences

What a user of the package installs with it, with all extras but those of development, as the metadata of each tell;
`python scripts/licences.py` writes this list, and a test compares it with what is installed. The package itself is MIT.
A build of torch for NVIDIA's cards brings NVIDIA's libraries too, under NVIDIA's own terms, and Triton (MIT); one for
CPUs does not. Why each direct dependency was chosen stands beside it in `pyproject.toml`.

| package | licence | needed by |
|---|---|---|
"""


def closure() -> dict[str, tuple[Distribution | None, set[str]]]:
    """Name → its metadata, None where it is not installed, and who needs it."""
    found: dict[str, tuple[Distribution | None, set[str]]] = {}
    done: set[tuple[str, str]] = set()
    waiting = [(PACKAGE, extra) for extra in EXTRAS]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        own = found[name][0] if name in found else _installed(name)
        for line in (own.requires or []) if own else []:
            needed = Requirement(line)
            if needed.marker and not needed.marker.evaluate({"extra": extra}):
                continue
            key = canonicalize_name(needed.name)
            if key != PACKAGE:
                found.setdefault(key, (_installed(key), set()))[1].add(name)
            waiting.extend((key, part) for part in {"", *needed.extras})
    return found


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def licence(name: str, own: Distribution | None) -> str:
    """In the words of SPDX.

    RAISES SystemExit: the metadata tell none that is known.
    """
    if own is None:
        if name not in ELSEWHERE:
            raise SystemExit(
                f"{name} is not installed, and scripts/licences.py does not name its licence. Add it there."
            )
        return ELSEWHERE[name]
    tell: Any = own.metadata
    told = tell.get("License-Expression")
    if told:
        return str(told)
    classifiers = [line for line in tell.get_all("Classifier") or () if line.startswith("License ::")]
    told = classifiers[0].rpartition(" :: ")[2] if classifiers else str(tell.get("License") or "")
    if set(re.split(r" (?:AND|OR) ", told)) <= ALLOWED:
        return told
    for pattern, spdx in SPDX.items():
        if re.fullmatch(pattern, told.partition("\n")[0]):
            return spdx
    raise SystemExit(f"The licence of {name}, {told[:60]!r}, is not known. Add it to scripts/licences.py.")


def not_allowed(expression: str) -> list[str]:
    """The licences in it that are not allowed, where there is no choice of one that is."""
    choices = [part.split(" AND ") for part in expression.strip("()").split(" OR ")]
    wrong = [[name for name in choice if name not in ALLOWED] for choice in choices]
    return [] if [] in wrong else [name for part in wrong for name in part]


def rows() -> Iterator[tuple[str, str, str]]:
    """Package, licence, and who needs it; those not installed here are taken from `ELSEWHERE`."""
    found = closure()
    for name in sorted({*found, *ELSEWHERE}):
        if NOT_LISTED.fullmatch(name):
            continue
        own, by = found.get(name, (None, set()))
        yield name, licence(name, own), ", ".join(sorted(by - {PACKAGE})) if PACKAGE not in by else "the package"


def listed() -> dict[str, str]:
    """Package → licence, as the list says."""
    return dict(re.findall(r"^\| (\S+) \| ([^|]+) \|", PATH.read_text(encoding="utf8"), flags=re.MULTILINE)[1:])


def prune(bom: dict[str, Any]) -> dict[str, Any]:
    """An SBOM without what no user installs.

    RAISES SystemExit: it lacks something that users install, or the licence of something.
    """
    known = {name: own for name, (own, _) in closure().items() if own and not NOT_LISTED.fullmatch(name)}
    kept = [part for part in bom["components"] if canonicalize_name(part["name"]) in known]
    missing = sorted(known.keys() - {canonicalize_name(part["name"]) for part in kept})
    if missing:
        raise SystemExit(f"The SBOM lacks {', '.join(missing)}.")
    for part in kept:
        name = canonicalize_name(part["name"])
        part.setdefault("licenses", [{"expression": licence(name, known[name])}])
    refs = {bom["metadata"]["component"]["bom-ref"], *(part["bom-ref"] for part in kept)}
    dependencies = [
        {**part, **({"dependsOn": [ref for ref in part["dependsOn"] if ref in refs]} if "dependsOn" in part else {})}
        for part in bom["dependencies"]
        if part["ref"] in refs
    ]
    return {**bom, "components": kept, "dependencies": dependencies}


def main(*arguments: str) -> None:
    if arguments[:1] == ("--prune",):
        path = Path(arguments[1])
        path.write_text(json.dumps(prune(json.loads(path.read_text(encoding="utf8"))), indent=1), encoding="utf8")
        return
    table = list(rows())
    wrong = {name: bad for name, told, _ in table if (bad := not_allowed(told))}
    if wrong:
        raise SystemExit(
            f"Not allowed: {wrong}. Choose another dependency, or allow the licence in scripts/licences.py."
        )
    if "--check" in arguments:
        # Older versions of a package, for older Pythons, may say the same in other words.
        missing = sorted({name for name, _, _ in table} - listed().keys())
        if missing:
            raise SystemExit(f"docs/licences.md does not list {', '.join(missing)}. Run scripts/licences.py.")
        return
    lines = [f"| {name} | {told} | {by or 'some systems'} |" for name, told, by in table]
    PATH.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf8")


if __name__ == "__main__":
    main(*sys.argv[1:])
