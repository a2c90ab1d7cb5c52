"""The thinc model: Docs in, the tag logits of every token's subwords out."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, Ragged
from thinc.util import torch2xp

from ..checkpoints.checkpoint import Checkpoint
from ..checkpoints.loading import LOAD_LOCK, translate_load_errors
from ..checkpoints.surgery import AUTO
from ..decoding.label_rules import ALL_LABELS, LabelRules
from ..decoding.merged_tags import distinct
from ..decoding.tag_scheme import TagSet
from ..errors import MODEL_SECTION, BertNerError, ConfigError, Errors, is_count, require_setting
from ..nn.batch_invariance import is_padding_sensitive
from ..nn.mixed_precision import PAD_TO_MULTIPLE, PRECISIONS, autocast_dtype
from ..runtimes.onnx_checkpoint import OnnxCheckpoint, has_graph
from ..runtimes.onnx_files import find_graph
from ..runtimes.onnx_runtime import OnnxRuntime
from ..runtimes.torch_runtime import TorchRuntime, compiled_forward, padding_free_forward
from ..tokenization.alignment import split_logits
from ..tokenization.batching import batch_equal, batch_packed, batch_padded
from ..tokenization.doc_windows import align_docs, split_docs
from ..tokenization.windows import stitch_indices
from ..types import ArrayXd, Floats2d
from .shared_token_classifier import build_shared_token_classifier_v1, check_tag_scheme, new_head
from .shared_token_classifier import is_shared as is_shared  # for `export` too
from .shim import CheckpointShim
from .tag_map import check_tag_map

TokenClassifier = Model[list[Doc], list[Ragged]]

CUTS = ("sentences", "tokens")
"""Where long Docs may be cut."""

DEFAULT_WINDOW = 128
"""Where none is named. Most checkpoints were fine-tuned on sentences, and miss entities in windows that are many times
as long: of the two in `benchmarks/README.md`, one loses half of its F1 in windows of 512. Besides, attention costs the
square of a window's length."""


