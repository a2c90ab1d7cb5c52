"""Upload a saved pipeline or a checkpoint to the Hugging Face Hub.

Only this module uploads with the Hub client. It calls `create_commit` rather than `upload_folder`, because recent
versions of the client split a large folder into several commits.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from spacy.util import get_model_meta, get_package_path, is_package

from ..checkpoints.hub import SMALL, is_repository_name, is_revision
from ..checkpoints.safety import CONFIG, INDEX, WEIGHTS, reject_pipeline, reject_unsafe_files
from ..errors import BertNerError, Errors, format_exception
from ..util.pipeline_safety import check_pipeline, is_pipeline
from .exporter import CARD_NAME

CHECKPOINT_FILES = (*SMALL, CARD_NAME, "LICENSE*", "generation_config.json", "*.safetensors", "*.onnx")
"""Patterns for the files of a checkpoint that are uploaded. Others, such as pickles, stay where they are."""


def push(
    source: str | Path,
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
) -> str:
    """Upload a pipeline or a checkpoint to a model repository on the Hub, in one commit.

    If the repository or the branch does not exist, it is created. Files in the repository that the source does not
    have are kept. The function warns if the source has no model card.

    source (str | Path): folder of a saved pipeline or a checkpoint, or name of an installed pipeline package.
    repo (str): name of the repository, with its owner: "OWNER/NAME".
    private (bool): whether the repository must be private. Default: False, which keeps what an existing one is.
    revision (str | None): branch to upload to. Default: None, the main branch.
    message (str | None): first line of the commit message. Default: None, a line that names the source.
    RETURNS (str): URL of the commit.
    RAISES BertNerError: an argument is invalid, a file is unsafe, or the upload failed. Then the branch is unchanged.
    """
    if not is_repository_name(repo) or "/" not in repo:
        raise BertNerError(Errors.push_name.format(repo=repo))
    if revision is not None and not is_revision(revision):
        raise BertNerError(Errors.push_revision.format(revision=revision))
    folder = _find(source)
    files = _pipeline_files(folder) if is_pipeline(folder) else _checkpoint_files(folder)
    if CARD_NAME not in files:
        command = Errors.push_card_of_pipeline if is_pipeline(folder) else Errors.push_card_of_checkpoint
        warnings.warn(Errors.push_no_card.format(folder=folder, command=command), UserWarning, stacklevel=2)
    with _translate_errors(repo):
        return _upload(folder, files, repo, private, revision, message or f"Upload {Path(source).name}")


def _find(source: str | Path) -> Path:
    """Return the folder of a pipeline, a checkpoint or an installed package."""
    folder = Path(source)
    if not folder.is_dir() and is_package(str(source)):
        package = get_package_path(str(source))
        meta = get_model_meta(package)
        folder = package / f"{meta['lang']}_{meta['name']}-{meta['version']}"
    if not folder.is_dir():
        raise BertNerError(Errors.push_no_folder.format(source=source))
    return folder


def _pipeline_files(folder: Path) -> list[str]:
    """List all files of a pipeline except hidden ones."""
    check_pipeline(folder)
    files = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts):
            continue
        if path.is_dir() and path.is_symlink():
            raise BertNerError(Errors.push_linked_folder.format(folder=folder, file=name.as_posix()))
        if path.is_file():
            files.append(name.as_posix())
    return files


def _checkpoint_files(folder: Path) -> list[str]:
    """List the files of a checkpoint that match `CHECKPOINT_FILES`."""
    reject_pipeline(str(folder), folder)
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    has_weights = bool({WEIGHTS, INDEX}.intersection(names))
    if CONFIG in names:
        reject_unsafe_files(str(folder), folder, reads_weights=not any(name.endswith(".onnx") for name in names))
    files = [name for name in names if any(fnmatchcase(name, pattern) for pattern in CHECKPOINT_FILES)]
    if CONFIG not in files or not (has_weights or any(name.endswith(".onnx") for name in files)):
        raise BertNerError(Errors.push_neither.format(folder=folder))
    return files


def _upload(folder: Path, files: list[str], repo: str, private: bool, revision: str | None, message: str) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(token=True)  # without a token, the client raises an error before the first request
    if not private:  # the owner's default decides
        api.create_repo(repo, exist_ok=True)
    else:
        api.create_repo(repo, private=True, exist_ok=True)
        if not api.model_info(repo).private:
            raise BertNerError(Errors.push_public.format(repo=repo))
    if revision is not None and not revision.startswith("refs/"):  # pull requests exist already
        api.create_branch(repo, branch=revision, exist_ok=True)
    operations = [CommitOperationAdd(path_in_repo=file, path_or_fileobj=folder / file) for file in files]
    return str(api.create_commit(repo, operations, commit_message=message, revision=revision).commit_url)


@contextmanager
def _translate_errors(repo: str) -> Iterator[None]:
    """Translate the errors of the Hub client into a `BertNerError` that names the cause and no token."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import LocalTokenNotFoundError

    try:
        yield
    except (BertNerError, FileNotFoundError, PermissionError):  # the latter concern local files
        raise
    except Exception as e:  # the classes of network errors depend on the HTTP client
        status = getattr(getattr(e, "response", None), "status_code", None)
        if isinstance(e, LocalTokenNotFoundError) or status == 401:
            message = Errors.push_login
        elif status is not None:
            message = Errors.push_refused if status < 500 else Errors.push_failed
        else:
            message = Errors.push_invalid if isinstance(e, ValueError) else Errors.push_offline
        reason, token = format_exception(e, None), get_token()
        reason = reason.replace(token, "[token]") if token else reason
        raise BertNerError(message.format(repo=repo, status=status, reason=reason[:300])) from e
