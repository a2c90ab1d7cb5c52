"""Allowlist for checkpoint settings that `transformers` treats as names of code, files or repositories.

All other settings are numbers, switches and words that only select among components of `transformers` itself.

The lists were derived from the source code of `transformers` 4.53 and 5.23.
`tests/unit/checkpoints/test_config_allowlist.py` checks the keys of all configs in `transformers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, Errors

CODE = "auto_map"
"""Key that names classes in Python modules from the checkpoint or from another repository."""

IMPLEMENTATIONS = ("eager", "sdpa", "flex_attention", "batched_mm", "grouped_mm")
"""Implementations of attention and expert layers for which `transformers` requires only `torch`.

Any other value may name a package to import, or a kernel repository that the `kernels` package downloads and imports.
"""

REFUSED = {
    "custom_pipelines": "code",
    "quantization_config": "quantized weights, which require importing other packages",
    "compression_config": "compressed weights, which require importing other packages",
    "kernel_config": "kernels on the Hugging Face Hub",
    "use_kernels": "kernels on the Hugging Face Hub",
    "fusion_config": "modules that replace those of the encoder",
    "configuration_files": "other configs that replace this one",
    "backbone": "a repository to download from the Hugging Face Hub",
    "init_inputs": "tokenizer files",
    "mecab_option": "files for a word splitter",
    "sudachi_config_path": "files for a word splitter",
    "sudachi_resource_dir": "files for a word splitter",
    "model_file": "a SentencePiece model outside the checkpoint",
}
"""Keys that must be absent, null or empty at any depth, with a description of what each key names."""

_IMPLEMENTATION = re.compile(r"\w*_implementation(_internal)?")
_TOKENIZER = re.compile(r"[A-Z][0-9A-Za-z]*Tokenizer(Fast)?|TokenizersBackend|PythonBackend|SentencePieceBackend")
_OPENS_OTHERS = re.compile(r"(Auto|Rag|TF|MistralCommon)\w*")
_VERSIONED = re.compile(r"tokenizer\.[0-9A-Za-z.]+\.json")
_MAX_SHOWN = 200


def check_settings(name: str, file: str, content: object) -> None:
    """Reject settings that would make `transformers` import, open or download resources that the checkpoint names.

    name (str): name of the checkpoint, for messages.
    file (str): name of the JSON file that contains the settings.
    content (object): parsed content of that file.
    RAISES CheckpointError: a setting has an invalid value. The message contains the key, the value and the allowed
        values.
    """
    for key, value in _settings(content):
        if key == CODE and value:
            raise CheckpointError(Errors.custom_code.format(name=name, file=file, value=_shorten(value)))
        allowed = _allowed_instead(file, key, value)
        if allowed is not None:
            message = Errors.names_code.format(name=name, allowed=allowed, file=file, key=key, value=_shorten(value))
            raise CheckpointError(message)


def own_files(folder: Path, settings: object) -> dict[str, str | None]:
    """Map the files that a tokenizer config names to files with the same names in the tokenizer's folder.

    Older versions of `transformers` saved configs with paths from the machine on which they were written.
    `transformers` 4 opens any file that exists at such a path.

    folder (Path): the tokenizer's folder.
    settings (object): parsed content of the tokenizer config.
    RETURNS (dict[str, str | None]): replacement path for each config key, or None if the folder lacks the file.
    """
    config = settings if isinstance(settings, dict) else {}
    named_files = {key: str(value) for key, value in config.items() if key.endswith("_file") and value is not None}
    paths = {key: folder / value.replace("\\", "/").rpartition("/")[2] for key, value in named_files.items()}
    if "tokenizer_file" in paths:
        paths["tokenizer_file"] = folder / "tokenizer.json"
    return {key: str(path) if path.is_file() else None for key, path in paths.items()}


def _allowed_instead(file: str, key: str, value: object) -> str | None:
    """Describe the allowed values of a setting, or return None if its value is allowed."""
    if value is None or value is False or value in ([], {}, ""):
        return None
    if key in REFUSED:
        return f"null, because other values refer to {REFUSED[key]}"
    if _IMPLEMENTATION.fullmatch(key):
        return None if _uses_only_torch(value) else f"{', '.join(IMPLEMENTATIONS)}, or null"
    if key == "tokenizer_class":
        is_tokenizer = isinstance(value, str) and _TOKENIZER.fullmatch(value) and not _OPENS_OTHERS.fullmatch(value)
        return None if is_tokenizer else "the name of a tokenizer class, such as BertTokenizerFast"
    if key == "fast_tokenizer_files":
        is_plain = isinstance(value, list) and all(v == "tokenizer.json" or _is_versioned(v) for v in value)
        return None if is_plain else "files in the checkpoint's folder, such as tokenizer.4.0.0.json"
    if file == "special_tokens_map.json" and key.endswith("_file"):
        return "keys of special tokens, such as cls_token"
    return None


def _uses_only_torch(value: object) -> bool:
    """Return whether an implementation, or each implementation in a table, requires only `torch`."""
    if isinstance(value, dict):
        return all(map(_uses_only_torch, value.values()))
    return value is None or value in IMPLEMENTATIONS


def _is_versioned(value: object) -> bool:
    return isinstance(value, str) and bool(_VERSIONED.fullmatch(value)) and ".." not in value


def _settings(content: object) -> Iterator[tuple[str, object]]:
    """Yield the key and value of each setting, at any depth."""
    pending: list[Any] = [content]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield from node.items()
            pending += node.values()
        elif isinstance(node, list):
            pending += node


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
