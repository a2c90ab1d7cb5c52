"""Make the logits of a window independent of the other windows in its batch and of earlier batches."""

from __future__ import annotations

import math
from typing import Any

from ..errors import CheckpointError, Errors

PADDING_SENSITIVE = frozenset(
    {
        "canine",  # strided convolutions and max-pooling merge neighbouring positions without a mask
        "convbert",  # convolutions at the last subwords extend into the padding
        "fnet",  # the Fourier transform covers all positions and takes no attention mask
        "funnel",  # pooling merges the last subwords with padding and truncates to the length of the batch
        "mobilebert",  # each embedding includes the next subword's embedding, which is padding for the last subword
        "nystromformer",  # the convolution over the values is not masked
        "yoso",  # its attention mask has no effect
    }
)
"""`model_type` of each encoder whose logits depend on padding.

`tests/unit/nn/test_batch_invariance.py` checks this set against every architecture in transformers that has a token
classifier.
"""

UNMASKED = frozenset({"fnet"})
"""`model_type` of each encoder that takes no attention mask."""

UNSUPPORTED = {
    "bros": "it needs the bounding box of each word on a page",
    "mra": "its attention needs a CUDA kernel, and without this kernel transformers replaces the attention with zeros",
}
"""`model_type` of each encoder that cannot encode plain text here, with the reason."""


def is_padding_sensitive(config: Any, longest: int) -> bool:
    """Return whether padding a window to the length of a longer window changes its logits.

    config (PretrainedConfig): config of the checkpoint.
    longest (int): length of the longest window in subwords, including special subwords.
    RETURNS (bool): True if the logits change.
    """
    return config.model_type in PADDING_SENSITIVE or longest > _longrope_limit(config)


def make_batch_invariant(model: Any, name: str) -> Any:
    """Disable a model's random behaviour and its dependence on earlier batches.

    BigBird permanently switches from sparse to full attention when it receives a short batch. Here it always uses full
    attention. YOSO can estimate its attention by random hashing. Here it uses the expected value of that estimate
    (YOSO-E: Zeng et al. 2021, https://arxiv.org/abs/2111.09714). The weights and the config stay unchanged.

    model (PreTrainedModel): token classifier from transformers. It is changed in place.
    name (str): name of the checkpoint, for error messages.
    RETURNS (PreTrainedModel): the same model.
    RAISES CheckpointError: the architecture does not support plain text, or it only supports texts of a fixed length.
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
    """Return the keyword arguments for a forward pass.

    model (PreTrainedModel): token classifier from transformers.
    ids (torch.Tensor): subword IDs in a padded batch. *Shape:* `(n_windows, longest)`
    mask (torch.Tensor): attention mask for the batch. *Shape:* `(n_windows, longest)`
    RETURNS (dict[str, torch.Tensor]): keyword arguments by name.
    """
    return {"input_ids": ids} if model.config.model_type in UNMASKED else {"input_ids": ids, "attention_mask": mask}


def _longrope_limit(config: Any) -> float:
    """Return the maximum batch length for which LongRoPE uses its short factors, or infinity if it is not used."""
    config = getattr(config, "text_config", config)
    # transformers 5 renamed this setting, can nest it by layer type, and stores the limit in it.
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    limit_in_config = getattr(config, "original_max_position_embeddings", None)
    parts = [rope, *(part for part in rope.values() if isinstance(part, dict))]
    longropes = [part for part in parts if "longrope" in (part.get("rope_type"), part.get("type"))]
    limits = (part.get("original_max_position_embeddings") or limit_in_config for part in longropes)
    return min((float(limit) for limit in limits if limit), default=math.inf)
