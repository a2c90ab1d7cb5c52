"""Run a BERT encoder without padding: windows are concatenated, and only attention separates them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch

from .malloc import keep_freed_memory
from .packed_linear import PackedInt8Linear, PackedLinear

KINDS = ("bert", "camembert", "electra", "roberta", "xlm-roberta")
"""`model_type` of the checkpoints whose layers are those of BERT."""
SHORT = 128
"""Length of the longest window for which attention uses plain matrix products. Torch's fused kernel takes twice their
time with 27 subwords, 1.2 times with 128, and a third with 512 (MiniLM, two cores)."""

N_WEIGHTS = 1 << 18
"""Maximum number of attention weights computed at once. They take a megabyte, so they stay in the cache until read."""

HALF_FROM = 49
"""Length of the shortest window for which attention in bfloat16 takes less time than in float32."""

HALF_STEP = 32
"""Windows in bfloat16 are padded to a multiple of this length. oneDNN multiplies these sizes fastest, and keeps a
kernel for each shape."""


class _Layer(NamedTuple):
    """The matrix products of a layer. Several `torch.nn.Linear` with the same input are one product."""

    queries_keys_values: Any
    attended: Any
    inner: Any
    outer: Any


class PaddingFreeForward:
    """Compute tag logits of windows with the weights of a checkpoint, without padding and without dropout.

    Each layer consists of a few matrix products over the subwords of all windows. The sums are the same as in the model
    of transformers, but in another order.

    Weights are copied into the memory layout that oneDNN multiplies fastest. The copies are made at the first call, and
    again after a weight has moved in memory or its version has changed. Torch does not count writes through
    `weight.data`, so call `forget` after them.

    model (PreTrainedModel): a token classifier of transformers for which `is_like_bert` returns True.
    precision (str): precision of products with weights: "fp32", "bf16" or "int8". With "bf16", the activations between
        layers are bfloat16 too, as is attention in windows of `HALF_FROM` to `SHORT` subwords. All else is float32.
    """

    def __init__(self, model: Any, precision: str) -> None:
        keep_freed_memory()
        self.model, self.precision = model, precision
        base = model.base_model
        self._layers = list(base.encoder.layer)
        self._padding: int | None = base.embeddings.position_embeddings.padding_idx
        # The key and the products are one attribute. No thread can then replace the products after another thread has
        # checked the key.
        self._products: tuple[tuple[Any, ...], list[_Layer]] = ((), [])

    def __call__(self, ids: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Run the forward pass.

        ids: subword ids of the concatenated windows, including special ones, followed by padding. *Shape:* `(n_rows,)`
        lengths (Sequence[int]): number of subwords in each window. Windows of equal length should be adjacent.
        RETURNS: logits of the subwords, without those of padding. *Shape:* `(sum(lengths), n_tags)`
        """
        base = self.model.base_model
        n_padding = len(ids) - sum(lengths)
        positions = torch.cat([*map(torch.arange, lengths), torch.zeros(n_padding, dtype=torch.int64)])
        if self._padding is not None:
            # RoBERTa and its relatives count positions from one above the padding position. Padding subwords all have
            # the padding position and are not counted, even if the text contains them.
            counts = (ids != self._padding).cumsum(0)
            window_starts = torch.arange(len(ids)) - positions
            n_before = torch.cat([counts.new_zeros(1), counts])[window_starts]
            positions = torch.where(ids == self._padding, 0, counts - n_before) + self._padding
        types = torch.zeros_like(ids)  # the buffer of transformers 4 is only as long as the encoder has positions
        rows = base.embeddings(input_ids=ids[None], token_type_ids=types[None], position_ids=positions[None])[0]
        if getattr(base, "embeddings_project", None) is not None:  # ELECTRA
            rows = base.embeddings_project(rows)
        n_heads = self._layers[0].attention.self.num_attention_heads
        groups = _groups(lengths, n_heads)
        rows = rows.to(torch.bfloat16 if self.precision == "bf16" else torch.float32)
        for layer, products in zip(self._layers, self._get_products(), strict=True):
            attended = _attend(products.queries_keys_values(rows), groups, n_heads)
            rows = layer.attention.output.LayerNorm(products.attended(attended, spare=True) + rows)
            act = layer.intermediate.intermediate_act_fn
            inner = products.inner(rows, "gelu") if _is_gelu(act) else act(products.inner(rows))
            rows = layer.output.LayerNorm(products.outer(inner, spare=True) + rows)
        logits: torch.Tensor = self.model.classifier(rows[: len(ids) - n_padding].float())
        return logits

    def forget(self) -> None:
        """Discard the copies of the weights. Call this before or after the weights change."""
        self._products = ((), [])

    def _get_products(self) -> list[_Layer]:
        parts = [_linears(layer) for layer in self._layers]
        linears = [linear for part in parts for product in part for linear in product]
        weights = [weight for linear in linears for weight in (linear.weight, linear.bias)]
        key = tuple((weight.data_ptr(), _version(weight)) for weight in weights)
        known_key, products = self._products
        if key != known_key:
            products = []  # frees the old copies first, as two copies might not fit in memory
            self.forget()
            products = [_Layer(*(self._make_product(linears) for linears in part)) for part in parts]
            self._products = (key, products)
        return products

    def _make_product(self, linears: Sequence[torch.nn.Linear]) -> PackedLinear | PackedInt8Linear:
        if self.precision == "int8":
            return PackedInt8Linear(linears)
        return PackedLinear(linears, torch.bfloat16 if self.precision == "bf16" else torch.float32)


