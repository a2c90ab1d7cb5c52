"""Run a BERT encoder without padding: concatenate the windows, and separate them only in attention."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch

from .malloc import keep_freed_memory
from .packed_linear import PackedInt8Linear, PackedLinear

KINDS = ("bert", "camembert", "electra", "roberta", "xlm-roberta")
"""`model_type` of each architecture that has the same layers as BERT."""
SHORT = 128
"""Length of the longest window for which attention uses plain matrix products.

Relative to these products, torch's fused kernel takes twice the time with 27 subwords, 1.2 times the time with 128, and
a third of the time with 512 (MiniLM, two cores).
"""

N_WEIGHTS = 1 << 18
"""Maximum number of attention weights to compute at once. They take 1 MB, so they stay in the CPU cache."""

HALF_FROM = 49
"""Length of the shortest window for which attention is faster in bfloat16 than in float32."""

HALF_STEP = 32
"""Padding step in subwords. Window lengths in bfloat16 are rounded up to a multiple of this step.

oneDNN multiplies matrices with these sizes fastest, and it keeps a kernel for each shape.
"""


class _Layer(NamedTuple):
    """The matrix products in a layer. `torch.nn.Linear` modules with the same input are combined into one product."""

    queries_keys_values: Any
    attended: Any
    inner: Any
    outer: Any


class PaddingFreeForward:
    """A forward pass that computes tag logits with a checkpoint's weights, without padding and without dropout.

    Each layer consists of a few matrix products over the subwords of all windows. The sums have the same terms as in
    the transformers model, but in a different order.

    The weights are copied into the memory layout that oneDNN multiplies fastest. The copies are created in the first
    call. They are created again if a weight has moved in memory or if its version has changed. torch does not count
    writes through `weight.data`, so call `forget` after such writes.

    model (PreTrainedModel): token classifier from transformers for which `is_like_bert` returns True.
    precision (str): precision of the products with weights: "fp32", "bf16" or "int8". With "bf16", the activations
        between layers are also bfloat16, and so is attention in windows with `HALF_FROM` to `SHORT` subwords.
        Everything else is float32.
    """

    def __init__(self, model: Any, precision: str) -> None:
        keep_freed_memory()
        self.model, self.precision = model, precision
        base = model.base_model
        self._layers = list(base.encoder.layer)
        self._padding: int | None = base.embeddings.position_embeddings.padding_idx
        # The key and the products share one attribute, so that no thread can replace the products after another thread
        # has checked the key.
        self._products: tuple[tuple[Any, ...], list[_Layer]] = ((), [])

    def __call__(self, ids: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Run the forward pass.

        ids (torch.Tensor): subword IDs of the concatenated windows, including special subwords, followed by padding.
            *Shape:* `(n_rows,)`
        lengths (Sequence[int]): number of subwords in each window. Windows with equal lengths should be adjacent.
        RETURNS (torch.Tensor): logits of the subwords, excluding padding. *Shape:* `(sum(lengths), n_tags)`
        """
        base = self.model.base_model
        n_padding = len(ids) - sum(lengths)
        positions = torch.cat([*map(torch.arange, lengths), torch.zeros(n_padding, dtype=torch.int64)])
        if self._padding is not None:
            # RoBERTa and related models start to count positions at the padding position plus 1. Padding subwords all
            # have the padding position and are not counted, even if they occur in the text.
            counts = (ids != self._padding).cumsum(0)
            window_starts = torch.arange(len(ids)) - positions
            n_before = torch.cat([counts.new_zeros(1), counts])[window_starts]
            positions = torch.where(ids == self._padding, 0, counts - n_before) + self._padding
        types = torch.zeros_like(ids)  # the buffer in transformers 4 is limited to the encoder's number of positions
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
        """Discard the copies of the weights, so that the next call creates them again."""
        self._products = ((), [])

    def _get_products(self) -> list[_Layer]:
        parts = [_linears(layer) for layer in self._layers]
        linears = [linear for part in parts for product in part for linear in product]
        weights = [weight for linear in linears for weight in (linear.weight, linear.bias)]
        key = tuple((weight.data_ptr(), _version(weight)) for weight in weights)
        known_key, products = self._products
        if key != known_key:
            products = []  # free the old copies first, because two copies might not fit in memory
            self.forget()
            products = [_Layer(*(self._make_product(linears) for linears in part)) for part in parts]
            self._products = (key, products)
        return products

    def _make_product(self, linears: Sequence[torch.nn.Linear]) -> PackedLinear | PackedInt8Linear:
        if self.precision == "int8":
            return PackedInt8Linear(linears)
        return PackedLinear(linears, torch.bfloat16 if self.precision == "bf16" else torch.float32)


def _linears(layer: Any) -> list[tuple[torch.nn.Linear, ...]]:
    """Return the `torch.nn.Linear` modules for each product in a `_Layer`."""
    attention = layer.attention
    queries_keys_values = (attention.self.query, attention.self.key, attention.self.value)
    return [queries_keys_values, (attention.output.dense,), (layer.intermediate.dense,), (layer.output.dense,)]


def _version(weight: torch.Tensor) -> int:
    """Return a tensor's version, or -1 if it was created in inference mode, where torch does not count versions."""
    return -1 if weight.is_inference() else weight._version


def _is_gelu(act: Any) -> bool:
    return type(act).__name__ == "GELUActivation" and act.act is torch.nn.functional.gelu


class _Group(NamedTuple):
    """A group of adjacent windows with equal lengths: its first row, the number of windows and their length."""

    first_row: int
    n: int
    length: int


def _groups(lengths: Sequence[int], n_heads: int) -> list[_Group]:
    """Group adjacent windows with equal lengths for attention, with as many windows per group as `N_WEIGHTS` allows."""
    groups, row = [], 0
    for length, same in groupby(lengths):
        n, max_windows = len(list(same)), max(N_WEIGHTS // (n_heads * length**2), 1)
        for i in range(0, n, max_windows):
            groups.append(_Group(row, min(max_windows, n - i), length))
            row += groups[-1].n * length
    return groups


def _attend(rows: torch.Tensor, groups: Sequence[_Group], n_heads: int) -> torch.Tensor:
    """Compute self-attention in each window, and set padding rows to zero.

    rows (torch.Tensor): concatenated queries, keys and values of each subword. *Shape:* `(n_rows, 3 * n_hidden)`
    groups (Sequence[_Group]): groups of windows, in the order of the rows.
    n_heads (int): number of attention heads.
    RETURNS (torch.Tensor): attention output for each subword. *Shape:* `(n_rows, n_hidden)`
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

    model (PreTrainedModel): token classifier from transformers.
    RETURNS (bool): True if both compute the same function.
    """
    config = model.config
    if config.model_type not in KINDS or getattr(config, "is_decoder", False):
        return False
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        return False
    layers = model.base_model.encoder.layer
    linears = [linear for layer in layers for part in _linears(layer) for linear in part]
    # Replacements for `torch.nn.Linear`, such as adapters, compute more than a matrix product.
    return bool(linears) and all(type(linear) is torch.nn.Linear and linear.bias is not None for linear in linears)
