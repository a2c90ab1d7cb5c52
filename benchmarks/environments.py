"""Environments of their own for peers, whose packages do not go with ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spacy-bert-ner"
PACKAGES = ("torch", "transformers", "tokenizers", "spacy", "thinc", "numpy")
TRANSFORMERS_4 = "transformers==4.53.2"  # the one that our own tests with transformers 4 run on


def make_environment(folder: Path, peer: str, *more: str) -> Path:
    """The interpreter of an environment with a peer, which is made with pip unless it is there and complete.

    folder: of all environments.
    peer: what to install, as `name==version`; beside it come torch, spaCy and thinc as they are here.
    more: other packages, in the same way.
    """
    torch, own_spacy, thinc = (version(name).partition("+")[0] for name in ("torch", "spacy", "thinc"))
    wanted = [f"torch=={torch}", f"spacy=={own_spacy}", f"thinc=={thinc}", peer, *more]
    environment = folder / f"{peer.replace('==', '-')}-torch-{torch}-spacy-{own_spacy}"
    python, complete = environment / "bin" / "python", environment / "complete"
    if not complete.exists():
        print(f"making {environment}", flush=True)
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(environment)],
            [str(python), "-m", "pip", "install", "--quiet", *wanted],
        ):
            if subprocess.run(command, env=clean_environment(), check=False).returncode:
                sys.exit(f"error: {' '.join(command)} has failed. --ways can leave out what needs it; see --help")
        complete.touch()  # only now: one that was begun and not finished is made again
    return python


def clean_environment() -> dict[str, str]:
    """Variables for the other interpreter, which is not to find packages of this one."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def versions(python: str) -> dict[str, str]:
    """Of what an environment has of the packages that matter."""
    code = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    done = subprocess.run([python, "-c", code, *PACKAGES], check=True, capture_output=True, env=clean_environment())
    found: dict[str, str] = json.loads(done.stdout)
    return found