def _linears(layer: Any) -> list[tuple[torch.nn.Linear, ...]]:
    """Return the `torch.nn.Linear` modules of each product of a `_Layer`."""
    attention = layer.attention
    queries_keys_values = (attention.self.query, attention.self.key, attention.self.value)
    return [queries_keys_values, (attention.output.dense,), (layer.intermediate.dense,), (layer.output.dense,)]


def _version(weight: torch.Tensor) -> int:
    """Return the version of a tensor, or -1 if it was created in inference mode, in which torch counts no versions."""
    return -1 if weight.is_inference() else weight._version


def _is_gelu(act: Any) -> bool:
    return type(act).__name__ == "GELUActivation" and act.act is torch.nn.functional.gelu


class _Group(NamedTuple):
    """Adjacent windows of equal length: their first row, their number, and the length of each."""

    first_row: int
    n: int
    length: int


def _groups(lengths: Sequence[int], n_heads: int) -> list[_Group]:
    """Group windows of equal length for attention, as many as `N_WEIGHTS` allows."""
    groups, row = [], 0
    for length, same in groupby(lengths):
        n, max_windows = len(list(same)), max(N_WEIGHTS // (n_heads * length**2), 1)
        for i in range(0, n, max_windows):
            groups.append(_Group(row, min(max_windows, n - i), length))
            row += groups[-1].n * length
    return groups


def _attend(rows: torch.Tensor, groups: Sequence[_Group], n_heads: int) -> torch.Tensor:
    """Compute self-attention within each window. Padding rows get zeros.

    rows: concatenated queries, keys and values of each subword. *Shape:* `(n_rows, 3 * n_hidden)`
    RETURNS: *Shape:* `(n_rows, n_hidden)`
    """
    n_hidden = rows.shape[1] // 3
    n_per_head = n_hidden // n_heads
    attended = rows.new_empty(len(rows), n_hidden)
    end = 0
    for start, n, length in groups:
        end = start + n * length
        group = slice(start, end)
        in_half = rows.dtype == torch.bfloat16 and HALF_FROM <= length <= SHORT
        padded = -(-length // HALF_STEP) * HALF_STEP if in_half else length
        allocate = torch.zeros if padded > length else torch.empty
        parts = allocate(3, n, n_heads, padded, n_per_head, dtype=torch.bfloat16 if in_half else torch.float32)
        parts[..., :length, :].copy_(rows[group].view(n, length, 3, n_heads, n_per_head).permute(2, 0, 3, 1, 4))
        queries, keys, values = parts.view(3, n * n_heads, padded, n_per_head)
        if length <= SHORT:
            products = torch.baddbmm(queries.new_zeros(()), queries, keys.mT, beta=0, alpha=n_per_head**-0.5)
            if padded > length:
                products[..., length:] = -torch.inf
            context = torch.bmm(products.softmax(-1), values)
        else:
            context = torch.nn.functional.scaled_dot_product_attention(queries, keys, values)
        context = context.view(n, n_heads, padded, n_per_head)[:, :, :length]
        attended[group].view(n, length, n_heads, n_per_head).copy_(context.transpose(1, 2))
    attended[end:] = 0
    return attended


def is_like_bert(model: Any) -> bool:
    """Return whether `PaddingFreeForward` computes the same function as a model.

    model (PreTrainedModel): a token classifier of transformers.
    """
    config = model.config
    if config.model_type not in KINDS or getattr(config, "is_decoder", False):
        return False
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        return False
    layers = model.base_model.encoder.layer
    linears = [linear for layer in layers for part in _linears(layer) for linear in part]
    # Replacements of `torch.nn.Linear`, such as adapters, do more than multiply.
    return bool(linears) and all(type(linear) is torch.nn.Linear and linear.bias is not None for linear in linears)
