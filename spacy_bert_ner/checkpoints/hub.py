"""Locate a checkpoint in a local folder or on the Hugging Face Hub.

The required files of a Hub repository are downloaded to a folder in the cache. That folder gets the same checks as a
local one.

Only this module downloads with the Hub client. Hub names are never passed to `transformers`, because it
would then request further files itself, such as weights from a pull request, which anyone can open.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ..errors import MODEL_SECTION, CheckpointError, Errors, require_setting
from .loading import is_folder
from .safety import CONFIG, INDEX, WEIGHTS, Shape, reject_pipeline, reject_unsafe_files, shapes_in, shards

VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
"""Patterns for vocabulary files. One such file is enough for a tokenizer, together with other files in `SMALL`."""

SMALL = (
    *(CONFIG, INDEX, *VOCABULARIES),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("tokenizer.*.json", "merges.txt", "vocab*.json", "bpe.codes", "entity_vocab.json", "emoji.json", "dict.txt"),
)
"""Patterns for all config and tokenizer files.

The remaining files are weights, documentation and leftovers from training.
"""


@dataclass(frozen=True)
class CheckpointSource:
    """The location of a checkpoint.

    name (str): name from the config, for messages.
    folder (Path): folder that contains all required files, except possibly the weights.
    commit (str | None): commit of the Hub repository; None for a local folder.
    to_fetch (tuple[str, ...]): weight files that still have to be downloaded.
    """

    name: str
    folder: Path
    commit: str | None = None
    to_fetch: tuple[str, ...] = ()

    def fetch(self, check: Callable[[list[Shape]], None]) -> None:
        """Download the missing weights and check the shapes of all weights.

        check (Callable[[list[Shape]], None]): function that raises an error for invalid weight shapes. It is called
            before the download with the shapes from the headers of the remote files. It is called again with the shapes
            in the folder.
        """
        if self.to_fetch:
            check(self._shapes_on_hub())
        for file in self.to_fetch:
            _fetch(self.name, file, self.commit)
        check(shapes_in(self.folder))

    def _shapes_on_hub(self) -> list[Shape]:
        """Return the shapes of the missing weights, or an empty list if the Hub cannot be reached.

        The download then reports the error.
        """
        from huggingface_hub import HfApi
        from huggingface_hub.errors import SafetensorsParsingError

        try:
            files = [HfApi().parse_safetensors_file_metadata(self.name, f, revision=self.commit) for f in self.to_fetch]
        except SafetensorsParsingError:
            raise
        except Exception:  # As in `_list`, the error class depends on the HTTP client.
            return []
        return [tuple(tensor.shape) for file in files for tensor in file.tensors.values()]


def locate_checkpoint(
    name: str, *, revision: str | None = None, local_files_only: bool = False, reads_weights: bool = True
) -> CheckpointSource:
    """Locate a checkpoint and reject harmful files before downloading any weights.

    For a cached commit, the Hub is not contacted. For a cached branch, the Hub is only asked for the current commit.

    name (str): folder or Hub name of the checkpoint.
    revision (str | None): commit, branch or tag on the Hub; None for the main branch.
    local_files_only (bool): whether to use only local files and never contact the Hub.
    reads_weights (bool): whether weights for `torch` are loaded. Pass False for a folder whose ONNX graph is run; see
        `safety.reject_unsafe_files`.
    RETURNS (CheckpointSource): the folder, with the names of the weight files that still have to be downloaded.
    RAISES CheckpointError: the name is invalid, or `safety.reject_unsafe_files` rejects the checkpoint.
        ConfigError: the revision is invalid. Errors from the Hub client are left to `loading.translate_load_errors`.
    """
    if is_folder(name):
        require_setting(
            MODEL_SECTION, "revision", revision, revision is None, f"null, because name = '{name}' is a folder"
        )
        reject_pipeline(name, Path(name))
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
    remote_names = None if local_files_only or _is_complete(name, folder) else _list(name, commit)
    if remote_names is not None:
        names = remote_names
        for file in names:
            if "\\" not in file and any(fnmatchcase(file, pattern) for pattern in SMALL):
                _fetch(name, file, commit)
    reject_unsafe_files(name, folder, names, commit=commit)
    weights = (WEIGHTS,) if WEIGHTS in names else tuple(shards(folder))
    if not weights and remote_names is not None:
        raise CheckpointError(Errors.checkpoint_damaged.format(name=name, reason=f"it has no {WEIGHTS}"))
    # If the Hub was not contacted, the attempted download reports that the weights are not cached.
    missing = tuple(file for file in weights or (WEIGHTS,) if not (folder / file).exists())
    return CheckpointSource(name, folder, commit, missing)


def folder_at_hand(name: str, revision: str | None = None) -> Path | None:
    """Return the folder with a checkpoint's config, or None if there is no local copy. Reject harmful files.

    This function never contacts the Hub. `hf_hub_download` sends a request even if only local files are allowed.

    name (str), revision (str | None): see `locate_checkpoint`.
    RAISES CheckpointError, ConfigError: see `locate_checkpoint`.
    """
    if is_folder(name):
        return locate_checkpoint(name, revision=revision, reads_weights=False).folder
    check_names(name, revision)
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, CONFIG, revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    reject_unsafe_files(name, folder, commit=folder.name, reads_weights=False)
    return folder


def check_names(name: str, revision: str | None) -> None:
    """Reject invalid repository names and revisions, such as paths.

    This check must precede the use of a name in a URL or a cache path.

    name (str): name of the repository, with or without an owner.
    revision (str | None): commit, branch or tag; None for the main branch.
    RAISES CheckpointError: the name is invalid. ConfigError: the revision is invalid.
    """
    if not is_repository_name(name):
        raise CheckpointError(Errors.no_name.format(name=name))
    if revision is not None:
        allowed = "a commit, branch or tag on the Hugging Face Hub, or null"
        require_setting(MODEL_SECTION, "revision", revision, is_revision(revision), allowed)


def is_repository_name(name: str) -> bool:
    """Return whether the Hub allows a name for a repository, with or without an owner."""
    parts = name.split("/")
    is_plain = all(re.fullmatch(r"\w([\w.-]{0,94}\w)?", part, re.ASCII) for part in parts)
    return is_plain and len(parts) <= 2 and ".." not in name and "--" not in name and not name.endswith(".git")


def is_revision(revision: str) -> bool:
    """Return whether Git's rules allow a name for a commit, branch or tag."""
    is_plain = revision.isprintable() and ".." not in revision and not set(revision) & set(" \\~^:?*[")
    return is_plain and all(part and not part.startswith((".", "-")) for part in revision.split("/"))


