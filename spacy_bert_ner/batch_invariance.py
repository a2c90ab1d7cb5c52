"""Keep the logits of a window independent of chance and of earlier batches."""

from __future__ import annotations

from typing import Any

from .errors import CheckpointError, Errors

UNSUPPORTED = {
    "bros": "it needs the bounding box of each word on a page",
    "mra": "its attention needs a CUDA kernel, without which transformers replaces it by zeros",
}
"""`model_type` of encoders that cannot read plain text here, and the reason."""


def make_batch_invariant(model: Any, name: str) -> Any:
    """Switch off what depends on chance or on earlier batches; the weights and the config stay as they are.

    BigBird switches from sparse to full attention at the first short batch, and never back. It gets full attention.
    YOSO may estimate its attention by random hashing. It gets the expectation of that estimate (YOSO-E: Zeng et al.
    2021, https://arxiv.org/abs/2111.09714).

    model: a token classifier of transformers, which is changed in place.
    name (str): of the checkpoint, for messages.
    RETURNS: the model.
    RAISES CheckpointError: the architecture cannot read texts of any length.
    """
    config = model.config
    kind = config.model_type
    if kind in UNSUPPORTED:
        raise CheckpointError(Errors.unsupported_architecture.format(name=name, kind=kind, reason=UNSUPPORTED[kind]))
    if kind == "nystromformer" and config.num_landmarks != config.segment_means_seq_len:
        sizes = {"landmarks": config.num_landmarks, "length": config.segment_means_seq_len}
        raise CheckpointError(Errors.fixed_length.format(name=name, **sizes))
    if kind == "big_bird":
        model.base_model.set_attention_type("original_full")
    if kind == "yoso":
        for module in model.modules():
            if hasattr(module, "use_expectation"):
                module.use_expectation = True
    return model