@registry.architectures("spacy_bert_ner.TokenClassifier.v1")
def build_token_classifier_v1(
    name: Any,
    revision: Any = None,
    tag_scheme: Any = None,
    tag_map: Any = None,
    window: Any = None,
    overlap: Any = 32,
    cut_at: Any = "sentences",
    get_spans: Any = None,
    max_batch_tokens: Any = 2048,
    frozen_layers: Any = 0,
    reset_layers: Any = 0,
    gradient_checkpointing: Any = False,
    precision: Any = "fp32",
    mark_case: Any = False,
    runtime: Any = None,
) -> TokenClassifier:
    """Build a token classifier around `AutoModelForTokenClassification`. This reads no file and asks no network.

    name (str): folder or Hub name of the checkpoint that `nlp.initialize()`, or the first use, opens. A pipeline that
        was saved and loaded again uses its own weights and overrides this.
    revision (str | None): commit, branch or tag on the Hub; null for its main branch, and for a folder.
    tag_scheme (str | None): the scheme of the checkpoint's tags, "plain" or another key of `tag_scheme.PREFIXES`;
        overrides what the tags themselves and `config.json` tell. Null where they tell enough: then `B-` and `I-` are
        read as IOB2 or IOB1, `I-` and `E-` as IOE2 or IOE1. A new head is written in it; null for IOB2 there.
    tag_map (Mapping[str, str] | Sequence[Sequence[str]] | None): tags of the checkpoint and those that they stand for,
        as a table or as pairs; for names such as "LABEL_1" and "X". Saved weights have them already, and ignore it.
    window (int | None): most subwords, special ones included, that go through the encoder at once; null for all its
        positions, but no more than 128, or four times `overlap` where that is more.
    overlap (int): fewest subwords that two neighbouring windows of a long Doc share, unless they are cut at a sentence.
    cut_at (str): "sentences": where a sentence begins in the second half of a window, the next one begins there, and
        shares nothing with it; "tokens": neighbours overlap in any case.
    get_spans (Callable | None): gives, for a list of Docs, the spans of each that are its windows, in place of
        `cut_at`: such as a span getter of spacy-transformers, see `split_docs.make_span_getter_v1`. What does not go
        through the encoder at once is cut further, and what no span holds is read in windows of its own.
    max_batch_tokens (int): most subwords, padding included, in one pass through the encoder; at least those of a
        window. Bounds the memory of a prediction, and does not change the result.
    frozen_layers (int): so many of the encoder's layers, from the lowest, stay as they are in training, and with them
        the embeddings; 0 for none of either.
    reset_layers (int | str): where `nlp.initialize()` gives a checkpoint a new head, so many of the encoder's layers,
        from the highest, begin with random weights as well; see `surgery.reinit_layers`. "auto": the highest one of an
        encoder, and none of a checkpoint that was fine-tuned for tags.
    gradient_checkpointing (bool): training keeps what goes into each layer only, and computes the layer again on the
        way back: less memory, the same gradient, more time (Chen et al. 2016, https://arxiv.org/abs/1604.06174).
    precision (str): of the passes in training: "fp32", or "bf16" or "fp16" for torch's autocast, which multiplies
        matrices in bfloat16 or float16; weights, gradients and updates stay in float32 (Micikevicius et al. 2018,
        https://arxiv.org/abs/1710.03740). "auto": "bf16" where the hardware gains by it, else "fp32".
    mark_case (bool): where `nlp.initialize()` opens a checkpoint whose tokenizer lower-cases, subwords of their own
        mark capital letters from then on; see `case_markers.add_case_markers`. Others keep case, and stay as they are.
    runtime (TorchRuntime | OnnxRuntime | None): where the passes of predictions run; null for torch in float32. A
        graph that `export` has made runs on `OnnxRuntime` alone, and nothing else does.
    RETURNS (Model[List[Doc], List[Ragged]]): for each Doc a Ragged with `dataXd` of shape `(n_rows, n_tags)`, one row
        of tag logits a subword, grouped by token, and `lengths` of shape `(n_tokens,)`; see `alignment.SubwordLogits`.
    RAISES ConfigError: a setting is not allowed.
    """
    # Typed as Any so that all settings are refused in the same words, which name what is allowed.
    check = partial(require_setting, MODEL_SECTION)
    a_name = isinstance(name, str) and bool(name.strip())
    check("name", name, a_name, "a folder, or a name on the Hub")
    a_revision = revision is None or (isinstance(revision, str) and bool(revision.strip()))
    check("revision", revision, a_revision, "a commit, branch or tag on the Hub, or null")
    check_tag_scheme(tag_scheme)
    tag_map = check_tag_map(tag_map)
    check("window", window, window is None or is_count(window, 3), "a whole number from 3, or null")
    check("overlap", overlap, is_count(overlap, 0), "a whole number from 0")
    least = f"a whole number from 0, less than window = {window}; such as {(window or 0) // 4}"
    check("overlap", overlap, window is None or overlap < window, least)
    check("cut_at", cut_at, isinstance(cut_at, str) and cut_at in CUTS, ", ".join(f'"{choice}"' for choice in CUTS))
    check("get_spans", get_spans, get_spans is None or callable(get_spans), "null, or a section that names a getter")
    check("max_batch_tokens", max_batch_tokens, is_count(max_batch_tokens, 1), "a whole number from 1")
    check("frozen_layers", frozen_layers, is_count(frozen_layers, 0), "a whole number from 0, which freezes nothing")
    is_reset = reset_layers == AUTO or is_count(reset_layers, 0)
    check("reset_layers", reset_layers, is_reset, 'a whole number from 0, which resets nothing, or "auto"')
    check("gradient_checkpointing", gradient_checkpointing, isinstance(gradient_checkpointing, bool), "true, false")
    a_precision = isinstance(precision, str) and precision in PRECISIONS
    check("precision", precision, a_precision, ", ".join(f'"{choice}"' for choice in PRECISIONS))
    check("mark_case", mark_case, isinstance(mark_case, bool), "true, false")
    runtime = TorchRuntime() if runtime is None else runtime
    allowed = 'null, or a section with @misc = "spacy_bert_ner.TorchRuntime.v1" or "spacy_bert_ner.OnnxRuntime.v1"'
    check("runtime", runtime, isinstance(runtime, TorchRuntime | OnnxRuntime), allowed)
    if window is not None and window > max_batch_tokens:
        raise ConfigError(Errors.batch_too_small.format(max_batch_tokens=max_batch_tokens, window=window))
    return Model(
        "bert_token_classifier",
        forward,
        shims=[CheckpointShim()],
        attrs={
            "name": name,
            "revision": revision,
            "tag_scheme": tag_scheme,
            "tag_map": tag_map,
            "window": window,
            "overlap": overlap,
            "cut_at": cut_at,
            "get_spans": get_spans,
            "max_batch_tokens": max_batch_tokens,
            "frozen_layers": frozen_layers,
            "reset_layers": reset_layers,
            "gradient_checkpointing": gradient_checkpointing,
            "precision": precision,
            "mark_case": mark_case,
            "runtime": runtime,
            "dropout_rate": None,
        },
    )


