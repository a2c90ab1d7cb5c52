"""The tests in other environments than `.venv`, deeper tests, and what a release takes.

`make test-all` runs the sessions of tests one after the other, the most important first, and makes a release to see
that it can be made. `make nightly` runs what takes longer.

`make test` runs the tests with transformers 5 on `python3`; here are the lowest and the highest Pythons, and the other
generation of transformers. A pipeline that one environment saves is read in all others at the end.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
SAVED = ROOT / ".nox" / "saved"

nox.options.sessions = ["transformers4", "transformers5", "python314", "corpora", "benchmarks", "curated", "peers"]
nox.options.sessions += ["generations", "release"]
nox.options.error_on_missing_interpreters = False  # they are skipped, and reported at the end
nox.options.reuse_existing_virtualenvs = True

# pyenv's stand-ins for interpreters refuse to run those that no folder asks for.
FOUND = [
    path
    for version in ("3.10", "3.13", "3.14")
    for path in Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin")
]
os.environ["PATH"] = os.pathsep.join([*map(str, FOUND), os.environ.get("PATH", "")])

PYTEST = ("-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")
ONCE = ("ray", "docs", "browser", "training", "process", "fuzz", "corpora", "benchmark")
"""Kinds of tests whose results depend little on the versions of Python and transformers; `make test` runs them."""

OF_PYTHON = [
    "tests/parity/test_parity.py",
    "tests/integration/test_processes.py",
    "tests/unit/pipeline/test_bert_ner.py",
    "tests/integration/test_spacy_contract.py",
    "tests/integration/test_copies.py",
    "tests/unit/test_package.py",
    "tests/unit/pipeline/test_labels.py",
    "tests/unit/checkpoints/test_hub.py",
    "tests/unit/corpus/test_convert.py",
    "tests/unit/optim/test_adamw.py",
    "tests/unit/pipeline/test_settings.py",
]
"""Tests of what most depends on Python."""


def _install(session: nox.Session) -> None:
    session.install("--no-compile", "--constraint", "constraints.txt", "--editable", ".[dev]")


def _test(session: nox.Session, *arguments: str) -> None:
    """Run the tests that were asked for behind `--`, or else those that the arguments choose.

    A session without an environment of its own takes that of nox.
    """
    python = "python" if session.python else sys.executable
    session.run(python, *PYTEST, *(session.posargs or arguments), external=not session.python)


def _layer(session: nox.Session, name: str, *packages: str, python: str = sys.executable) -> dict[str, str]:
    """Packages over this environment, as what to set for a process that is to find them."""
    layer = ROOT / ".nox" / f"layer-{name}"
    if not layer.exists():
        temporary = layer.with_name(f"{layer.name}.tmp")
        install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--target", str(temporary)]
        session.run(*install, *packages, external=True)
        temporary.rename(layer)
    return {"PYTHONPATH": str(layer)}


@nox.session(python="3.10")
def transformers4(session: nox.Session) -> None:
    """Tests with transformers 4.53.2, the last that spacy-transformers takes, and with spacy-transformers."""
    _install(session)
    session.install("--no-deps", "--requirement", "constraints-transformers4.txt")
    _test(session, "-m", f"not ({' or '.join(ONCE)})")


@nox.session(python="3.13")
def transformers5(session: nox.Session) -> None:
    """Tests of what most depends on Python, with transformers 5; all of them: `nox -s transformers5 -- tests`."""
    _install(session)
    _test(session, *OF_PYTHON)


@nox.session(python="3.14")
def python314(session: nox.Session) -> None:
    """The same on the newest Python."""
    _install(session)
    _test(session, *OF_PYTHON)


@nox.session(python=False)
def corpora(session: nox.Session) -> None:
    """Tests that read whole public corpora, where these lie beside the repository."""
    _test(session, "-m", "corpora")


@nox.session(python=False)
def benchmarks(session: nox.Session) -> None:
    """Tests of the scripts in `benchmarks/`, on little data."""
    _test(session, "-m", "benchmark")


@nox.session(python=False)
def nightly(session: nox.Session) -> None:
    """What takes longer, as before a release: many random inputs, guided fuzzing, and all tests on each Python."""
    _test(session, "--hypothesis-profile", "nightly", "-m", "not benchmark")
    session.notify("fuzz", ["60"])
    for name in ("transformers4", "transformers5", "python314"):
        session.notify(name, ["-m", "not (corpora or benchmark)"])
    for name in ("benchmarks", "curated", "peers", "generations", "release"):
        session.notify(name, [])


@nox.session(python=False)
def curated(session: nox.Session) -> None:
    """What is tested with spacy-curated-transformers, in a layer over this environment."""
    layer = _layer(session, "curated", "--requirement", "constraints-curated.txt")
    session.run(
        sys.executable, "-m", "pytest", "-q", "tests/integration/test_shared_curated.py", env=layer, external=True
    )


@nox.session
def peers(session: nox.Session) -> None:
    """Whether scores are those of seqeval and nervaluate, in a layer over this environment."""
    if sys.version_info < (3, 11):
        session.skip("nervaluate takes Python 3.11")
    # seqeval has no wheel, and what it is built with does not find all of its own dependencies any more by itself.
    session.install("setuptools<81", "setuptools_scm<9", "wheel")
    packages = ("--no-build-isolation", "--requirement", "constraints-peers.txt")
    layer = _layer(session, "peers", *packages, python="python")
    session.run(sys.executable, "-m", "pytest", "-q", "tests/parity/test_metric_peers.py", env=layer, external=True)


@nox.session(python=False)
def generations(session: nox.Session) -> None:
    """Pipelines saved in each environment find the same entities in every other."""
    pythons = {"venv": sys.executable}
    for name in ("transformers4", "transformers5"):
        python = ROOT / ".nox" / name / "bin" / "python"
        if python.exists():
            pythons[name] = str(python)
    if "transformers4" not in pythons:
        session.skip("the session transformers4 has not run, as there is no Python 3.10")
    for name, python in pythons.items():
        session.run(python, "tests/helpers/generations.py", "save", str(SAVED / name), external=True)
    for python in pythons.values():
        session.run(
            python, "tests/helpers/generations.py", "check", *(str(SAVED / name) for name in pythons), external=True
        )


@nox.session(python=False)
def fuzz(session: nox.Session) -> None:
    """Damaged files and bytes for all readers, so many seconds each: `nox -s fuzz -- 60`."""
    layer = _layer(session, "atheris", "atheris>=3,<4")
    session.run(sys.executable, "tests/helpers/fuzzing.py", *(session.posargs or ["20"]), env=layer, external=True)


@nox.session
def release(session: nox.Session) -> None:
    """`dist/`: the package as source and as wheel, and an SBOM of all that it needs, as pinned, without our tools."""
    session.install("--constraint", "constraints.txt", "build", "setuptools", "wheel")
    session.install("cyclonedx-bom>=7,<8")  # writes the format of OWASP
    made = ROOT / "dist.tmp"
    shutil.rmtree(made, ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(made))
    (wheel,) = made.glob("*.whl")
    bom = made / f"{wheel.name.partition('-py3')[0]}.cdx.json"
    options = ["--pyproject", "pyproject.toml", "--mc-type", "library", "--output-reproducible", "--validate"]
    session.run("cyclonedx-py", "environment", *options, "--output-file", str(bom), sys.executable)
    session.run(sys.executable, "scripts/licences.py", "--prune", str(bom), external=True)
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    made.rename(ROOT / "dist")
    session.log(f"dist/ holds {', '.join(sorted(path.name for path in (ROOT / 'dist').iterdir()))}")


@nox.session
def audit(session: nox.Session) -> None:
    """Whether a flaw is known of a pinned version. It asks a service on the open net, and fails where it is silent."""
    session.install("pip-audit>=2.9,<3")
    for pins in sorted(ROOT.glob("constraints*.txt")):
        session.run("pip-audit", "--strict", "--no-deps", "--disable-pip", "--requirement", str(pins))
