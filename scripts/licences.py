"""List the licences of all packages that users install with `spacy-bert-ner`, in `docs/licences.md`.

    python scripts/licences.py                 write the list from the installed packages
    python scripts/licences.py --check         fail if a package is not listed or its licence is not allowed
    python scripts/licences.py --prune SBOM    remove packages that users do not install from a CycloneDX SBOM

A dependency's extras are followed only if one of our requirements names them. Development tools are left out because
users do not install them.
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
EXTRAS = (
    *("", "spacy-transformers", "arrow", "onnx", "onnx-export", "report", "page", "scale", "project"),
    *("annotate", "export", "serve", "visualize", "all"),
)
"""Extras that users can install. An empty string stands for an installation without extras.

`cuda12x` is left out, as NVIDIA's libraries are: CuPy (MIT) is installed only for a GPU.
"""

ALLOWED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
    *("CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Zlib"),
    "MPL-2.0",  # certifi and tqdm, whose files we use without changes
}
"""SPDX identifiers for allowed licences. None of them requires publishing the code that uses the package."""

SPDX = {
    r"Apache.*": "Apache-2.0",
    r"MIT.*": "MIT",
    r"(3-Clause )?BSD.*": "BSD-3-Clause",
    r"ISC.*": "ISC",
    r"Mozilla Public License 2.0.*": "MPL-2.0",
    r"Python Software Foundation License": "PSF-2.0",
}
"""SPDX identifiers for licence names in older metadata. Each key is a regular expression for the whole name."""

ELSEWHERE = {
    **dict.fromkeys(("coloredlogs", "exceptiongroup", "humanfriendly", "six", "tomli"), "MIT"),  # on Python 3.10
    **dict.fromkeys(("httptools", "pytz", "toml"), "MIT"),  # also on Python 3.10
    "async-timeout": "Apache-2.0",  # also on Python 3.10
    **dict.fromkeys(("spacy-transformers", "spacy-alignments"), "MIT"),  # with transformers 4
    "colorama": "BSD-3-Clause",  # on Windows
}
"""Licences of packages that only some environments install."""

NOT_LISTED = re.compile(r"(nvidia|cuda)-.*|triton")
"""Packages that torch installs on some machines. The list mentions them in its introduction."""

HEAD = """# Licences

This list contains all packages that are installed with `spacy-bert-ner` and its extras, except the development extra.
The licences come from each package's metadata. `python scripts/licences.py` writes the list, and a test compares
it with the installed packages. The package itself is licensed under MIT. A torch build for NVIDIA GPUs also installs
NVIDIA's libraries, under NVIDIA's own terms, and Triton (MIT). A CPU build does not. The extra `cuda12x`, also for
GPUs, installs CuPy (MIT). A comment in `pyproject.toml` gives the reason for each direct dependency.

