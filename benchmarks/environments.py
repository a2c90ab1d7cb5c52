"""Create separate environments for other packages that are incompatible with ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spacy-bert-ner"
PACKAGES = ("torch", "transformers", "tokenizers", "spacy", "thinc", "numpy")
TRANSFORMERS_4 = "transformers==4.53.2"  # the version in our tests with transformers 4


def make_environment(folder: Path, peer: str, *more: str) -> Path:
    """Create an environment with another package, unless a complete one exists.

    The environment gets the same versions of torch, spaCy and thinc as this one.

    folder (Path): folder that contains all environments.
    peer (str): requirement for the package, as `name==version`.
    more (str): more requirements, in the same form.
    RETURNS: path to the environment's Python interpreter.
    """
    torch, own_spacy, thinc = (version(name).partition("+")[0] for name in ("torch", "spacy", "thinc"))
    wanted = [f"torch=={torch}", f"spacy=={own_spacy}", f"thinc=={thinc}", peer, *more]
    environment = folder / f"{peer.replace('==', '-')}-torch-{torch}-spacy-{own_spacy}"
    python, complete = environment / "bin" / "python", environment / "complete"
    if not complete.exists():
        print(f"Creating the environment {environment}", flush=True)
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(environment)],
            [str(python), "-m", "pip", "install", "--quiet", *wanted],
        ):
            if subprocess.run(command, env=clean_environment(), check=False).returncode:
                sys.exit(
                    f"error: this command failed: {' '.join(command)}. "
                    f"Fix the cause and try again, or use --ways to run only ways that do not need {peer}."
                )
        complete.touch()  # written last, so that an incomplete environment is created again
    return python


def clean_environment() -> dict[str, str]:
    """Return environment variables for another interpreter, so that it does not import packages from this one."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def versions(python: str) -> dict[str, str]:
    """Return the versions of the relevant packages in an environment."""
    code = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    done = subprocess.run([python, "-c", code, *PACKAGES], check=True, capture_output=True, env=clean_environment())
    installed: dict[str, str] = json.loads(done.stdout)
    return installed
