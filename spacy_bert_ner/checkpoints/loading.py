"""Inspect a checkpoint during loading: resolve its tags and head, check its weights, and translate load errors."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..decoding.label_rules import ALL_LABELS, LabelRules
from ..decoding.tag_scheme import PREFIXES, TagSet, build_tag_set, tags_of_labels
from ..errors import MODEL_SECTION, BertNerError, CheckpointError, ConfigError, EncoderError, Errors, TagError
from .safety import keys_in, weight_files
from .unused_weights import OTHER_WRAPPER, PEFT, WRAPPERS, find_unused, find_wrapper

Config = Any
"""Alias for `transformers.PretrainedConfig` that avoids importing `transformers`."""

LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""Options for loading from the folder that `hub.locate_checkpoint` returns."""

LOAD_LOCK = threading.RLock()
"""Lock that allows only one thread to load a checkpoint at a time.

While `transformers` loads a model, it replaces the functions in `torch.nn.init` with its own. Two concurrent threads
could make the replacements permanent. The process could then no longer initialise weights randomly.
"""

HUB_ERRORS = {
    "RevisionNotFoundError": Errors.no_such_revision,
    "GatedRepoError": Errors.checkpoint_gated,
    "RepositoryNotFoundError": Errors.checkpoint_missing,
    "LocalEntryNotFoundError": Errors.checkpoint_offline,
    "OfflineModeIsEnabled": Errors.checkpoint_offline,
}
"""Messages for errors from the Hub client, by class name."""


def is_panic(e: BaseException) -> bool:
    """Return whether an error is a panic in Rust code, such as the `tokenizers` library.

    A panic is not an `Exception`. It can only be recognised by its class name, because each extension module defines
    its own class.
    """
    return type(e).__name__ == "PanicException"


def is_folder(name: str) -> bool:
    """Return whether a checkpoint name is the path of an existing folder."""
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):  # The name is too long for a path or contains characters that are invalid in paths.
        return False


def tags_of(config: Config) -> tuple[str, ...]:
    """Return the tag of each logit column."""
    return tuple(config.id2label[i] for i in range(len(config.id2label)))


def write_tags(config: Config, tags: Sequence[str]) -> None:
    """Write the tags of the logit columns to the config, in column order."""
    config.num_labels = len(tags)
    config.id2label = dict(enumerate(tags))
    config.label2id = {tag: tags.index(tag) for tag in dict.fromkeys(tags)}


def resolve_head(
    config: Config,
    name: str,
    labels: Collection[str] | None,
    added: Collection[str],
    tag_scheme: str | None,
    tag_map: Mapping[str, str] | None = None,
    label_rules: LabelRules = ALL_LABELS,
) -> tuple[TagSet, bool]:
    """Return the tags of the trained head if it can be kept. If not, return the tags of a new head.

    The replacements in `tag_map` are applied to the config.

    config (Config): the checkpoint's config. It is changed in place.
    name (str): name of the checkpoint, for messages.
    labels, added, tag_scheme, tag_map, label_rules: see `Checkpoint.from_pretrained`.
    RETURNS (tuple[TagSet, bool]): the tags, and whether the head is new.
    RAISES EncoderError: there is no trained head, and no labels are given for a new one.
        CheckpointError: `id2label` is invalid, or its tags follow no scheme.
        ConfigError: `tag_scheme`, `tag_map` or `label_rules` does not fit the trained head.
    """
    _map_tags(config, name, tag_map or {})
    trained = _trained_tags(config, name, tag_scheme, is_needed=labels is None)
    if trained and label_rules:
        trained = _rename(trained, label_rules, is_needed=labels is None)
    head_labels = {*(labels or ()), *added}
    if trained and head_labels <= {*trained.labels, *added}:
        return trained, False
    if labels is None or not head_labels:
        raise encoder_error(name, config)
    if trained:
        missing = sorted(head_labels - {*trained.labels})
        message = Errors.head_replaced.format(
            name=name,
            first=missing[0],
            missing=", ".join(missing),
            labels=", ".join(sorted(head_labels)),
            old=", ".join(trained.labels),
        )
        warnings.warn(message, UserWarning, stacklevel=4)
    scheme = tag_scheme or "IOB2"
    return build_tag_set(tags_of_labels(head_labels, scheme), scheme), True


