"""The one door to a checkpoint's tokenizer: how it is opened, and how it is asked for subwords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import Errors
from .locks import tokenizer_files
from .opening import LOCAL, opening
from .slow_tokenizers import known_if_slow


def open_tokenizer(cls: Any, name: str, folder: Path) -> Any:
    """Open the tokenizer in a folder.

    cls: `AutoTokenizer` of transformers, which this room need not import.
    name (str): of the checkpoint, for messages.
    RAISES CheckpointError: there is none that can be read.
    """
    with opening(name, Errors.no_tokenizer), known_if_slow(name, folder):
        return cls.from_pretrained(folder, use_fast=True, **tokenizer_files(folder), **LOCAL)
