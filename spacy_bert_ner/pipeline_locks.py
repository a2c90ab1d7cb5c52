"""What is refused of a pipeline's folder before spaCy reads it."""

from __future__ import annotations

import re
from configparser import Error, RawConfigParser
from pathlib import Path

from .errors import BertNerError, Errors
from .size_locks import irregular_files

MOST_CHARACTERS = 10_000_000
"""Of a config whose variables are filled in."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def check_pipeline(folder: Path) -> None:
    """Refuse a folder of which reading would never end, or fill the memory.

    RAISES BertNerError: something in it is no file; or the config is too large, as it stands or with its variables
        filled in.
    """
    strange = irregular_files(folder)
    if strange:
        raise BertNerError(Errors.irregular_file.format(folder=folder, file=strange[0]))
    config = folder / "config.cfg"
    if not config.is_file():
        return
    size: float = config.stat().st_size
    if size <= MOST_CHARACTERS:
        size = _filled_size(config.read_text(encoding="utf8", errors="replace"))
    if size > MOST_CHARACTERS:
        raise BertNerError(Errors.config_too_large.format(path=config, most=MOST_CHARACTERS))


def _filled_size(text: str) -> float:
    """Characters of a config whose variables are filled in, or more than that."""
    parser = RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except Error:
        return len(text)  # what is wrong with it, spaCy says
    values = {f"{name}.{key}": value or "" for name in parser.sections() for key, value in parser.items(name)}
    for name in parser.sections():
        inside = [value for key, value in values.items() if key.startswith(f"{name}.")]
        values[name] = "\n".join(inside)
    sizes: dict[str, float] = {}
    # Deeper than this no config refers; what goes round is told by spaCy. Each round adds one step of references.
    for _ in range(64):
        before = dict(sizes)
        for key, value in values.items():
            named = [name.replace(":", ".").strip() for name in _VARIABLE.findall(value)]
            sizes[key] = min(len(value) + sum(before.get(name, 0) for name in named), 1e300)
        if sizes == before or sum(sizes.values()) > MOST_CHARACTERS:
            break
    return sum(sizes.values())
