"""Keep the logits of a window independent of the other windows in its batch, and of the batches before it."""

from __future__ import annotations

import math
from typing import Any

from ..errors import CheckpointError, Errors

PADDING_SENSITIVE = frozenset(
    {
        "canine",  # strided convolutions and max-pooling merge neighbouring positions, and are not masked
        "convbert",  # convolutions reach from the last subwords into the padding
        "fnet",  # the Fourier transform runs over all positions; there is no attention mask
        "funnel",  # pooling merges the last subwords with padding, and cuts off by the length of the batch
        "mobilebert",  # the embedding of a subword includes that of the next one, which for the last is padding
        "nystromformer",  # a convolution over the values, which are not masked
        "yoso",  # its attention mask hides nothing
    }
)
"""`model_type` of encoders whose logits depend on padding. `tests/unit/nn/test_batch_invariance.py` compares every
architecture of transformers that has a token classifier with this set."""

UNMASKED = frozenset({"fnet"})
"""`model_type` of encoders that take no attention mask."""

UNSUPPORTED = {
    "bros": "it needs the bounding box of each word on a page",
    "mra": "its attention needs a CUDA kernel, without which transformers replaces it by zeros",
}
"""`model_type` of encoders that cannot read plain text here, and the reason."""


def is_padding_sensitive(config: Any, longest: int) -> bool:
    """Whether the logits of a window change when it is padded to the length of a longer one.

    config: transformers' `PretrainedConfig`.
    longest (int): the length of the longest window, in subwords, special ones included.
    """
    return config.model_type in PADDING_SENSITIVE or longest > _longrope_limit(config)


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


def model_inputs(model: Any, ids: Any, mask: Any) -> dict[str, Any]:
    """The keyword arguments of a forward pass.

    ids, mask: of a padded batch. *Shape:* `(n_windows, longest)` each
    """
    return {"input_ids": ids} if model.config.model_type in UNMASKED else {"input_ids": ids, "attention_mask": mask}


def _longrope_limit(config: Any) -> float:
    """The longest batch in which LongRoPE rotates positions by its short factors; infinite without LongRoPE."""
    config = getattr(config, "text_config", config)
    # Transformers 5 renamed the setting, may nest it by kind of layer, and keeps the limit in it.
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    beside = getattr(config, "original_max_position_embeddings", None)
    parts = [rope, *(part for part in rope.values() if isinstance(part, dict))]
    longropes = [part for part in parts if "longrope" in (part.get("rope_type"), part.get("type"))]
    limits = (part.get("original_max_position_embeddings") or beside for part in longropes)
    return min((float(limit) for limit in limits if limit), default=math.inf)