def _map_tags(config: Config, name: str, tag_map: Mapping[str, str]) -> None:
    id2label = config.id2label
    has_all_indices = bool(id2label) and sorted(id2label) == list(range(len(id2label)))
    if not has_all_indices or not all(isinstance(tag, str) for tag in id2label.values()):
        raise CheckpointError(Errors.bad_id2label.format(name=name, value=id2label))
    if not tag_map:
        return
    tags = tags_of(config)
    unknown = [tag for tag in tag_map if tag not in tags]
    if unknown:
        message = Errors.unknown_mapped.format(
            name=name, unknown=", ".join(unknown), tags=", ".join(dict.fromkeys(tags))
        )
        raise ConfigError(message)
    write_tags(config, [tag_map.get(tag, tag) for tag in tags])


def may_have_tags(config: Config) -> bool:
    """Return whether a checkpoint may have been fine-tuned for tagging.

    Return True if its class is a token classifier, or if `config.json` names no class. In the latter case, the tags and
    the weights are checked later.
    """
    architectures = config.architectures or ()
    return not architectures or any(a.endswith("ForTokenClassification") for a in architectures)


def _rename(trained: TagSet, label_rules: LabelRules, *, is_needed: bool) -> TagSet | None:
    try:
        return build_tag_set(label_rules.rename_tags(trained), trained.scheme)
    except TagError as e:
        if is_needed:
            raise ConfigError(str(e)) from e
        return None


def _trained_tags(config: Config, name: str, tag_scheme: str | None, *, is_needed: bool) -> TagSet | None:
    """Return the tags of the trained head, or None if there is no trained head.

    If the head is optional, also return None if its tags follow no scheme.
    """
    if not may_have_tags(config):
        return None
    is_classifier = bool(config.architectures)
    try:
        return build_tag_set(tags_of(config), tag_scheme or scheme_in(config))
    except TagError as e:
        if is_needed and is_classifier:
            raise _scheme_error(name, tag_scheme, e) from e
        if is_classifier:
            warnings.warn(Errors.head_unreadable.format(name=name, reason=e), UserWarning, stacklevel=5)
        return None


def encoder_error(name: str, config: Config) -> EncoderError:
    """Create the error for a checkpoint without the required trained head."""
    return EncoderError(Errors.checkpoint_is_encoder.format(name=name, tags=", ".join(tags_of(config))))


def check_weights(
    name: str, model: Any, report: dict[str, Any], folder: Path, *, is_new: bool, is_to_train: bool
) -> tuple[bool, bool]:
    """Reject models with randomly initialised weights or an incompletely loaded head.

    Weights are random if they are missing from the file or have a different shape there. A head is incompletely loaded
    if its architecture differs from that of the head in `transformers`. `transformers` only logs these problems.

    name (str): name of the checkpoint, for messages.
    model (Any): the loaded model.
    report (dict[str, Any]): loading report that `from_pretrained` returns with `output_loading_info=True`.
    folder (Path): the folder that was passed to `from_pretrained`.
    is_new (bool): whether the head is new and therefore need not match the weights in the file.
    is_to_train (bool): whether the model will be trained. If so, the head may have random weights.
    RETURNS (tuple[bool, bool]): whether the head has weights from the file, and whether the file contains head weights
        of any shape.
    RAISES CheckpointError: weights have a different shape, or a prefix hides them from the model. If the model will not
        be trained, missing encoder weights and unread head weights also raise this error. Otherwise, they cause a
        warning.
        EncoderError: the model will not be trained, and head weights are missing.
    """
    # A prefix on all names hides all weights from the model. If no weights are missing, the names need not be read.
    prefix = find_wrapper(model, keys_in(folder)) if report["missing_keys"] else None
    if prefix:
        raise CheckpointError(_wrapped(name, folder, prefix))
    base = f"{model.base_model_prefix}."
    # These are the names in the model. In the file of a bare encoder, names lack the prefix `base`.
    head = {key for key in model.state_dict() if not key.startswith(base)}
    # `transformers` 4 lists only the names of the weights, whereas version 5 also lists their shapes.
    mismatched = sorted(key if isinstance(key, str) else key[0] for key in report["mismatched_keys"])
    if mismatched and not (is_new and head.issuperset(mismatched)):
        reason = Errors.other_shapes.format(keys=", ".join(mismatched))
        raise CheckpointError(Errors.checkpoint_damaged.format(name=name, reason=reason))
    missing = set(report["missing_keys"])
    if missing & head and not is_to_train:
        raise encoder_error(name, model.config)
    if missing - head:
        message = Errors.random_weights.format(name=name, keys=", ".join(sorted(missing - head)[:5]))
        if not is_to_train:
            raise CheckpointError(message)
        warnings.warn(message, UserWarning, stacklevel=4)
    unused = find_unused(model, report["unexpected_keys"], is_new=is_new)
    if unused.of_head and not is_to_train:
        raise CheckpointError(_describe_unused(Errors.other_head, name, model, unused.of_head))
    if any(unused):
        message = _describe_unused(Errors.unused_weights, name, model, unused.of_encoder + unused.of_head)
        warnings.warn(message, UserWarning, stacklevel=4)
    return bool(head - missing - set(mismatched)), bool(head - missing)


