"""Tokenizers that transformers has without a fast class: whether a fast one can be made of each, and what else to do.

What stands here was tried with transformers 4.53 and 5.23, with MeCab and Moses installed.
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
"""What `BertJapaneseTokenizer` cuts words with, by its setting `word_tokenizer_type`."""

SAME = {"LukeTokenizer": "RobertaTokenizerFast", "MLukeTokenizer": "XLMRobertaTokenizerFast"}
"""Fast classes that make the same subwords, where transformers 4 has none under the same name."""

REASONS = {
    "PhobertTokenizer": Errors.slow_segmented,
    "BertweetTokenizer": Errors.slow_tweets,
    "CanineTokenizer": Errors.slow_characters,
    "ByT5Tokenizer": Errors.slow_characters,
    "MyT5Tokenizer": Errors.slow_characters,
    "RoCBertTokenizer": Errors.slow_shapes,
    "EsmTokenizer": Errors.slow_proteins,
}
"""Why there can be no fast one."""
MOSES = ("XLMTokenizer", "FlaubertTokenizer", "BioGptTokenizer")

CONFIGS = ("tokenizer_config.json", "config.json")


def slow_message(name: str, cls: str, settings: Mapping[str, Any]) -> str:
    """Say that a tokenizer is not a fast one, and what can be done.

    name (str): of the checkpoint.
    cls (str): of the tokenizer.
    settings (Mapping[str, Any]): of the tokenizer, as in `tokenizer_config.json`.
    """
    return Errors.slow_tokenizer.format(name=name, cls=cls, advice=_advice(name, cls, settings))


def _advice(name: str, cls: str, settings: Mapping[str, Any]) -> str:
    if cls == JAPANESE:
        return _advice_on_japanese(name, settings)
    if cls in SAME:
        return _save_with(name, SAME[cls], installed=Errors.slow_installed)
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
    return _save_with(name, "BertTokenizerFast", options)


def _save_with(name: str, fast: str, options: str = "", installed: str = "") -> str:
    is_here = is_folder(name)
    found = {"name": name, "folder": name if is_here else name.rpartition("/")[2]}
    fetch, then = ("", "") if is_here else (Errors.fetch_first.format(**found), Errors.name_folder.format(**found))
    return Errors.slow_but_same.format(**found, fast=fast, options=options, installed=installed, fetch=fetch, then=then)


@contextmanager
def known_if_slow(name: str, folder: Path) -> Iterator[None]:
    """Where a package that a slow tokenizer takes is not installed, say that it would not help.

    RAISES CheckpointError: so it is, and no fast one can be made.
    """
    try:
        yield
    except ImportError as e:
        settings = _settings_in(folder)
        cls = settings.get("tokenizer_class")
        if cls in (JAPANESE, *SAME, *MOSES):
            raise CheckpointError(slow_message(name, cls, settings)) from e
        raise


def _settings_in(folder: Path) -> dict[str, Any]:
    """Of the tokenizer, from its own config, and its class, which the model's may name instead."""
    settings: dict[str, Any] = {}
    for file in CONFIGS:
        try:
            content = json.loads((folder / file).read_text(encoding="utf8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            own = content if file == CONFIGS[0] else {"tokenizer_class": content.get("tokenizer_class")}
            settings = {**own, **settings}
    return settings