def forward(
    model: TokenClassifier, docs: list[Doc], is_train: bool
) -> tuple[list[Ragged], Callable[[list[Ragged]], list[Doc]]]:
    """Docs → subwords → windows → batches → logits, and back to one row a subword of every token.

    RETURNS: logits of each Doc, see `build_token_classifier_v1`, and the callback that takes their gradient.
    RAISES BertNerError: see `CheckpointShim.prepare`; or the logits are not finite.
    """
    checkpoint = get_checkpoint(model)
    _shim(model).prepare()
    _check_runtime(model, checkpoint)
    ops, n_tags = model.ops, len(get_tags(model).tags)
    if is_train:
        if not checkpoint.can_train:
            raise BertNerError(Errors.exported.format(name=checkpoint.name))
        # Here, as a checkpoint may have come by any way: opened, from bytes, copied.
        _prepare_training(model, checkpoint)
        if model.attrs["dropout_rate"] is not None:
            checkpoint.set_dropout(model.attrs["dropout_rate"])

    texts = [doc.text for doc in docs]  # once, as spaCy puts it together from the tokens whenever it is asked
    encodings = checkpoint.tokenize(texts)
    # All Docs share one table of subwords: those of Doc i are rows firsts[i] to firsts[i + 1].
    firsts = np.cumsum([0, *(len(encoding.ids) for encoding in encodings)])
    alignment = align_docs(docs, texts, encodings)
    cuts_of = {key: model.attrs[key] for key in ("overlap", "cut_at", "get_spans")}
    room = _window(model, checkpoint) - checkpoint.n_special
    windows = split_docs(docs, firsts, alignment, room, **cuts_of)

    table = ops.alloc2f(int(firsts[-1]), n_tags)
    tape = []
    sizes = [window.end - window.start + checkpoint.n_special for _, window in windows]
    limit, unpadded = model.attrs["max_batch_tokens"], None if is_train else checkpoint.padding_free
    is_sensitive = is_padding_sensitive(checkpoint.model.config, max(sizes, default=0))
    arrange = batch_packed if unpadded else batch_equal if is_sensitive else batch_padded
    batches = [[windows[i] for i in batch] for batch in arrange(sizes, limit)]
    ids = ([encodings[i].ids[w.start : w.end] for i, w in members] for members in batches)
    half: torch.dtype | None = None
    inputs: Iterator[Any]
    if unpadded:
        inputs = (checkpoint.pack(members, limit) for members in ids)
    else:
        precision = model.attrs["precision"] if is_train else model.attrs["runtime"].precision
        half = autocast_dtype(precision, checkpoint.device.type)
        inputs = (checkpoint.pad(members, PAD_TO_MULTIPLE if half and not is_sensitive else 1) for members in ids)
    all_logits, backprop_batches = _shim(model)(
        inputs, is_train, half, None if is_train else unpadded or checkpoint.compiled_forward
    )
    for members, batch_logits in zip(batches, all_logits, strict=True):
        # The encoder may lie on another device than this model's arrays, if a GPU was asked for in between.
        logits: ArrayXd = torch2xp(
            batch_logits, ops=ops
        )  # (n_windows, longest, n_tags), or without padding (n, n_tags)
        begins = [int(firsts[i]) for i, _ in members]
        steps = [w.end - w.start + checkpoint.n_special if unpadded else logits.shape[1] for _, w in members]
        rows_of = np.cumsum([0, *steps[:-1]]).tolist()
        places = stitch_indices([w for _, w in members], begins, rows_of, len(checkpoint.prefix_ids))
        source, target = ops.xp.asarray(places[0]), ops.xp.asarray(places[1])
        table[target] = logits.reshape(-1, n_tags)[source]
        tape.append((logits.shape, source, target))
    if not bool(ops.xp.isfinite(table).all()):
        raise BertNerError(Errors.not_finite)

    index = ops.xp.asarray(alignment.subwords)
    output = split_logits(table[index], alignment, encodings, list(map(len, docs)), ops.xp.asarray)

    def backprop(d_output: list[Ragged]) -> list[Doc]:
        d_table = ops.alloc2f(*table.shape)
        if d_output:
            d_table[index] = ops.xp.concatenate([d.dataXd for d in d_output])
        gradients = []
        for shape, source, target in tape:
            d_logits = ops.alloc2f(shape[0] * shape[1], n_tags)
            d_logits[source] = d_table[target]
            gradients.append(d_logits.reshape(shape))
        backprop_batches(gradients)
        return docs

    return output, backprop


