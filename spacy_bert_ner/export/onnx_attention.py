"""Attention as one node of onnxruntime, in the place of the products, sums and turned tensors that it is made of."""

from __future__ import annotations

from typing import Any

DOMAIN, NAME = "com.microsoft", "MultiHeadAttention"
BARRED = -1e30
"""What is added to the logit of a position that is not to be seen; an infinite one would leave rows without a number
where none is seen."""


def fused_attention() -> dict[Any, Any]:
    """What `torch.onnx.export` takes as `custom_translation_table`, for models whose attention is one call of torch's.

    With it a graph in eight bits takes three quarters of the time on two threads, where onnxruntime is slow to turn
    tensors. The node is onnxruntime's own (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md).
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
    """Attention over `(n_windows, n_heads, longest, n_each)`, and its result in the same shape.

    RAISES NotImplementedError: it is of a kind that encoders do not have.
    """
    from onnxscript import opset18

    op: Any = opset18
    if is_causal or enable_gqa or dropout_p:
        raise NotImplementedError
    n_heads = int(query.shape[1])

    def flat(x: Any) -> Any:
        return op.Reshape(op.Transpose(x, perm=[0, 2, 1, 3]), op.Constant(value_ints=[0, 0, -1]))

    bias = attn_mask
    if attn_mask is not None and attn_mask.dtype.name == "BOOL":
        bias = op.Where(attn_mask, op.Constant(value_float=0.0), op.Constant(value_float=BARRED))
    found = _node()(
        flat(query),
        flat(key),
        flat(value),
        None,
        None,
        bias,
        num_heads=n_heads,
        scale=float(query.shape[-1]) ** -0.5 if scale is None else float(scale),
    )
    return op.Transpose(op.Reshape(found, op.Constant(value_ints=[0, 0, n_heads, -1])), perm=[0, 2, 1, 3])


def _node() -> Any:
    import onnx.defs
    from onnxscript import values

    schema = onnx.defs.OpSchema
    if not onnx.defs.has(NAME, DOMAIN):
        optional = schema.FormalParameterOption.Optional
        names = ("key", "value", "bias", "key_padding_mask", "attention_bias")
        others = [schema.FormalParameter(name, "T", param_option=optional) for name in names]
        number = schema.AttrType
        onnx.defs.register_schema(
            schema(
                NAME,
                DOMAIN,
                1,
                inputs=[schema.FormalParameter("query", "T"), *others],
                outputs=[schema.FormalParameter("output", "T")],
                type_constraints=[("T", ["tensor(float)"], "")],
                attributes=[schema.Attribute("num_heads", number.INT), schema.Attribute("scale", number.FLOAT)],
            )
        )
    return getattr(values.Opset(DOMAIN, 1), NAME)