def _fetch(name: str, file: str, revision: str | None, local_files_only: bool = False) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(name, file, revision=revision, local_files_only=local_files_only))


def _is_complete(name: str, folder: Path) -> bool:
    """Return whether the cache contains all required files of a commit.

    Files are downloaded in no fixed order. A cached vocabulary therefore does not prove that the repository has no
    `tokenizer_config.json`. The cache also records which files do not exist on the Hub.
    """
    from huggingface_hub import try_to_load_from_cache

    def is_known(file: str) -> bool:
        return try_to_load_from_cache(name, file, revision=folder.name) is not None

    files = [WEIGHTS] if (folder / WEIGHTS).exists() else shards(folder)
    has_weights = bool(files) and all((folder / file).exists() for file in files)
    has_vocabulary = any(any(folder.glob(pattern)) for pattern in VOCABULARIES)
    return has_weights and has_vocabulary and is_known("tokenizer.json") and is_known("tokenizer_config.json")


def _list(name: str, commit: str) -> list[str] | None:
    """Return the names of a repository's top-level files, or None if the Hub cannot be reached."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = HfApi().model_info(name, revision=commit, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise
    except Exception:  # The error class depends on the HTTP client. The download reports files missing from the cache.
        return None
    return sorted(file.rfilename for file in info.siblings or () if "/" not in file.rfilename)
