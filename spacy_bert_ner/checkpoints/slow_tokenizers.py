"""Explain how to replace tokenizers for which `transformers` has no fast class.

Some slow tokenizers can be converted to fast ones. For the others, the message gives the reason and an alternative. All
entries were tested with `transformers` 4.53 and 5.23, with MeCab and Moses installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, Errors
from .loading import is_folder

JAPANESE = "BertJapaneseTokenizer"
SPLITTERS = {"mecab": "MeCab", "sudachi": "Sudachi", "jumanpp": "Juman++"}
"""Names of the word splitters for `BertJapaneseTokenizer`, by the value of its setting `word_tokenizer_type`."""

FAST_EQUIVALENTS = {"LukeTokenizer": "RobertaTokenizerFast", "MLukeTokenizer": "XLMRobertaTokenizerFast"}
"""Fast classes that produce the same subwords as slow classes without a fast counterpart in `transformers` 4."""

REASONS = {
    "PhobertTokenizer": Errors.slow_segmented,
    "BertweetTokenizer": Errors.slow_tweets,
    "CanineTokenizer": Errors.slow_characters,
    "ByT5Tokenizer": Errors.slow_characters,
    "MyT5Tokenizer": Errors.slow_characters,
    "RoCBertTokenizer": Errors.slow_shapes,
    "EsmTokenizer": Errors.slow_proteins,
}
"""Reasons why a slow tokenizer cannot be converted to a fast one, by slow class."""

MOSES = ("XLMTokenizer", "FlaubertTokenizer", "BioGptTokenizer")
"""Classes that split words with Moses."""

CONFIGS = ("tokenizer_config.json", "config.json")


def slow_message(name: str, cls: str, settings: Mapping[str, Any]) -> str:
    """Return the error message for a slow tokenizer, with advice for its class.

    name (str): name of the checkpoint.
    cls (str): class name of the tokenizer.
    settings (Mapping[str, Any]): tokenizer settings, as in `tokenizer_config.json`.
    """
    return Errors.slow_tokenizer.format(name=name, cls=cls, advice=_advice(name, cls, settings))


def _advice(name: str, cls: str, settings: Mapping[str, Any]) -> str:
    if cls == JAPANESE:
        return _advice_on_japanese(name, settings)
    if cls in FAST_EQUIVALENTS:
        return _advice_to_convert(name, FAST_EQUIVALENTS[cls], installed=Errors.slow_installed)
    if cls in MOSES:
        return Errors.slow_words.format(splitter="Moses", name=name)
    reason = REASONS.get(cls, Errors.slow_other)
    return f"{reason} {Errors.slow_another}"


def _advice_on_japanese(name: str, settings: Mapping[str, Any]) -> str:
    splitter, subwords = (settings.get(f"{part}_tokenizer_type") for part in ("word", "subword"))
    if subwords == "character":
        return Errors.slow_japanese_characters
    if splitter in SPLITTERS or subwords == "sentencepiece":
        return Errors.slow_words.format(splitter=SPLITTERS.get(str(splitter), splitter), name=name)
    options = f", tokenize_chinese_chars=False, do_lower_case={bool(settings.get('do_lower_case'))}"
    return _advice_to_convert(name, "BertTokenizerFast", options)


def _advice_to_convert(name: str, fast: str, options: str = "", installed: str = "") -> str:
    fields = {"name": name, "folder": name if is_folder(name) else name.rpartition("/")[2]}
    commands = {"fetch": "", "then": ""}
    if not is_folder(name):
        commands = {"fetch": Errors.fetch_first.format(**fields), "then": Errors.name_folder.format(**fields)}
    return Errors.slow_but_same.format(**fields, **commands, fast=fast, options=options, installed=installed)


@contextmanager
def explain_missing_package(name: str, folder: Path) -> Iterator[None]:
    """Replace the error about a missing package if only a slow tokenizer needs the package.

    Installing the package would not help.

    name (str): name of the checkpoint, for messages.
    folder (Path): folder that contains the checkpoint's files.
    RAISES CheckpointError: a package is missing, and `transformers` has no fast class for the tokenizer.
    """
    try:
        yield
    except ImportError as e:
        settings = _settings_in(folder)
        cls = settings.get("tokenizer_class")
        if cls in (JAPANESE, *FAST_EQUIVALENTS, *MOSES):
            raise CheckpointError(slow_message(name, cls, settings)) from e
        raise


def _settings_in(folder: Path) -> dict[str, Any]:
    """Return the settings in the tokenizer config. If it names no class, use the class in the model config."""
    settings: dict[str, Any] = {}
    for file in CONFIGS:
        try:
            content = json.loads((folder / file).read_text(encoding="utf8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            new = content if file == CONFIGS[0] else {"tokenizer_class": content.get("tokenizer_class")}
            settings = {**new, **settings}
    return settings