def get_checkpoint(model: TokenClassifier) -> Checkpoint:
    """The model's checkpoint, opened now if it names a fine-tuned one that is not loaded yet."""
    shim = _shim(model)
    if not shim.is_loaded:
        with LOAD_LOCK:  # another thread may have been faster
            if not shim.is_loaded:
                load_checkpoint(model)
    return shim.checkpoint


def get_tags(model: TokenClassifier) -> TagSet:
    """The tags of the model's logits, those of its checkpoint, which is opened now if need be."""
    return distinct(get_checkpoint(model).tags)


def load_checkpoint(
    model: TokenClassifier,
    labels: Collection[str] | None = None,
    added: Collection[str] = (),
    get_docs: Callable[[], Sequence[Doc]] = tuple,
    label_rules: LabelRules = ALL_LABELS,
) -> None:
    """Open the checkpoint that the config names; with `labels` and `added`, one that can learn them. Where the encoder
    is another component's, there is a new head for them instead, as wide as the vectors of the Docs of
    `get_docs`, which nothing else asks for. With `label_rules` the labels of a trained head get other names.

    RAISES CheckpointError: see `Checkpoint.from_pretrained`. ConfigError: the windows do not fit it.
    """
    if is_shared(model):
        _shim(model).checkpoint = cast(Checkpoint, new_head(model, get_docs, labels, added))
        return
    name, tag_map = model.attrs["name"], dict(model.attrs["tag_map"] or ())
    if path := find_graph(name, model.attrs["runtime"]):
        if labels or added:
            raise BertNerError(Errors.exported.format(name=name))
        graph = OnnxCheckpoint.from_folder(name, tag_scheme=model.attrs["tag_scheme"], tag_map=tag_map, graph=path)
        _set_checkpoint(model, graph)
        return
    keys = ("revision", "tag_scheme", "mark_case", "frozen_layers", "reset_layers")
    options = {key: model.attrs[key] for key in keys} | {"label_rules": label_rules}
    checkpoint = Checkpoint.from_pretrained(name, labels=labels, added=added, tag_map=tag_map, **options)
    n_layers, frozen, reset = checkpoint.n_layers, model.attrs["frozen_layers"], model.attrs["reset_layers"]
    if reset != AUTO and frozen <= n_layers < frozen + reset:
        limits = {"n": n_layers, "frozen": frozen, "allowed": n_layers - frozen}
        raise ConfigError(Errors.too_many_reset.format(reset=reset, name=checkpoint.name, **limits))
    _set_checkpoint(model, checkpoint)


def replace_checkpoint(model: TokenClassifier, checkpoint: Checkpoint, runtime: TorchRuntime | OnnxRuntime) -> None:
    """Put another checkpoint, and what it runs on, in the place of the model's own."""
    model.attrs["runtime"] = runtime
    _set_checkpoint(model, checkpoint)


def check_settings(model: TokenClassifier) -> None:
    """RAISES ConfigError: settings that came with bytes are such that no config may have, or do not fit its encoder."""
    settings = {key: value for key, value in model.attrs.items() if key != "dropout_rate"}
    if is_shared(model):
        like_new = build_shared_token_classifier_v1(model.layers[0], settings["tag_scheme"])
        model.attrs["max_batch_tokens"] = like_new.attrs["max_batch_tokens"]  # no setting of a config
        return
    build_token_classifier_v1(**settings)
    if has_checkpoint(model):
        replace_checkpoint(model, get_checkpoint(model), model.attrs["runtime"])


