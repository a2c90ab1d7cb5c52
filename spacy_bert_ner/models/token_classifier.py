"""Build the thinc model that computes tag logits for the subwords of each token in a Doc."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, Ops, Ragged
from thinc.util import torch2xp

from ..checkpoints.checkpoint import Checkpoint
from ..checkpoints.config_labels import labels_in_config
from ..checkpoints.loading import LOAD_LOCK, translate_load_errors
from ..checkpoints.resizing import AUTO
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
from ..tokenization.alignment import Alignment, split_logits
from ..tokenization.batching import batch_equal, batch_packed, batch_padded
from ..tokenization.doc_windows import align_docs, split_docs
from ..tokenization.window_cuts import Window, stitch_indices
from ..types import ArrayXd, Encoding, Ints1d, TagLogits
from .shared_token_classifier import build_shared_token_classifier_v1, check_tag_scheme, is_shared, new_head
from .shim import CheckpointShim
from .tag_map import check_tag_map

TokenClassifier = Model[list[Doc], list[Ragged]]

CUTS = ("sentences", "tokens")
"""Values of the setting `cut_at`, which determines where long Docs are cut."""

DEFAULT_WINDOW = 128
"""Default window size in subwords. Most checkpoints were fine-tuned on sentences and miss entities in windows that are
many times longer than a sentence. One of the two checkpoints in `benchmarks/README.md` loses half of its F1 with 512
subwords per window. The cost of attention also grows with the square of the window size."""


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
    """Build a token classifier around `AutoModelForTokenClassification` without reading files or accessing the network.

    name (str): checkpoint folder or Hub name. `nlp.initialize()` or the first use loads it. A saved pipeline contains
        its own weights and ignores this setting.
    revision (str | None): commit, branch or tag on the Hub. Null (default) selects the main branch. It must be null for
        a folder.
    tag_scheme (str | None): scheme of the checkpoint's tags: "plain", another key of `tag_scheme.PREFIXES`, or an alias
        such as "BIO"; see `tag_scheme.find_scheme`. It overrides the scheme inferred from the tags and `config.json`.
        Null (default) uses the inferred scheme: IOB2 or IOB1 for `B-` and `I-`, IOE2 or IOE1 for `I-` and `E-`. A new
        head uses this scheme, or IOB2 for null.
    tag_map (Mapping[str, str] | Sequence[Sequence[str]] | None): new names for the checkpoint's tags, such as "LABEL_1"
        and "X", as a table or as pairs. Default: null. Saved weights already have the new names and ignore this
        setting.
    window (int | None): maximum number of subwords in a window, including special subwords. Null (default) uses all
        positions of the encoder, but at most 128 or four times `overlap`, whichever is greater.
    overlap (int): minimum number of subwords shared by adjacent windows of a long Doc. Default: 32. Windows cut at a
        sentence boundary share no subwords.
    cut_at (str): "sentences" (default) starts the next window at a sentence that begins in the second half of a window,
        without overlap. "tokens" always overlaps adjacent windows.
    get_spans (Callable | None): function that takes a list of Docs and returns each Doc's windows as spans, such as a
        span getter from spacy-transformers. It replaces `cut_at`; see `split_docs.make_span_getter_v1`. Spans longer
        than a window are cut again. Text outside the spans gets separate windows. Default: null.
    max_batch_tokens (int): maximum number of subwords in a batch, including padding. Default: 2048. It must be at least
        the window size. It limits the memory needed for prediction and does not change the result.
    frozen_layers (int): number of bottom encoder layers that training does not change. A number above 0 also freezes
        the embeddings. Default: 0.
    reset_layers (int | str): number of top encoder layers that get random weights when `nlp.initialize()` creates a
        new head; see `resizing.reinit_layers`. "auto" resets the top layer of an encoder, but no layer of a checkpoint
        that was fine-tuned for tagging. Default: 0.
    gradient_checkpointing (bool): in training, store only the input of each layer and recompute the layer in the
        backward pass. This takes less memory and more time, and gives the same gradient (Chen et al. 2016,
        https://arxiv.org/abs/1604.06174). Default: false.
    precision (str): training precision. "fp32" (default), or "bf16" or "fp16" for torch's autocast, which multiplies
        matrices in bfloat16 or float16. Weights, gradients and updates stay in float32 (Micikevicius et al. 2018,
        https://arxiv.org/abs/1710.03740). "auto" is "bf16" if the hardware benefits from it, otherwise "fp32".
    mark_case (bool): add subwords that mark capital letters when `nlp.initialize()` loads a checkpoint with a
        lower-casing tokenizer; see `case_markers.add_case_markers`. Other tokenizers do not change. Default: false.
    runtime (TorchRuntime | OnnxRuntime | None): runtime for predictions. Null (default) means torch in float32. ONNX
        graphs, such as those that `export` writes, require `OnnxRuntime`, which cannot run other checkpoints.
    RETURNS (Model[List[Doc], List[Ragged]]): for each Doc, a Ragged with one row of tag logits for each subword,
        grouped by token; see `alignment.SubwordLogits`. *Shape:* `dataXd` `(n_rows, n_tags)`, `lengths` `(n_tokens,)`
    RAISES ConfigError: a setting is invalid.
    """
    # Typed as Any: `require_setting` then rejects every bad value with the same message, which states what is allowed.
    check = partial(require_setting, MODEL_SECTION)
    is_name = isinstance(name, str) and bool(name.strip())
    check("name", name, is_name, "a folder, or the name of a repository on the Hugging Face Hub")
    is_revision = revision is None or (isinstance(revision, str) and bool(revision.strip()))
    check("revision", revision, is_revision, "a commit, branch or tag on the Hugging Face Hub, or null")
    tag_scheme = check_tag_scheme(tag_scheme)
    tag_map = check_tag_map(tag_map)
    check("window", window, window is None or is_count(window, 3), "a whole number of at least 3, or null")
    check("overlap", overlap, is_count(overlap, 0), "a whole number of at least 0")
    least = f"a whole number of at least 0 that is less than window = {window}, such as {(window or 0) // 4}"
    check("overlap", overlap, window is None or overlap < window, least)
    check("cut_at", cut_at, isinstance(cut_at, str) and cut_at in CUTS, ", ".join(f'"{choice}"' for choice in CUTS))
    check(
        "get_spans",
        get_spans,
        get_spans is None or callable(get_spans),
        "null, or a section that defines a span getter",
    )
    check("max_batch_tokens", max_batch_tokens, is_count(max_batch_tokens, 1), "a whole number of at least 1")
    check(
        "frozen_layers",
        frozen_layers,
        is_count(frozen_layers, 0),
        "a whole number of at least 0, where 0 freezes nothing",
    )
    is_reset = reset_layers == AUTO or is_count(reset_layers, 0)
    check("reset_layers", reset_layers, is_reset, 'a whole number of at least 0, where 0 resets nothing, or "auto"')
    check("gradient_checkpointing", gradient_checkpointing, isinstance(gradient_checkpointing, bool), "true, false")
    is_precision = isinstance(precision, str) and precision in PRECISIONS
    check("precision", precision, is_precision, ", ".join(f'"{choice}"' for choice in PRECISIONS))
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


class _EncodedDocs(NamedTuple):
    """Docs encoded as subwords and split into windows. The logits of all Docs share one array with one row per subword.

    encodings (list[Encoding]): subwords, one encoding per Doc.
    doc_starts (Ints1d): row of the first subword of each Doc, then the number of rows. *Shape:* `(n_docs + 1,)`
    alignment (Alignment): alignment of the tokens and subwords of all Docs.
    windows (list[tuple[int, Window]]): windows of all Docs, each with the index of its Doc.
    """

    encodings: list[Encoding]
    doc_starts: Ints1d
    alignment: Alignment
    windows: list[tuple[int, Window]]


class _BatchPlan(NamedTuple):
    """Batches of windows and the way to run them.

    batches (list[list[tuple[int, Window]]]): windows of each batch, each with the index of its Doc.
    inputs (Iterator[Any]): forward-pass arguments for each batch, computed on demand.
    is_packed (bool): whether a batch concatenates its windows without padding.
    dtype (torch.dtype | None): autocast dtype; None for float32.
    run (Callable | None): forward pass for predictions. None for `Checkpoint.forward`.
    """

    batches: list[list[tuple[int, Window]]]
    inputs: Iterator[Any]
    is_packed: bool
    dtype: torch.dtype | None
    run: Callable[..., torch.Tensor] | None


class _Stitched(NamedTuple):
    """The logits of all Docs and the batch rows from which they were copied.

    logits (ArrayXd): one row per subword. *Shape:* `(n_subwords, n_tags)`
    scatter_log (list[tuple[tuple[int, ...], ArrayXd, ArrayXd]]): for each batch, the shape of its logits, the copied
        rows in the batch and their rows in `logits`. *Shape:* `(n_kept,)` each
    """

    logits: ArrayXd
    scatter_log: list[tuple[tuple[int, ...], ArrayXd, ArrayXd]]


def forward(
    model: TokenClassifier, docs: list[Doc], is_train: bool
) -> tuple[list[Ragged], Callable[[list[Ragged]], list[Doc]]]:
    """Compute the tag logits of Docs by encoding them, running batches of windows and stitching the window logits.

    model (TokenClassifier): the model.
    docs (list[Doc]): the Docs.
    is_train (bool): whether to apply dropout and allow the backward pass.
    RETURNS (tuple[list[Ragged], Callable]): the logits of each Doc, as in `build_token_classifier_v1`, and the
        backward-pass callback, which takes their gradient.
    RAISES BertNerError: the weights cannot be used in this process (see `CheckpointShim.prepare`), or the logits are
        not finite.
    """
    checkpoint, shim, ops = get_checkpoint(model), _shim(model), model.ops
    shim.prepare()
    _check_runtime(model, checkpoint)
    if is_train:
        _configure_training_pass(model, checkpoint)
    encoded = _encode(model, checkpoint, docs)
    plan = _plan_batches(model, checkpoint, encoded, is_train)
    batch_logits, backprop_batches = shim(plan.inputs, is_train, plan.dtype, plan.run)
    logits, scatter_log = _stitch(checkpoint, encoded, plan, batch_logits, ops)
    if not bool(ops.xp.isfinite(logits).all()):
        raise BertNerError(Errors.not_finite)
    subword_rows = ops.xp.asarray(encoded.alignment.subwords)
    lengths = list(map(len, docs))
    output = split_logits(logits[subword_rows], encoded.alignment, encoded.encodings, lengths, ops.xp.asarray)

    def backprop(d_output: list[Ragged]) -> list[Doc]:
        d_logits = ops.alloc2f(*logits.shape)
        if d_output:
            d_logits[subword_rows] = ops.xp.concatenate([d.dataXd for d in d_output])
        backprop_batches(_unstitch(d_logits, scatter_log, ops))
        return docs

    return output, backprop


def _configure_training_pass(model: TokenClassifier, checkpoint: Checkpoint) -> None:
    """Apply the training settings. The checkpoint may have been loaded, deserialized or copied since the last pass.

    RAISES BertNerError: the checkpoint is an exported graph.
    """
    if not checkpoint.can_train:
        raise BertNerError(Errors.exported.format(name=checkpoint.name))
    _prepare_training(model, checkpoint)
    if model.attrs["dropout_rate"] is not None:
        checkpoint.set_dropout(model.attrs["dropout_rate"])


def _encode(model: TokenClassifier, checkpoint: Checkpoint, docs: list[Doc]) -> _EncodedDocs:
    """Encode Docs, align their tokens with subwords and split them into windows."""
    texts = [doc.text for doc in docs]  # only once, because spaCy joins the tokens at each access
    encodings = checkpoint.tokenize(texts)
    doc_starts = np.cumsum([0, *(len(encoding.ids) for encoding in encodings)])
    alignment = align_docs(docs, texts, encodings)
    max_content = _window(model, checkpoint) - checkpoint.n_special
    window_settings = {key: model.attrs[key] for key in ("overlap", "cut_at", "get_spans")}
    windows = split_docs(docs, doc_starts, alignment, max_content, **window_settings)
    return _EncodedDocs(encodings, doc_starts, alignment, windows)


def _plan_batches(model: TokenClassifier, checkpoint: Checkpoint, encoded: _EncodedDocs, is_train: bool) -> _BatchPlan:
    """Group windows into batches and choose the forward pass, precision and padding."""
    limit, windows = model.attrs["max_batch_tokens"], encoded.windows
    sizes = [window.end - window.start + checkpoint.n_special for _, window in windows]
    is_sensitive = is_padding_sensitive(checkpoint.model.config, max(sizes, default=0))
    padding_free = None if is_train else checkpoint.padding_free
    arrange = batch_packed if padding_free else batch_equal if is_sensitive else batch_padded
    batches = [[windows[i] for i in batch] for batch in arrange(sizes, limit)]
    ids = ([encoded.encodings[doc].ids[w.start : w.end] for doc, w in batch] for batch in batches)
    if padding_free:
        inputs: Iterator[Any] = (checkpoint.pack(batch_ids, limit) for batch_ids in ids)
        return _BatchPlan(batches, inputs, True, None, padding_free)
    precision = model.attrs["precision"] if is_train else model.attrs["runtime"].precision
    dtype = autocast_dtype(precision, checkpoint.device.type)
    multiple = PAD_TO_MULTIPLE if dtype and not is_sensitive else 1
    inputs = (checkpoint.pad(batch_ids, multiple) for batch_ids in ids)
    return _BatchPlan(batches, inputs, False, dtype, None if is_train else checkpoint.compiled_forward)


def _stitch(
    checkpoint: Checkpoint, encoded: _EncodedDocs, plan: _BatchPlan, batch_logits: Sequence[torch.Tensor], ops: Ops
) -> _Stitched:
    """Combine the logits of overlapping windows into one row per subword. Each row is copied from a single window.

    batch_logits: logits for each batch. *Shape:* `(n_windows, longest, n_tags)` each, or `(n, n_tags)` if packed
    """
    n_tags, n_prefix = len(distinct(checkpoint.tags).tags), len(checkpoint.prefix_ids)
    stitched: ArrayXd = ops.alloc2f(int(encoded.doc_starts[-1]), n_tags)
    scatter_log = []
    for batch, torch_logits in zip(plan.batches, batch_logits, strict=True):
        # If a GPU was requested after the model was created, the encoder and the model's arrays may be on different
        # devices.
        logits: ArrayXd = torch2xp(torch_logits, ops=ops)
        if plan.is_packed:
            lengths = [window.end - window.start + checkpoint.n_special for _, window in batch]
        else:
            lengths = [logits.shape[1]] * len(batch)
        row_offsets = np.cumsum([0, *lengths[:-1]]).tolist()
        doc_starts = [int(encoded.doc_starts[doc]) for doc, _ in batch]
        indices = stitch_indices([window for _, window in batch], doc_starts, row_offsets, n_prefix)
        source, target = map(ops.xp.asarray, indices)
        stitched[target] = logits.reshape(-1, n_tags)[source]
        scatter_log.append((logits.shape, source, target))
    return _Stitched(stitched, scatter_log)


def _unstitch(
    d_stitched: ArrayXd, scatter_log: Sequence[tuple[tuple[int, ...], ArrayXd, ArrayXd]], ops: Ops
) -> list[ArrayXd]:
    """Split the gradient of stitched logits by batch. This is the backward pass of `_stitch`."""
    gradients = []
    for shape, source, target in scatter_log:
        d_logits: ArrayXd = ops.alloc2f(shape[0] * shape[1], d_stitched.shape[1])
        d_logits[source] = d_stitched[target]
        gradients.append(d_logits.reshape(shape))
    return gradients


def get_checkpoint(model: TokenClassifier) -> Checkpoint:
    """Return a model's checkpoint. If no weights are loaded, first load the checkpoint named in the config.

    model (TokenClassifier): the model.
    RETURNS (Checkpoint): the checkpoint.
    RAISES CheckpointError, ConfigError: see `load_checkpoint`.
    """
    shim = _shim(model)
    if not shim.is_loaded:
        with LOAD_LOCK:  # another thread may have loaded it in the meantime
            if not shim.is_loaded:
                load_checkpoint(model)
    return shim.checkpoint


def get_tags(model: TokenClassifier) -> TagSet:
    """Return the tag of each logit column, and load the checkpoint if necessary.

    model (TokenClassifier): the model.
    RETURNS (TagSet): the tags.
    RAISES CheckpointError, ConfigError: see `load_checkpoint`.
    """
    return distinct(get_checkpoint(model).tags)


def expected_labels(model: TokenClassifier, label_rules: LabelRules = ALL_LABELS) -> tuple[str, ...]:
    """Return a model's labels.

    Before weights are loaded, the labels are read from the checkpoint's config if the config is stored locally.

    model (TokenClassifier): the model.
    label_rules (LabelRules): rules for renaming the labels of a trained head.
    RETURNS (tuple[str, ...]): the sorted labels; see `config_labels.labels_in_config`.
    """
    if has_checkpoint(model):
        return get_tags(model).labels
    if is_shared(model):
        return ()
    options = {key: model.attrs[key] for key in ("revision", "tag_scheme")} | {"label_rules": label_rules}
    return labels_in_config(model.attrs["name"], tag_map=dict(model.attrs["tag_map"] or ()), **options)


def load_checkpoint(
    model: TokenClassifier,
    labels: Collection[str] | None = None,
    added: Collection[str] = (),
    get_docs: Callable[[], Sequence[Doc]] = tuple,
    label_rules: LabelRules = ALL_LABELS,
) -> None:
    """Load the checkpoint named in the config, or create a new head for a model on shared vectors.

    model (TokenClassifier): the model.
    labels (Collection[str] | None), added (Collection[str]): labels that the checkpoint must be able to learn; see
        `Checkpoint.from_pretrained`.
    get_docs (Callable): function that returns Docs. Their vectors determine the width of a new head on shared vectors.
    label_rules (LabelRules): rules for renaming the labels of a trained head.
    RAISES CheckpointError: see `Checkpoint.from_pretrained`. ConfigError: the windows do not fit the checkpoint.
        BertNerError: labels are given, but the checkpoint is an exported graph.
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
    """Replace a model's checkpoint and runtime.

    model (TokenClassifier): the model.
    checkpoint (Checkpoint): the new checkpoint.
    runtime (TorchRuntime | OnnxRuntime): the new runtime.
    RAISES ConfigError: the runtime or the windows do not fit the checkpoint.
    """
    model.attrs["runtime"] = runtime
    _set_checkpoint(model, checkpoint)


def check_settings(model: TokenClassifier) -> None:
    """Validate the settings of a model loaded from bytes.

    model (TokenClassifier): the model.
    RAISES ConfigError: a setting is invalid or does not fit the encoder.
    """
    settings = {key: value for key, value in model.attrs.items() if key != "dropout_rate"}
    if is_shared(model):
        like_new = build_shared_token_classifier_v1(model.layers[0], settings["tag_scheme"])
        model.attrs["max_batch_tokens"] = like_new.attrs["max_batch_tokens"]  # the config has no such setting
        return
    build_token_classifier_v1(**settings)
    if has_checkpoint(model):
        replace_checkpoint(model, get_checkpoint(model), model.attrs["runtime"])


def save_checkpoint(model: TokenClassifier, folder: Path) -> None:
    """Write the checkpoint as a folder that `AutoModelForTokenClassification.from_pretrained` can load.

    A model on shared vectors is written as a file that contains its head. If the listener was replaced, the file also
    contains the encoder.

    model (TokenClassifier): the model.
    folder (Path): path of the folder or file.
    """
    if is_shared(model):
        folder.write_bytes(model.to_bytes())
    else:
        _shim(model).checkpoint.save(folder)


def restore_checkpoint(model: TokenClassifier, folder: Path) -> None:
    """Load a checkpoint written by `save_checkpoint`, without accessing the network.

    model (TokenClassifier): the model.
    folder (Path): path of the folder or file.
    RAISES CheckpointError: the files are damaged. ConfigError: the settings of the model do not fit the checkpoint.
    """
    if is_shared(model):
        with translate_load_errors(str(folder), Errors.checkpoint_damaged):
            model.from_bytes(folder.read_bytes())
        return
    kind = OnnxCheckpoint if has_graph(folder) else Checkpoint
    _set_checkpoint(model, kind.from_folder(folder, tag_scheme=model.attrs["tag_scheme"]))


def has_checkpoint(model: TokenClassifier) -> bool:
    """Return whether weights are loaded.

    model (TokenClassifier): the model.
    """
    return _shim(model).is_loaded


def add_batch_weight(model: TokenClassifier, weight: float) -> float:
    """Add the weight of a batch to the total weight for the next step.

    The returned factor weights each batch by its number of rows. The step divides the sum of the gradients by the
    total weight. Gradient accumulation therefore saves memory without changing the result.

    model (TokenClassifier): the model.
    weight (float): number of rows with a loss, or the sum of their weights.
    RETURNS (float): factor for the mean gradient of the batch.
    """
    return _shim(model).training_state.add_batch(weight)


def _shim(model: TokenClassifier) -> CheckpointShim:
    return cast(CheckpointShim, model.shims[0])


def _check_runtime(model: TokenClassifier, checkpoint: Checkpoint) -> None:
    """Set up the configured runtime for a checkpoint, or fail if it cannot run this type of checkpoint."""
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
    max_content = window - checkpoint.n_special
    if model.attrs["overlap"] >= max_content:
        raise ConfigError(
            Errors.overlap_too_large.format(
                overlap=model.attrs["overlap"],
                room=max_content,
                window=window,
                special=checkpoint.n_special,
                allowed=max_content - 1,
                smaller=max_content // 4,
            )
        )
    _prepare_training(model, checkpoint)
    _shim(model).checkpoint = checkpoint


def _prepare_training(model: TokenClassifier, checkpoint: Checkpoint) -> None:
    checkpoint.configure_training(model.attrs["frozen_layers"], model.attrs["gradient_checkpointing"])


def _window(model: TokenClassifier, checkpoint: Checkpoint) -> int:
    """Return the window size in subwords, including special subwords."""
    return model.attrs["window"] or default_window(checkpoint, model.attrs["overlap"])


def default_window(checkpoint: Checkpoint, overlap: int = 0) -> int:
    """Return the default window size for a checkpoint.

    checkpoint (Checkpoint): the checkpoint.
    overlap (int): minimum number of subwords shared by adjacent windows. Default: 0.
    RETURNS (int): maximum number of subwords in a window, including special subwords.
    """
    return min(checkpoint.max_window, max(DEFAULT_WINDOW, 4 * overlap))


def logits_of(output: Ragged) -> TagLogits:
    """Return the logits of a Doc, with a narrower type than thinc's `Ragged.dataXd`.

    output (Ragged): the logits of a Doc.
    RETURNS (TagLogits): the logits. *Shape:* `(n_rows, n_tags)`
    """
    return cast(TagLogits, output.dataXd)
