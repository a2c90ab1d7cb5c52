"""Translate attention into one node of onnxruntime, instead of products, sums and transposed tensors."""

from __future__ import annotations

from typing import Any

DOMAIN, NAME = "com.microsoft", "MultiHeadAttention"
MASKED = -1e30
"""Bias on the logit of a masked position. An infinite one would make rows without visible positions NaN."""


def fused_attention() -> dict[Any, Any]:
    """Return the `custom_translation_table` of `torch.onnx.export` for models whose attention is one call in torch.

    With it, an int8 graph takes three quarters of the time on two threads, since onnxruntime is slow to transpose
    tensors. Only onnxruntime has the node (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md).
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
    attn_mask (Any): boolean mask, or bias on the logits; None without a mask.
    scale (float | None): factor for the logits; None for the inverse square root of the head size.
    RETURNS (Any): symbolic tensor. *Shape:* `(n_windows, n_heads, longest, head_size)`
    RAISES NotImplementedError: the attention is causal, grouped or with dropout, which encoders do not use.
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
    """Return the operator of the node, and register its schema with onnx if necessary."""
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