| package | licence | needed by |
|---|---|---|
"""


def closure() -> dict[str, tuple[Distribution | None, set[str]]]:
    """Map each package name to its metadata (`None` if not installed) and the packages that require it."""
    packages: dict[str, tuple[Distribution | None, set[str]]] = {}
    done: set[tuple[str, str]] = set()
    waiting = [(PACKAGE, extra) for extra in EXTRAS]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        metadata = packages[name][0] if name in packages else _installed(name)
        for line in (metadata.requires or []) if metadata else []:
            needed = Requirement(line)
            if needed.marker and not needed.marker.evaluate({"extra": extra}):
                continue
            key = canonicalize_name(needed.name)
            if key != PACKAGE:
                packages.setdefault(key, (_installed(key), set()))[1].add(name)
            waiting.extend((key, part) for part in {"", *needed.extras})
    return packages


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def licence(name: str, own: Distribution | None) -> str:
    """Return a package's licence as an SPDX expression.

    RAISES SystemExit: the licence cannot be determined.
    """
    if own is None:
        if name not in ELSEWHERE:
            raise SystemExit(
                f"{name} is not installed, and its licence is unknown. Add it to `ELSEWHERE` in scripts/licences.py."
            )
        return ELSEWHERE[name]
    metadata: Any = own.metadata
    stated = metadata.get("License-Expression")
    if stated:
        return str(stated)
    classifiers = [line for line in metadata.get_all("Classifier") or () if line.startswith("License ::")]
    stated = classifiers[0].rpartition(" :: ")[2] if classifiers else str(metadata.get("License") or "")
    if set(re.split(r" (?:AND|OR) ", stated)) <= ALLOWED:
        return stated
    for pattern, spdx in SPDX.items():
        if re.fullmatch(pattern, stated.partition("\n")[0]):
            return spdx
    raise SystemExit(f"{name} has the unknown licence {stated[:60]!r}. Add it to `SPDX` in scripts/licences.py.")


def not_allowed(expression: str) -> list[str]:
    """Return the disallowed licences in an SPDX expression. Return an empty list if an allowed alternative exists."""
    choices = [part.split(" AND ") for part in expression.strip("()").split(" OR ")]
    wrong = [[name for name in choice if name not in ALLOWED] for choice in choices]
    return [] if [] in wrong else [name for part in wrong for name in part]


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield each package with its licence and the packages that require it. Include the packages in `ELSEWHERE`."""
    packages = closure()
    for name in sorted({*packages, *ELSEWHERE}):
        if NOT_LISTED.fullmatch(name):
            continue
        metadata, by = packages.get(name, (None, set()))
        yield name, licence(name, metadata), ", ".join(sorted(by - {PACKAGE})) if PACKAGE not in by else "the package"


def listed() -> dict[str, str]:
    """Return the licence for each package in `docs/licences.md`."""
    return dict(re.findall(r"^\| (\S+) \| ([^|]+) \|", PATH.read_text(encoding="utf8"), flags=re.MULTILINE)[1:])


def prune(bom: dict[str, Any]) -> dict[str, Any]:
    """Remove the packages that users do not install from an SBOM, and add missing licences.

    RETURNS: the pruned SBOM.
    RAISES SystemExit: a package that users install is missing, or its licence cannot be determined.
    """
    known = {name: metadata for name, (metadata, _) in closure().items() if metadata and not NOT_LISTED.fullmatch(name)}
    components = [part for part in bom["components"] if canonicalize_name(part["name"]) in known]
    missing = sorted(known.keys() - {canonicalize_name(part["name"]) for part in components})
    if missing:
        raise SystemExit(
            f"The SBOM lacks {', '.join(missing)}. Create it in an environment with all extras: nox -s release"
        )
    for part in components:
        name = canonicalize_name(part["name"])
        part.setdefault("licenses", [{"expression": licence(name, known[name])}])
    refs = {bom["metadata"]["component"]["bom-ref"], *(part["bom-ref"] for part in components)}
    dependencies = [
        {**part, **({"dependsOn": [ref for ref in part["dependsOn"] if ref in refs]} if "dependsOn" in part else {})}
        for part in bom["dependencies"]
        if part["ref"] in refs
    ]
    return {**bom, "components": components, "dependencies": dependencies}


def main(*arguments: str) -> None:
    if arguments[:1] == ("--prune",):
        path = Path(arguments[1])
        path.write_text(json.dumps(prune(json.loads(path.read_text(encoding="utf8"))), indent=1), encoding="utf8")
        return
    table = list(rows())
    wrong = {name: names for name, expression, _ in table if (names := not_allowed(expression))}
    if wrong:
        raise SystemExit(
            f"These packages have licences that are not allowed: {wrong}. "
            "Choose another dependency, or add the licence to `ALLOWED` in scripts/licences.py."
        )
    if "--check" in arguments:
        # Licences are not compared. Package versions for older Pythons can word the same licence differently.
        missing = sorted({name for name, _, _ in table} - listed().keys())
        if missing:
            raise SystemExit(f"docs/licences.md does not list {', '.join(missing)}. Run: python scripts/licences.py")
        return
    lines = [f"| {name} | {expression} | {by or 'some systems'} |" for name, expression, by in table]
    PATH.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf8")


if __name__ == "__main__":
    main(*sys.argv[1:])
