"""Translate attention into a single `onnxruntime` node instead of separate products, sums and transpositions."""

from __future__ import annotations

from typing import Any

DOMAIN, NAME = "com.microsoft", "MultiHeadAttention"
MASKED = -1e30
"""Bias on the logits of masked positions. An infinite bias would produce NaN in rows without visible positions."""


def fused_attention() -> dict[Any, Any]:
    """Return a `custom_translation_table` for `torch.onnx.export` that fuses scaled dot-product attention.

    The fused node reduces an int8 graph's run time on two threads by a quarter, since `onnxruntime` transposes tensors
    slowly. Only `onnxruntime` supports the node
    (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md).
    """
    import torch

    return {torch.ops.aten.scaled_dot_product_attention.default: _translate}


def _translate(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Translate scaled dot-product attention.

    query, key, value (Any): symbolic tensors. *Shape:* `(n_windows, n_heads, longest, head_size)` each
    attn_mask (Any): Boolean mask or bias on the logits. Default: no mask.
    scale (float | None): factor for the logits; None for the inverse square root of the head size.
    RETURNS (Any): symbolic tensor. *Shape:* `(n_windows, n_heads, longest, head_size)`
    RAISES NotImplementedError: the attention is causal, is grouped or uses dropout, none of which occurs in encoders.
    """
    from onnxscript import opset18

    op: Any = opset18
    if is_causal or enable_gqa or dropout_p:
        raise NotImplementedError
    n_heads = int(query.shape[1])

    def merge_heads(x: Any) -> Any:
        return op.Reshape(op.Transpose(x, perm=[0, 2, 1, 3]), op.Constant(value_ints=[0, 0, -1]))

    bias = attn_mask
    if attn_mask is not None and attn_mask.dtype.name == "BOOL":
        bias = op.Where(attn_mask, op.Constant(value_float=0.0), op.Constant(value_float=MASKED))
    output = _attention_op()(
        merge_heads(query),
        merge_heads(key),
        merge_heads(value),
        None,
        None,
        bias,
        num_heads=n_heads,
        scale=float(query.shape[-1]) ** -0.5 if scale is None else float(scale),
    )
    return op.Transpose(op.Reshape(output, op.Constant(value_ints=[0, 0, n_heads, -1])), perm=[0, 2, 1, 3])


def _attention_op() -> Any:
    """Return the fused attention operator, and register its schema with `onnx` if necessary."""
    import onnx.defs
    from onnxscript import values

    schema = onnx.defs.OpSchema
    if not onnx.defs.has(NAME, DOMAIN):
        optional = schema.FormalParameterOption.Optional
        names = ("key", "value", "bias", "key_padding_mask", "attention_bias")
        optional_inputs = [schema.FormalParameter(name, "T", param_option=optional) for name in names]
        attr_type = schema.AttrType
        onnx.defs.register_schema(
            schema(
                NAME,
                DOMAIN,
                1,
                inputs=[schema.FormalParameter("query", "T"), *optional_inputs],
                outputs=[schema.FormalParameter("output", "T")],
                type_constraints=[("T", ["tensor(float)"], "")],
                attributes=[schema.Attribute("num_heads", attr_type.INT), schema.Attribute("scale", attr_type.FLOAT)],
            )
        )
    return getattr(values.Opset(DOMAIN, 1), NAME)