def save_checkpoint(model: TokenClassifier, folder: Path) -> None:
    """Write the checkpoint as a folder that `AutoModelForTokenClassification.from_pretrained` opens; where the encoder
    is another component's, a file with the head, and with the encoder where the listener was replaced by it."""
    if is_shared(model):
        folder.write_bytes(model.to_bytes())
    else:
        _shim(model).checkpoint.save(folder)


def restore_checkpoint(model: TokenClassifier, folder: Path) -> None:
    """Read what `save_checkpoint` wrote; never asks the network."""
    if is_shared(model):
        with translate_load_errors(str(folder), Errors.checkpoint_damaged):
            model.from_bytes(folder.read_bytes())
        return
    kind = OnnxCheckpoint if has_graph(folder) else Checkpoint
    _set_checkpoint(model, kind.from_folder(folder, tag_scheme=model.attrs["tag_scheme"]))


def has_checkpoint(model: TokenClassifier) -> bool:
    """Whether weights are loaded."""
    return _shim(model).is_loaded


def gather(model: TokenClassifier, weight: float) -> float:
    """Add up the rows that carry a loss, or their weights, in the batches that are gathered before a step.

    RETURNS: what to multiply the batch's mean gradient by, so that batches weigh by their rows and accumulation changes
        memory alone; the step divides by the sum.
    """
    return get_checkpoint(model).accumulate(weight)


def _shim(model: TokenClassifier) -> CheckpointShim:
    return cast(CheckpointShim, model.shims[0])


def _check_runtime(model: TokenClassifier, checkpoint: Checkpoint) -> None:
    """Let a graph run as the config says; refuse a runtime that the checkpoint is not for."""
    runtime = model.attrs["runtime"]
    if isinstance(checkpoint, OnnxCheckpoint):
        if not isinstance(runtime, OnnxRuntime):
            raise ConfigError(Errors.graph_on_torch.format(name=checkpoint.name))
        checkpoint.runtime = runtime
    elif isinstance(runtime, OnnxRuntime):
        raise ConfigError(Errors.torch_on_onnx.format(name=checkpoint.name))
    else:
        checkpoint.padding_free = padding_free_forward(checkpoint, runtime)
        checkpoint.compiled_forward = compiled_forward(checkpoint, runtime)


def _set_checkpoint(model: TokenClassifier, checkpoint: Checkpoint) -> None:
    _check_runtime(model, checkpoint)
    window, limit = model.attrs["window"], checkpoint.max_window
    if window is not None and window > limit:
        least = checkpoint.n_special + 1
        message = Errors.window_too_large.format(window=window, limit=limit, name=checkpoint.name, least=least)
        raise ConfigError(message)
    window = _window(model, checkpoint)
    if window > model.attrs["max_batch_tokens"]:
        raise ConfigError(
            Errors.batch_too_small.format(max_batch_tokens=model.attrs["max_batch_tokens"], window=window)
        )
    room = window - checkpoint.n_special
    if model.attrs["overlap"] >= room:
        raise ConfigError(
            Errors.overlap_too_large.format(
                overlap=model.attrs["overlap"],
                room=room,
                window=window,
                special=checkpoint.n_special,
                allowed=room - 1,
                smaller=room // 4,
            )
        )
    _prepare_training(model, checkpoint)
    _shim(model).checkpoint = checkpoint


def _prepare_training(model: TokenClassifier, checkpoint: Checkpoint) -> None:
    checkpoint.configure_training(model.attrs["frozen_layers"], model.attrs["gradient_checkpointing"])


def _window(model: TokenClassifier, checkpoint: Checkpoint) -> int:
    """The most subwords, special ones included, in a window."""
    return model.attrs["window"] or default_window(checkpoint, model.attrs["overlap"])


def default_window(checkpoint: Checkpoint, overlap: int = 0) -> int:
    """The most subwords, special ones included, in a window where the config names none."""
    return min(checkpoint.max_window, max(DEFAULT_WINDOW, 4 * overlap))


def logits_of(output: Ragged) -> Floats2d:
    """The rows of a Doc's Ragged, which thinc types more widely. *Shape:* `(n_rows, n_tags)`"""
    return cast(Floats2d, output.dataXd)
