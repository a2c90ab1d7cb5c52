"""What the JSON files of a checkpoint may say where transformers takes a setting for the name of code, of a file, or of
a repository. All else in them are numbers, switches and words that its own code chooses between.

Read from the sources of transformers 4.53 and 5.23. `tests/unit/checkpoints/test_allowed_settings.py` walks all keys of
their configs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, Errors

CODE = "auto_map"
"""Names classes in modules that a checkpoint brings, or that lie in another repository."""

IMPLEMENTATIONS = ("eager", "sdpa", "flex_attention", "batched_mm", "grouped_mm")
"""Of attention and of experts: what transformers computes with torch alone. Any other name may be that of a package to
import, or of a repository with kernels, which the package `kernels` fetches and imports."""

REFUSED = {
    "custom_pipelines": "code",
    "quantization_config": "weights in fewer bits, whose packages are imported",
    "compression_config": "weights in fewer bits, whose packages are imported",
    "kernel_config": "kernels of the Hub",
    "use_kernels": "kernels of the Hub",
    "fusion_config": "other modules in the place of the encoder's",
    "configuration_files": "other configs in the place of this one",
    "backbone": "a repository of the Hub, which is asked for it",
    "init_inputs": "files of a tokenizer",
    "mecab_option": "files of a word splitter",
    "sudachi_config_path": "files of a word splitter",
    "sudachi_resource_dir": "files of a word splitter",
    "model_file": "a model of sentencepiece elsewhere",
}
"""Keys that may not be there, or are null or empty, at any depth, and what they name."""

_IMPLEMENTATION = re.compile(r"\w*_implementation(_internal)?")
_TOKENIZER = re.compile(r"[A-Z][0-9A-Za-z]*Tokenizer(Fast)?|TokenizersBackend|PythonBackend|SentencePieceBackend")
_OPENS_OTHERS = re.compile(r"(Auto|Rag|TF|MistralCommon)\w*")
_VERSIONED = re.compile(r"tokenizer\.[0-9A-Za-z.]+\.json")
_MOST_SHOWN = 200


def check_settings(name: str, file: str, content: object) -> None:
    """Refuse settings by which transformers would import, open or fetch what the checkpoint names.

    name (str): of the checkpoint, for messages.
    file (str): the JSON file that holds them.
    content: of that file.
    RAISES CheckpointError: it names the key, what was found, and what is allowed.
    """
    for key, value in _settings(content):
        if key == CODE and value:
            raise CheckpointError(Errors.custom_code.format(name=name, file=file, found=_shown(value)))
        allowed = _allowed_instead(file, key, value)
        if allowed is not None:
            found = {"file": file, "key": key, "found": _shown(value)}
            raise CheckpointError(Errors.names_code.format(name=name, allowed=allowed, **found))


def own_files(folder: Path, settings: object) -> dict[str, str | None]:
    """The files of a tokenizer that its config names, as they lie in its own folder.

    Configs that older versions of transformers saved hold paths on the machine where that was done, and transformers 4
    opens what lies there.
    RETURNS: what the tokenizer is to be given in their place; None for a file that the folder does not have.
    """
    named = settings if isinstance(settings, dict) else {}
    files = {key: str(value) for key, value in named.items() if key.endswith("_file") and value is not None}
    own = {key: folder / value.replace("\\", "/").rpartition("/")[2] for key, value in files.items()}
    if "tokenizer_file" in own:
        own["tokenizer_file"] = folder / "tokenizer.json"
    return {key: str(path) if path.is_file() else None for key, path in own.items()}


def _allowed_instead(file: str, key: str, value: object) -> str | None:
    """What is allowed in the place of a setting; None where it is allowed itself."""
    if value is None or value == [] or value == {} or value == "" or value is False:
        return None
    if key in REFUSED:
        return f"no such setting, since it names {REFUSED[key]}"
    if _IMPLEMENTATION.fullmatch(key):
        return None if _is_torch_alone(value) else f"{', '.join(IMPLEMENTATIONS)}, or null"
    if key == "tokenizer_class":
        is_one = isinstance(value, str) and _TOKENIZER.fullmatch(value) and not _OPENS_OTHERS.fullmatch(value)
        return None if is_one else "the class of one tokenizer, such as BertTokenizerFast"
    if key == "fast_tokenizer_files":
        is_plain = isinstance(value, list) and all(v == "tokenizer.json" or _is_versioned(v) for v in value)
        return None if is_plain else "files in that folder, such as tokenizer.4.0.0.json"
    if file == "special_tokens_map.json" and key.endswith("_file"):
        return "special tokens, such as cls_token"
    return None


def _is_torch_alone(value: object) -> bool:
    """Whether an implementation, or that of each part of the model, computes with torch alone."""
    if isinstance(value, dict):
        return all(map(_is_torch_alone, value.values()))
    return value is None or value in IMPLEMENTATIONS


def _is_versioned(value: object) -> bool:
    return isinstance(value, str) and bool(_VERSIONED.fullmatch(value)) and ".." not in value


def _settings(content: object) -> Iterator[tuple[str, object]]:
    """All keys with their values, at any depth."""
    waiting: list[Any] = [content]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
