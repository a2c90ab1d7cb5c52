"""A prediction of a BERT without padding: windows lie one after the other, and only attention tells them apart."""

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
"""The longest windows for whose attention plain products take less time than torch's fused kernel, which takes twice
their time with 27 subwords, 1.2 times with 128, and a third with 512 (MiniLM, two cores)."""

N_WEIGHTS = 1 << 18
"""How many weights attention computes at once, a megabyte of them, so that they are still near when they are read."""

HALF_FROM = 49
"""The shortest windows for whose attention products of bfloat16 take less time than those of float32."""

HALF_STEP = 32
"""To a multiple of which they are rounded up there, with padding: oneDNN multiplies these fastest, and keeps a kernel
for each shape."""


class _Layer(NamedTuple):
    """What a layer multiplies by; several `torch.nn.Linear` that read the same rows are one product."""

    queries_keys_values: Any
    attended: Any
    inner: Any
    outer: Any


class PaddingFreeForward:
    """Tag logits of windows by the weights of a checkpoint, each layer a handful of products over all their subwords.

    The sums are those of the model of transformers, in another order; dropout does not act. Weights are copied in the
    order in which oneDNN multiplies fastest when they are first needed, and again when they lie elsewhere or are
    another version of themselves; torch does not count what is written through `weight.data`, after which `forget` is
    to be called.

    model: a token classifier of transformers, of which `is_like_bert` holds.
    precision (str): of products with weights: "fp32", "bf16" or "int8". For "bf16", what goes
        from layer to layer is bfloat16 too, and attention in windows of `HALF_FROM` to `SHORT`; all else is float32.
    """

    def __init__(self, model: Any, precision: str) -> None:
        keep_freed_memory()
        self.model, self.precision = model, precision
        base = model.base_model
        self._layers = list(base.encoder.layer)
        self._padding: int | None = base.embeddings.position_embeddings.padding_idx
        # In one, so that a thread that makes them anew does not take them from another that has just looked at the key.
        self._products: tuple[tuple[Any, ...], list[_Layer]] = ((), [])

    def __call__(self, ids: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Read windows.

        ids: their subwords, special ones included, one window after the other; then padding. *Shape:* `(n_rows,)`
        lengths: of the windows. Those of the same length should be neighbours.
        RETURNS: logits. *Shape:* `(sum(lengths), n_tags)`
        """
        base = self.model.base_model
        n_padding = len(ids) - sum(lengths)
        positions = torch.cat([*map(torch.arange, lengths), torch.zeros(n_padding, dtype=torch.int64)])
        if self._padding is not None:
            # RoBERTa and its relatives count from behind the position of padding, which is that of each subword of
            # padding, also where a text names it, and they do not count these.
            counts = (ids != self._padding).cumsum(0)
            firsts = torch.arange(len(ids)) - positions
            before = torch.cat([counts.new_zeros(1), counts])[firsts]
            positions = torch.where(ids == self._padding, 0, counts - before) + self._padding
        types = torch.zeros_like(ids)  # transformers 4 has no more of them ready than the encoder has positions
        rows = base.embeddings(input_ids=ids[None], token_type_ids=types[None], position_ids=positions[None])[0]
        if getattr(base, "embeddings_project", None) is not None:  # of ELECTRA
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
        """Drop the copies, as the weights are about to change or have changed."""
        self._products = ((), [])

    def _get_products(self) -> list[_Layer]:
        parts = [_linears(layer) for layer in self._layers]
        weights = [weight for part in parts for linears in part for one in linears for weight in (one.weight, one.bias)]
        key = tuple((weight.data_ptr(), _version(weight)) for weight in weights)
        known, products = self._products
        if key != known:
            products = []  # two copies might not fit in memory
            self.forget()
            products = [_Layer(*(self._make_product(linears) for linears in part)) for part in parts]
            self._products = (key, products)
        return products

    def _make_product(self, linears: Sequence[torch.nn.Linear]) -> PackedLinear | PackedInt8Linear:
        if self.precision == "int8":
            return PackedInt8Linear(linears)
        return PackedLinear(linears, torch.bfloat16 if self.precision == "bf16" else torch.float32)


def _linears(layer: Any) -> list[tuple[torch.nn.Linear, ...]]:
    """What each product of a `_Layer` is made of."""
    attention = layer.attention
    read = (attention.self.query, attention.self.key, attention.self.value)
    return [read, (attention.output.dense,), (layer.intermediate.dense,), (layer.output.dense,)]


def _version(weight: torch.Tensor) -> int:
    """Torch counts no versions of tensors that were made in inference mode."""
    return -1 if weight.is_inference() else weight._version


def _is_gelu(act: Any) -> bool:
    return type(act).__name__ == "GELUActivation" and act.act is torch.nn.functional.gelu


class _Group(NamedTuple):
    """Neighbouring windows of the same length, from a row on."""

    begin: int
    n: int
    length: int


def _groups(lengths: Sequence[int], n_heads: int) -> list[_Group]:
    """What attention reads at once: windows of the same length, as many as `N_WEIGHTS` allows."""
    groups, begin = [], 0
    for length, same in groupby(lengths):
        n, most = len(list(same)), max(N_WEIGHTS // (n_heads * length**2), 1)
        for first in range(0, n, most):
            groups.append(_Group(begin, min(most, n - first), length))
            begin += groups[-1].n * length
    return groups


def _attend(rows: torch.Tensor, groups: Sequence[_Group], n_heads: int) -> torch.Tensor:
    """Attention of each window to itself; rows of padding get zeros.

    rows: queries, keys and values of each subword, side by side. *Shape:* `(n_rows, 3 * n_hidden)`
    RETURNS: *Shape:* `(n_rows, n_hidden)`
    """
    n_hidden = rows.shape[1] // 3
    n_each = n_hidden // n_heads
    attended = rows.new_empty(len(rows), n_hidden)
    end = 0
    for begin, n, length in groups:
        end = begin + n * length
        own = slice(begin, end)
        in_half = rows.dtype == torch.bfloat16 and HALF_FROM <= length <= SHORT
        padded = -(-length // HALF_STEP) * HALF_STEP if in_half else length
        make = torch.zeros if padded > length else torch.empty
        parts = make(3, n, n_heads, padded, n_each, dtype=torch.bfloat16 if in_half else torch.float32)
        parts[..., :length, :].copy_(rows[own].view(n, length, 3, n_heads, n_each).permute(2, 0, 3, 1, 4))
        queries, keys, values = parts.view(3, n * n_heads, padded, n_each)
        if length <= SHORT:
            products = torch.baddbmm(queries.new_zeros(()), queries, keys.mT, beta=0, alpha=n_each**-0.5)
            if padded > length:
                products[..., length:] = -torch.inf
            found = torch.bmm(products.softmax(-1), values)
        else:
            found = torch.nn.functional.scaled_dot_product_attention(queries, keys, values)
        found = found.view(n, n_heads, padded, n_each)[:, :, :length]
        attended[own].view(n, length, n_heads, n_each).copy_(found.transpose(1, 2))
    attended[end:] = 0
    return attended


def is_like_bert(model: Any) -> bool:
    """Whether `PaddingFreeForward` does what the model does."""
    config = model.config
    if config.model_type not in KINDS or getattr(config, "is_decoder", False):
        return False
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        return False
    layers = model.base_model.encoder.layer
    linears = [linear for layer in layers for part in _linears(layer) for linear in part]
    # Others, such as adapters put in their place, do more than multiply.
    return bool(linears) and all(type(linear) is torch.nn.Linear and linear.bias is not None for linear in linears)
