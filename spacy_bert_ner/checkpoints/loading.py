"""What is found on opening a checkpoint: its tags, its head, and what may be wrong with its files, in our own words."""

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
"""transformers' `PretrainedConfig`, which this room need not import."""

LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""How transformers opens what `hub.locate_checkpoint` has found."""

LOAD_LOCK = threading.RLock()
"""One thread at a time: while transformers loads, functions of its own stand in the place of those of `torch.nn.init`,
and two threads at once would leave them there, so that nothing was drawn anew for the rest of the process."""

OF_THE_HUB = {
    "RevisionNotFoundError": Errors.no_such_revision,
    "GatedRepoError": Errors.checkpoint_gated,
    "RepositoryNotFoundError": Errors.checkpoint_missing,
    "LocalEntryNotFoundError": Errors.checkpoint_offline,
    "OfflineModeIsEnabled": Errors.checkpoint_offline,
}
"""What the client of the Hub raises, by class."""


def is_panic(e: BaseException) -> bool:
    """Whether code in Rust, as that of tokenizers, has panicked. It is no `Exception`, and its class can only be told
    by name: each extension module has one of its own."""
    return type(e).__name__ == "PanicException"


def is_folder(name: str) -> bool:
    """Whether a checkpoint's name is that of a folder."""
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):  # it is too long for one, or holds what no name can
        return False


def tags_of(config: Config) -> tuple[str, ...]:
    """The tag of each column of the logits."""
    return tuple(config.id2label[i] for i in range(len(config.id2label)))


def write_tags(config: Config, tags: Sequence[str]) -> None:
    """Make them those of the columns of the logits."""
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
    """The tags of the trained head if it stays, or else of the new one that takes its place; see
    `Checkpoint.from_pretrained`.

    The config gets the tags that the map names.
    RETURNS: the tags, and whether the head is a new one.
    """
    _map_tags(config, name, tag_map or {})
    trained = _trained_tags(config, name, tag_scheme, is_needed=labels is None)
    if trained and label_rules:
        trained = _rename(trained, label_rules, is_needed=labels is None)
    wanted = {*(labels or ()), *added}
    if trained and wanted <= {*trained.labels, *added}:
        return trained, False
    if labels is None or not wanted:
        raise encoder_error(name, config)
    if trained:
        missing = sorted(wanted - {*trained.labels})
        lists = {"missing": ", ".join(missing), "labels": ", ".join(sorted(wanted)), "old": ", ".join(trained.labels)}
        warnings.warn(Errors.head_replaced.format(name=name, first=missing[0], **lists), UserWarning, stacklevel=4)
    scheme = tag_scheme or "IOB2"
    return build_tag_set(tags_of_labels(wanted, scheme), scheme), True


def _map_tags(config: Config, name: str, tag_map: Mapping[str, str]) -> None:
    found = config.id2label
    if not found or sorted(found) != list(range(len(found))) or not all(isinstance(tag, str) for tag in found.values()):
        raise CheckpointError(Errors.bad_id2label.format(name=name, found=found))
    if not tag_map:
        return
    tags = tags_of(config)
    unknown = [tag for tag in tag_map if tag not in tags]
    if unknown:
        listed = {"unknown": ", ".join(unknown), "tags": ", ".join(dict.fromkeys(tags))}
        raise ConfigError(Errors.unknown_mapped.format(name=name, **listed))
    write_tags(config, [tag_map.get(tag, tag) for tag in tags])


def may_have_tags(config: Config) -> bool:
    """Whether a checkpoint may have been fine-tuned for tags: its class is one of those, or config.json names none,
    which leaves it to the tags, and then to the weights."""
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
    """The tags of the trained head; None if there is none, or, unless it is needed, one whose tags are of no scheme."""
    if not may_have_tags(config):
        return None
    classifies = bool(config.architectures)
    try:
        return build_tag_set(tags_of(config), tag_scheme or scheme_in(config))
    except TagError as e:
        if is_needed and classifies:
            raise _scheme_error(name, tag_scheme, e) from e
        if classifies:
            warnings.warn(Errors.head_unreadable.format(name=name, reason=e), UserWarning, stacklevel=5)
        return None


