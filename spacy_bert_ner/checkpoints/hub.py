"""Locate a checkpoint in a local folder or in a repository on the Hugging Face Hub.

The needed files of a repository are downloaded to the cache. The result is a folder too, and gets the same checks as a
local one.

Only this module imports the client of the Hub. Transformers is never given names on the Hub: it would request further
files by itself, such as weights of a pull request, which anyone can open.
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
"""Vocabulary files, as patterns. Any one of them makes a tokenizer, together with other files of `SMALL`."""

SMALL = (
    *(CONFIG, INDEX, *VOCABULARIES),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("tokenizer.*.json", "merges.txt", "vocab*.json", "bpe.codes", "entity_vocab.json", "emoji.json", "dict.txt"),
)
"""Configs and tokenizers of all kinds, as patterns.

All other files are weights for other frameworks, documents, and leftovers of training.
"""


@dataclass(frozen=True)
class CheckpointSource:
    """The location of a checkpoint.

    name (str): the name in the config, for messages.
    folder (Path): folder with all needed files, except possibly the weights.
    commit (str | None): commit of the repository; None for a local folder.
    to_fetch (tuple[str, ...]): weight files still to download.
    """

    name: str
    folder: Path
    commit: str | None = None
    to_fetch: tuple[str, ...] = ()

    def fetch(self, check: Callable[[list[Shape]], None]) -> None:
        """Download the missing weights.

        check (Callable[[list[Shape]], None]): function that raises an error for weights with certain shapes. It is
            first called with the shapes from the headers of the remote files, so little is downloaded if it rejects
            them. It is called again with the shapes in the folder.
        """
        if self.to_fetch:
            check(self._shapes_on_hub())
        for file in self.to_fetch:
            _fetch(self.name, file, self.commit)
        check(shapes_in(self.folder))

    def _shapes_on_hub(self) -> list[Shape]:
        """Return the shapes of the missing weights; an empty list without a network, as the download reports that."""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import SafetensorsParsingError

        try:
            files = [HfApi().parse_safetensors_file_metadata(self.name, f, revision=self.commit) for f in self.to_fetch]
        except SafetensorsParsingError:
            raise
        except Exception:  # See `_list`.
            return []
        return [tuple(tensor.shape) for file in files for tensor in file.tensors.values()]


def locate_checkpoint(
    name: str, *, revision: str | None = None, local_files_only: bool = False, reads_weights: bool = True
) -> CheckpointSource:
    """Locate a checkpoint, and reject harmful files before any weights are downloaded.

    For a commit in the cache, the Hub is not contacted. For a branch, the Hub is only asked for its current commit.

    name (str): folder, or name on the Hub.
    revision (str | None): commit, branch or tag on the Hub; None for the main branch.
    local_files_only (bool): never contact the Hub.
    reads_weights (bool): False for a folder whose ONNX graph is run; see `safety.reject_unsafe_files`.
    RETURNS (CheckpointSource): the folder, and the weights still to download.
    RAISES CheckpointError: the name is not valid, or `safety.reject_unsafe_files` rejects the checkpoint.
        ConfigError: the revision is not valid. Errors of the Hub's client are left to `loading.translate_load_errors`.
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
    # If the Hub was not contacted, the attempt to download reports that they are not in the cache.
    missing = tuple(file for file in weights or (WEIGHTS,) if not (folder / file).exists())
    return CheckpointSource(name, folder, commit, missing)


def check_names(name: str, revision: str | None) -> None:
    """Reject invalid names of repositories and revisions, such as paths.

    This happens before a name becomes part of an address or of a path in the cache.

    name (str): name of the repository, with or without an owner.
    revision (str | None): commit, branch or tag; None for the main branch.
    RAISES CheckpointError: the name is not valid. ConfigError: the revision is not valid.
    """
    parts = name.split("/")
    is_plain = all(re.fullmatch(r"\w([\w.-]{0,94}\w)?", part, re.ASCII) for part in parts)
    if not is_plain or len(parts) > 2 or ".." in name or "--" in name or name.endswith(".git"):
        raise CheckpointError(Errors.no_name.format(name=name))
    if revision is not None:  # The rules are those of git.
        is_plain = revision.isprintable() and ".." not in revision and not set(revision) & set(" \\~^:?*[")
        is_path = all(part and not part.startswith((".", "-")) for part in revision.split("/"))
        allowed = "a commit, branch or tag on the Hub, or null"
        require_setting(MODEL_SECTION, "revision", revision, is_plain and is_path, allowed)


def _fetch(name: str, file: str, revision: str | None, local_files_only: bool = False) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(name, file, revision=revision, local_files_only=local_files_only))


def _is_complete(name: str, folder: Path) -> bool:
    """Return whether the cache has all needed files of a commit.

    Files are downloaded in no fixed order, so the vocabulary does not prove that there is no `tokenizer_config.json`.
    The cache also records that a file does not exist.
    """
    from huggingface_hub import try_to_load_from_cache

    def is_known(file: str) -> bool:
        return try_to_load_from_cache(name, file, revision=folder.name) is not None

    files = [WEIGHTS] if (folder / WEIGHTS).exists() else shards(folder)
    has_weights = bool(files) and all((folder / file).exists() for file in files)
    has_vocabulary = any(any(folder.glob(pattern)) for pattern in VOCABULARIES)
    return has_weights and has_vocabulary and is_known("tokenizer.json") and is_known("tokenizer_config.json")


def _list(name: str, commit: str) -> list[str] | None:
    """List the top-level files of a repository; None if the Hub cannot be reached, and only the cache is left."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = HfApi().model_info(name, revision=commit, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise
    except Exception:  # The class depends on the HTTP client. A file missing from the cache is reported on download.
        return None
    return sorted(file.rfilename for file in info.siblings or () if "/" not in file.rfilename)
