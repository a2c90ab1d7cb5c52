"""Where a checkpoint lies: in a folder, or in a repository on the Hugging Face Hub, of which the files that matter are
fetched into the cache, so that it is a folder too, and all that is checked of a folder is checked of it.

The only module that imports the client of the Hub. transformers is not given names on the Hub: it would ask for more of
its own accord, such as weights of a pull request, which anyone can open.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ..errors import MODEL_SECTION, CheckpointError, Errors, require_setting
from .loading import is_folder
from .safety import CONFIG, INDEX, WEIGHTS, Shape, reject_unsafe_files, shapes_in, shards

VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
"""One of them makes a tokenizer, if others of `SMALL` are there."""

SMALL = (
    *(CONFIG, INDEX, *VOCABULARIES),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("tokenizer.*.json", "merges.txt", "vocab*.json", "bpe.codes", "entity_vocab.json", "emoji.json", "dict.txt"),
)
"""Configs and tokenizers of all kinds. All else is weights for other frameworks, documents, and what training left."""


@dataclass(frozen=True)
class CheckpointSource:
    """Where a checkpoint was found.

    name: as the config has it, for messages.
    folder: with all that matters, but perhaps without weights.
    commit: of the repository; None for a folder.
    to_fetch: files with weights, which are not there yet.
    """

    name: str
    folder: Path
    commit: str | None = None
    to_fetch: tuple[str, ...] = ()

    def fetch(self, check: Callable[[list[Shape]], None]) -> None:
        """Fetch the weights that are not there yet.

        check: what refuses weights by their shapes. It is also given those in the first bytes of the files, which come
            first, so that little is fetched of what is refused.
        """
        if self.to_fetch:
            check(self._shapes_on_hub())
        for file in self.to_fetch:
            _fetch(self.name, file, self.commit)
        check(shapes_in(self.folder))

    def _shapes_on_hub(self) -> list[Shape]:
        """None where they are not told, as there is no network; then fetching will say so."""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import SafetensorsParsingError

        try:
            files = [HfApi().parse_safetensors_file_metadata(self.name, f, revision=self.commit) for f in self.to_fetch]
        except SafetensorsParsingError:
            raise
        except Exception:  # see `_list`
            return []
        return [tuple(tensor.shape) for file in files for tensor in file.tensors.values()]


def locate_checkpoint(
    name: str, *, revision: str | None = None, local_files_only: bool = False, reads_weights: bool = True
) -> CheckpointSource:
    """Find a checkpoint, and refuse what could do harm before weights are fetched.

    Of a commit that the cache has, nothing is asked; of a branch, which commit it is at.

    name (str): folder, or name on the Hub.
    revision (str | None): commit, branch or tag on the Hub.
    local_files_only (bool): never ask the Hub.
    reads_weights (bool): False for a folder whose ONNX graph is run, see `safety.reject_unsafe_files`.
    RAISES CheckpointError: the name can be none, or see `safety.reject_unsafe_files`. ConfigError: the revision can be
        none. Errors of the Hub's client are left to `loading.translate_load_errors`.
    """
    if is_folder(name):
        require_setting(
            MODEL_SECTION, "revision", revision, revision is None, f"null, since name = '{name}' is a folder"
        )
        reject_unsafe_files(name, Path(name), reads_weights=reads_weights)
        return CheckpointSource(name, Path(name))
    check_names(name, revision)
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        config = _fetch(name, CONFIG, revision, local_files_only)
    except LocalEntryNotFoundError:
        raise
    except EntryNotFoundError as e:
        raise CheckpointError(Errors.checkpoint_damaged.format(name=name, reason=f"it has no {CONFIG}")) from e
    folder, commit = config.parent, config.parent.name
    names = sorted(path.name for path in folder.iterdir())
    listed = None if local_files_only or _is_whole(name, folder) else _list(name, commit)
    if listed is not None:
        names = listed
        for file in names:
            if "\\" not in file and any(fnmatchcase(file, pattern) for pattern in SMALL):
                _fetch(name, file, commit)
    reject_unsafe_files(name, folder, names, commit=commit)
    weights = (WEIGHTS,) if WEIGHTS in names else tuple(shards(folder))
    if not weights and listed is not None:
        raise CheckpointError(Errors.checkpoint_damaged.format(name=name, reason=f"it has no {WEIGHTS}"))
    # Where the Hub was not asked, asking for them tells that they are not in the cache.
    missing = tuple(file for file in weights or (WEIGHTS,) if not (folder / file).exists())
    return CheckpointSource(name, folder, commit, missing)


def check_names(name: str, revision: str | None) -> None:
    """Refuse what no repository and no revision can be called, such as paths, before it is part of an address or of a
    path in the cache.

    RAISES CheckpointError, ConfigError: it says what is allowed.
    """
    parts = name.split("/")
    is_plain = all(re.fullmatch(r"\w([\w.-]{0,94}\w)?", part, re.ASCII) for part in parts)
    if not is_plain or len(parts) > 2 or ".." in name or "--" in name or name.endswith(".git"):
        raise CheckpointError(Errors.no_name.format(name=name))
    if revision is not None:  # what git allows
        is_plain = revision.isprintable() and ".." not in revision and not set(revision) & set(" \\~^:?*[")
        is_path = all(part and not part.startswith((".", "-")) for part in revision.split("/"))
        allowed = "a commit, branch or tag on the Hub, or null"
        require_setting(MODEL_SECTION, "revision", revision, is_plain and is_path, allowed)


def _fetch(name: str, file: str, revision: str | None, local_files_only: bool = False) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(name, file, revision=revision, local_files_only=local_files_only))


def _is_whole(name: str, folder: Path) -> bool:
    """Whether the cache has all of a commit that matters. Files come in no set order, so the vocabulary alone does not
    tell that there is no `tokenizer_config.json`; that a file is not there is in the cache too."""
    from huggingface_hub import try_to_load_from_cache

    def is_known(file: str) -> bool:
        return try_to_load_from_cache(name, file, revision=folder.name) is not None

    files = [WEIGHTS] if (folder / WEIGHTS).exists() else shards(folder)
    has_weights = bool(files) and all((folder / file).exists() for file in files)
    has_vocabulary = any(any(folder.glob(pattern)) for pattern in VOCABULARIES)
    return has_weights and has_vocabulary and is_known("tokenizer.json") and is_known("tokenizer_config.json")


def _list(name: str, commit: str) -> list[str] | None:
    """The files at the top of a repository; None where the Hub cannot be reached, so that the cache has to do."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        found = HfApi().model_info(name, revision=commit, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise
    except Exception:  # of whichever client it uses; what is not in the cache is told by asking for it
        return None
    return sorted(file.rfilename for file in found.siblings or () if "/" not in file.rfilename)
