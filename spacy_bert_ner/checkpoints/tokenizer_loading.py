"""The one door to a checkpoint's tokenizer: how it is opened, and how it is asked for subwords."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BertNerError, Errors, format_exception
from .loading import LOCAL, is_panic, translate_load_errors
from .safety import tokenizer_files
from .slow_tokenizers import known_if_slow


def open_tokenizer(cls: Any, name: str, folder: Path) -> Any:
    """Open the tokenizer in a folder.

    cls: `AutoTokenizer` of transformers, which this room need not import.
    name (str): of the checkpoint, for messages.
    RAISES CheckpointError: there is none that can be read.
    """
    with translate_load_errors(name, Errors.no_tokenizer), known_if_slow(name, folder):
        return cls.from_pretrained(folder, use_fast=True, **tokenizer_files(folder), **LOCAL)


def encode(tokenizer: Any, texts: Sequence[str], name: str) -> list[Any]:
    """Subwords of each text, as tokenizers gives them, without special subwords.

    tokenizer: a fast one.
    name (str): of the checkpoint, for messages.
    RAISES BertNerError: the tokenizer fails on a text.
    """
    try:
        found: list[Any] = tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)
    except BaseException as e:  # a panic of Rust is no `Exception`; all others go on as they are
        if not isinstance(e, Exception) and not is_panic(e):
            raise
        raise BertNerError(Errors.tokenizer_failed.format(name=name, reason=format_exception(e))) from e
    return found