def encoder_error(name: str, config: Config) -> EncoderError:
    """There is no trained head, where one is needed."""
    return EncoderError(Errors.checkpoint_is_encoder.format(name=name, tags=", ".join(tags_of(config))))


def check_weights(
    name: str, model: Any, report: dict[str, Any], folder: Path, *, is_new: bool, is_to_train: bool
) -> tuple[bool, bool]:
    """Refuse weights that are random, as they are missing or of another shape, and a head of another kind than that of
    transformers, which is read in part; transformers only logs that.

    report: what `from_pretrained` gives with `output_loading_info`.
    folder (Path): what it was given.
    is_new (bool): whether the head is a new one, so that it fits no weights that are there.
    is_to_train (bool): whether there are labels to train, so that weights of the head may be random.
    RETURNS: whether the head has weights that were there; and whether the file has any of a head, of whatever shape.
    RAISES CheckpointError: weights are of another shape, or the names of all of them have a prefix. Where nothing will
        be trained: some of the encoder are missing, or some of the head are not read; else that is a warning.
        EncoderError: those of the head are missing there.
    """
    # A prefix of all names hides all weights. Where none is missing, the file need not be read again.
    prefix = find_wrapper(model, keys_in(folder)) if report["missing_keys"] else None
    if prefix:
        raise CheckpointError(_wrapped(name, folder, prefix))
    base = f"{model.base_model_prefix}."
    head = {key for key in model.state_dict() if not key.startswith(base)}  # the encoder's own file knows no prefix
    # transformers 4 names the keys alone, 5 with their shapes.
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
    found = {"name": name, "folder": folder.as_posix() if is_folder(name) else name.rpartition("/")[2]}
    around = {"fetch": "", "then": ""}
    if not is_folder(name):
        around = {"fetch": Errors.fetch_first.format(**found), "then": Errors.name_folder.format(**found)}
    wrapper = WRAPPERS.get(prefix, OTHER_WRAPPER)
    files = weight_files(folder)
    return Errors.wrapped_weights.format(**found, **around, prefix=prefix, wrapper=wrapper, files=files)


def scheme_in(config: Config) -> str | None:
    """What `config.json` says under `tag_scheme`, which is written when a head is trained here."""
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
    """Say which of the many causes it was that a part of the checkpoint cannot be opened.

    otherwise (str): the message, unless it is one `OF_THE_HUB`.
    """
    try:
        with LOAD_LOCK:
            yield
    except BertNerError:  # in our own words already
        raise
    except BaseException as e:  # whatever transformers, tokenizers and safetensors raise of what they find in the files
        if not isinstance(e, Exception) and not is_panic(e):
            raise
        # The Hub's client tells the causes apart by class.
        causes: set[str] = set()
        cause: BaseException | None = e
        while cause is not None and len(causes) < 20:
            causes.add(type(cause).__name__)
            cause = cause.__cause__ or cause.__context__
        message = next((message for cls, message in OF_THE_HUB.items() if cls in causes), otherwise)
        raise CheckpointError(message.format(name=name, revision=revision, reason=e)) from e


def rename_tokenizer(path: Path) -> None:
    """Name a tokenizer of no special class, in its config, as both generations of transformers know it, not as 5 alone
    does."""
    config = json.loads(path.read_text(encoding="utf8"))
    if config.get("tokenizer_class") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf8")


def longest_window(model: Any, tokenizer: Any) -> int:
    """The most subwords, special ones included, that go through the encoder at once."""
    positions = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions < 1:
        # Without position embeddings only the tokenizer has a limit, which is astronomic where it has none either.
        return int(min(tokenizer.model_max_length, 512))
    for name, module in model.named_modules():
        # RoBERTa and its relatives count positions from behind that of padding.
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            return positions - int(module.padding_idx) - 1
    return positions


def padding_of(model: Any, tokenizer: Any) -> int:
    """The subword that fills up windows; the first of all, where the encoder does not know the tokenizer's own."""
    own = tokenizer.pad_token_id or 0
    return own if own < model.get_input_embeddings().weight.shape[0] else 0