def _describe_unused(message: str, name: str, model: Any, keys: Sequence[str]) -> str:
    count = "1 weight" if len(keys) == 1 else f"{len(keys)} weights"
    listed = ", ".join([*keys[:5], "…"] if len(keys) > 5 else keys)
    return message.format(name=name, cls=type(model).__name__, count=count, keys=listed)


def _wrapped(name: str, folder: Path, prefix: str) -> str:
    if prefix == PEFT:
        return Errors.peft_weights.format(name=name, prefix=prefix)
    fields = {"name": name, "folder": folder.as_posix() if is_folder(name) else name.rpartition("/")[2]}
    commands = {"fetch": "", "then": ""}
    if not is_folder(name):
        commands = {"fetch": Errors.fetch_first.format(**fields), "then": Errors.name_folder.format(**fields)}
    wrapper = WRAPPERS.get(prefix, OTHER_WRAPPER)
    files = weight_files(folder)
    return Errors.wrapped_weights.format(**fields, **commands, prefix=prefix, wrapper=wrapper, files=files)


def scheme_in(config: Config) -> str | None:
    """Return the `tag_scheme` in `config.json`, or None if it is missing or invalid.

    This package writes the setting when it trains a head.
    """
    scheme = getattr(config, "tag_scheme", None)
    return scheme if isinstance(scheme, str) and scheme in PREFIXES else None


def _scheme_error(name: str, tag_scheme: str | None, error: TagError) -> BertNerError:
    if tag_scheme is None:
        return CheckpointError(Errors.tags_without_scheme.format(name=name, reason=error))
    allowed = f"a scheme that fits the tags of '{name}', or null. {error}"
    return ConfigError(
        Errors.bad_value.format(section=MODEL_SECTION, key="tag_scheme", value=tag_scheme, allowed=allowed)
    )


@contextmanager
def translate_load_errors(name: str, otherwise: str, revision: str | None = None) -> Iterator[None]:
    """Translate errors raised during loading into a `CheckpointError` that names the cause.

    name (str): name of the checkpoint, for messages.
    otherwise (str): message template for causes that are not in `HUB_ERRORS`.
    revision (str | None): revision of the checkpoint, for messages.
    RAISES CheckpointError: loading failed.
    """
    try:
        with LOAD_LOCK:
            yield
    except BertNerError:
        raise
    except BaseException as e:  # The libraries raise errors of many classes for damaged files.
        if not isinstance(e, Exception) and not is_panic(e):
            raise
        # The Hub client has one class per cause. Its error can be anywhere in the exception chain.
        class_names: set[str] = set()
        cause: BaseException | None = e
        while cause is not None and len(class_names) < 20:
            class_names.add(type(cause).__name__)
            cause = cause.__cause__ or cause.__context__
        message = next((message for cls, message in HUB_ERRORS.items() if cls in class_names), otherwise)
        raise CheckpointError(message.format(name=name, revision=revision, reason=e)) from e


def rename_tokenizer(path: Path) -> None:
    """Replace the class name of a generic tokenizer in its config with one that `transformers` 4 and 5 both support.

    `transformers` 5 writes a name that version 4 does not support.

    path (Path): path of `tokenizer_config.json`.
    """
    config = json.loads(path.read_text(encoding="utf8"))
    if config.get("tokenizer_class") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
