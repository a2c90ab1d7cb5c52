"""Load a checkpoint's tokenizer and encode texts with it. No other module loads or calls a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BertNerError, Errors, format_exception
from .loading import LOCAL, is_panic, translate_load_errors
from .safety import tokenizer_files
from .slow_tokenizers import explain_missing_package


def open_tokenizer(cls: Any, name: str, folder: Path) -> Any:
    """Load the tokenizer from a folder.

    cls (Any): `transformers.AutoTokenizer`. The caller passes it, so this module does not import `transformers`.
    name (str): name of the checkpoint, for messages.
    folder (Path): folder that contains the tokenizer files.
    RETURNS (Any): the tokenizer, which is fast if possible.
    RAISES CheckpointError: the folder contains no tokenizer, or its tokenizer cannot be loaded.
    """
    with translate_load_errors(name, Errors.no_tokenizer), explain_missing_package(name, folder):
        return cls.from_pretrained(folder, use_fast=True, **tokenizer_files(folder), **LOCAL)


def encode(tokenizer: Any, texts: Sequence[str], name: str) -> list[Any]:
    """Split texts into subwords without adding special subwords.

    tokenizer (Any): a fast `transformers` tokenizer.
    texts (Sequence[str]): texts to encode.
    name (str): name of the checkpoint, for messages.
    RETURNS (list[Any]): a `tokenizers.Encoding` for each text.
    RAISES BertNerError: the tokenizer fails on a text.
    """
    try:
        encodings: list[Any] = tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)
    except BaseException as e:  # A Rust panic is not an `Exception`, and neither is `KeyboardInterrupt`.
        if not isinstance(e, Exception) and not is_panic(e):
            raise
        raise BertNerError(Errors.tokenizer_failed.format(name=name, reason=format_exception(e))) from e
    return encodings
