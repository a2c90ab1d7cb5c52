"""Keep the logits of a window independent of the other windows in its batch, and of earlier batches."""

from __future__ import annotations

import math
from typing import Any

from ..errors import CheckpointError, Errors

PADDING_SENSITIVE = frozenset(
    {
        "canine",  # strided convolutions and max-pooling merge neighbouring positions and are not masked
        "convbert",  # convolutions extend from the last subwords into the padding
        "fnet",  # the Fourier transform covers all positions; there is no attention mask
        "funnel",  # pooling merges the last subwords with padding, and truncates by the length of the batch
        "mobilebert",  # the embedding of a subword includes that of the next one, which is padding for the last
        "nystromformer",  # the convolution over the values is not masked
        "yoso",  # its attention mask has no effect
    }
)
"""`model_type` of encoders whose logits depend on padding. `tests/unit/nn/test_batch_invariance.py` compares this set
with every architecture of transformers that has a token classifier."""

UNMASKED = frozenset({"fnet"})
"""`model_type` of encoders that take no attention mask."""

UNSUPPORTED = {
    "bros": "it needs the bounding box of each word on a page",
    "mra": "its attention needs a CUDA kernel, without which transformers replaces it by zeros",
}
"""`model_type` of encoders that cannot encode plain text here, and the reason."""


def is_padding_sensitive(config: Any, longest: int) -> bool:
    """Return whether the logits of a window change if it is padded to the length of a longer window.

    config (PretrainedConfig): config of the checkpoint.
    longest (int): length of the longest window in subwords, including special ones.
    """
    return config.model_type in PADDING_SENSITIVE or longest > _longrope_limit(config)


def make_batch_invariant(model: Any, name: str) -> Any:
    """Disable random behaviour and dependence on earlier batches. The weights and the config stay unchanged.

    BigBird switches from sparse to full attention at the first short batch, and never back. Here it always uses full
    attention. YOSO may estimate its attention by random hashing. Here it uses the expectation of that estimate (YOSO-E:
    Zeng et al. 2021, https://arxiv.org/abs/2111.09714).

    model (PreTrainedModel): a token classifier of transformers, changed in place.
    name (str): name of the checkpoint, for error messages.
    RETURNS (PreTrainedModel): the model.
    RAISES CheckpointError: the architecture does not support plain text, or only texts of a fixed length.
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
    """Return the keyword arguments of a forward pass.

    model (PreTrainedModel): a token classifier of transformers.
    ids (torch.Tensor): subword ids of a padded batch. *Shape:* `(n_windows, longest)`
    mask (torch.Tensor): attention mask of the batch. *Shape:* `(n_windows, longest)`
    """
    return {"input_ids": ids} if model.config.model_type in UNMASKED else {"input_ids": ids, "attention_mask": mask}


def _longrope_limit(config: Any) -> float:
    """Return the length of the longest batch that LongRoPE rotates by its short factors; infinity without LongRoPE."""
    config = getattr(config, "text_config", config)
    # Transformers 5 renamed the setting, may nest it by layer type, and stores the limit inside it.
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    limit_in_config = getattr(config, "original_max_position_embeddings", None)
    parts = [rope, *(part for part in rope.values() if isinstance(part, dict))]
    longropes = [part for part in parts if "longrope" in (part.get("rope_type"), part.get("type"))]
    limits = (part.get("original_max_position_embeddings") or limit_in_config for part in longropes)
    return min((float(limit) for limit in limits if limit), default=math.inf)
