"""Run tests in other environments than `.venv`, run longer tests, and build releases.

`make test-all` runs the default sessions, with the most important ones first. It also builds a release to check that
this is possible. `make nightly` runs the tests that take longer.

`make test` runs the tests on `python3` with transformers 5. The sessions in this file cover the oldest and the newest
supported Python and transformers 4. At the end, each environment loads the pipelines that the others saved.
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
nox.options.error_on_missing_interpreters = False  # Nox skips these sessions and reports them at the end.
nox.options.reuse_existing_virtualenvs = True

# pyenv's shims refuse to run an interpreter that is not selected for the current folder, so add the real paths.
PYENV_FOLDERS = [
    path
    for version in ("3.10", "3.13", "3.14")
    for path in Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin")
]
os.environ["PATH"] = os.pathsep.join([*map(str, PYENV_FOLDERS), os.environ.get("PATH", "")])

PYTEST = ("-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")
ONCE = ("ray", "docs", "browser", "training", "process", "fuzz", "corpora", "benchmark")
"""Markers for tests that depend little on the Python and transformers versions. `make test` runs most of them."""

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
    "tests/unit/optim/test_layerwise_adamw.py",
    "tests/unit/pipeline/test_settings.py",
]
"""Test files for the code that depends most on the Python version."""


def _install(session: nox.Session) -> None:
    session.install("--no-compile", "--constraint", "constraints.txt", "--editable", ".[dev]")


def _test(session: nox.Session, *arguments: str) -> None:
    """Run the tests that are selected by the command-line arguments after `--`, or by default by `arguments`.

    A session without its own environment uses the one in which Nox runs.
    """
    python = "python" if session.python else sys.executable
    session.run(python, *PYTEST, *(session.posargs or arguments), external=not session.python)


def _layer(session: nox.Session, name: str, *packages: str, python: str = sys.executable) -> dict[str, str]:
    """Install packages into a folder on top of this environment, unless the folder exists.

    RETURNS: the environment variables that a process needs to import these packages.
    """
    layer = ROOT / ".nox" / f"layer-{name}"
    if not layer.exists():
        temporary = layer.with_name(f"{layer.name}.tmp")
        install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--target", str(temporary)]
        session.run(*install, *packages, external=True)
        temporary.rename(layer)
    return {"PYTHONPATH": str(layer)}


@nox.session(python="3.10")
def transformers4(session: nox.Session) -> None:
    """Run the tests with spacy-transformers and transformers 4.53.2, the latest version it supports."""
    _install(session)
    session.install("--no-deps", "--requirement", "constraints-transformers4.txt")
    _test(session, "-m", f"not ({' or '.join(ONCE)})")


@nox.session(python="3.13")
def transformers5(session: nox.Session) -> None:
    """Run the tests that depend most on Python, with transformers 5. For all tests: `nox -s transformers5 -- tests`."""
    _install(session)
    _test(session, *OF_PYTHON)


@nox.session(python="3.14")
def python314(session: nox.Session) -> None:
    """Run the tests that depend most on Python, on the newest supported Python."""
    _install(session)
    _test(session, *OF_PYTHON)


@nox.session(python=False)
def corpora(session: nox.Session) -> None:
    """Run the tests that read complete public corpora, if the corpora are available next to the repository."""
    _test(session, "-m", "corpora")


@nox.session(python=False)
def benchmarks(session: nox.Session) -> None:
    """Run the tests for the scripts in `benchmarks/`, on little data."""
    _test(session, "-m", "benchmark")


@nox.session(python=False)
def nightly(session: nox.Session) -> None:
    """Run long tests before a release: many random inputs, guided fuzzing, and nearly all tests on each Python."""
    _test(session, "--hypothesis-profile", "nightly", "-m", "not benchmark")
    session.notify("fuzz", ["60"])
    for name in ("transformers4", "transformers5", "python314"):
        session.notify(name, ["-m", "not (corpora or benchmark)"])
    for name in ("benchmarks", "curated", "peers", "generations", "release"):
        session.notify(name, [])


@nox.session(python=False)
def curated(session: nox.Session) -> None:
    """Run the tests with spacy-curated-transformers, which is installed on top of this environment."""
    layer = _layer(session, "curated", "--requirement", "constraints-curated.txt")
    session.run(
        sys.executable, "-m", "pytest", "-q", "tests/integration/test_shared_curated.py", env=layer, external=True
    )


@nox.session
def peers(session: nox.Session) -> None:
    """Compare scores with those from seqeval and nervaluate, which are installed on top of this environment."""
    if sys.version_info < (3, 11):
        session.skip("nervaluate requires Python 3.11 or later. To run this session, start Nox with a newer Python.")
    # seqeval has no wheel, and current versions of its build tools no longer build it, so install suitable versions.
    session.install("setuptools<81", "setuptools_scm<9", "wheel")
    packages = ("--no-build-isolation", "--requirement", "constraints-peers.txt")
    layer = _layer(session, "peers", *packages, python="python")
    session.run(sys.executable, "-m", "pytest", "-q", "tests/parity/test_metric_peers.py", env=layer, external=True)


@nox.session(python=False)
def generations(session: nox.Session) -> None:
    """Check that a pipeline saved in one environment predicts the same entities in all other environments."""
    pythons = {"venv": sys.executable}
    for name in ("transformers4", "transformers5"):
        python = ROOT / ".nox" / name / "bin" / "python"
        if python.exists():
            pythons[name] = str(python)
    if "transformers4" not in pythons:
        session.skip("transformers4 has not run. Install Python 3.10, then run: nox -s transformers4 generations")
    for name, python in pythons.items():
        session.run(python, "tests/helpers/generations.py", "save", str(SAVED / name), external=True)
    for python in pythons.values():
        session.run(
            python, "tests/helpers/generations.py", "check", *(str(SAVED / name) for name in pythons), external=True
        )


@nox.session(python=False)
def fuzz(session: nox.Session) -> None:
    """Test each reader on damaged files and bytes. To set the seconds for each reader: `nox -s fuzz -- 60`."""
    layer = _layer(session, "atheris", "atheris>=3,<4")
    session.run(sys.executable, "tests/helpers/fuzzing.py", *(session.posargs or ["20"]), env=layer, external=True)


@nox.session
def release(session: nox.Session) -> None:
    """Build a source distribution, a wheel and an SBOM into `dist/`. The SBOM lists the pinned runtime dependencies."""
    session.install("--constraint", "constraints.txt", "build", "setuptools", "wheel")
    session.install("cyclonedx-bom>=7,<8")  # writes CycloneDX, the SBOM format by OWASP
    temporary = ROOT / "dist.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(temporary))
    (wheel,) = temporary.glob("*.whl")
    bom = temporary / f"{wheel.name.partition('-py3')[0]}.cdx.json"
    options = ["--pyproject", "pyproject.toml", "--mc-type", "library", "--output-reproducible", "--validate"]
    session.run("cyclonedx-py", "environment", *options, "--output-file", str(bom), sys.executable)
    session.run(sys.executable, "scripts/licences.py", "--prune", str(bom), external=True)
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    temporary.rename(ROOT / "dist")
    session.log(f"dist/ contains {', '.join(sorted(path.name for path in (ROOT / 'dist').iterdir()))}")


@nox.session
def audit(session: nox.Session) -> None:
    """Check the pinned versions for known vulnerabilities. Fail if the online vulnerability service is unavailable."""
    session.install("pip-audit>=2.9,<3")
    for pins in sorted(ROOT.glob("constraints*.txt")):
        session.run("pip-audit", "--strict", "--no-deps", "--disable-pip", "--requirement", str(pins))
