"""Create tiny models with random weights for every transformers architecture that has a token classifier."""

from __future__ import annotations

from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForTokenClassification, PretrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES

MODEL_TYPES = sorted(MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES)

N_SUBWORDS = 40
SIZES: dict[str, Any] = {
    **dict.fromkeys(["hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embedding_size"], 32),
    **dict.fromkeys(["num_hidden_layers", "num_layers", "n_layers", "n_layer", "encoder_layers"], 2),
    **dict.fromkeys(["num_attention_heads", "num_heads", "n_heads", "n_head", "encoder_attention_heads"], 4),
    **dict.fromkeys(["intermediate_size", "d_ff", "hidden_dim", "n_inner", "ffn_hidden_size", "encoder_ffn_dim"], 64),
    **dict.fromkeys(["max_position_embeddings", "n_positions", "max_seq_len"], 64),
    **dict.fromkeys(["num_experts", "num_local_experts", "n_routed_experts", "num_experts_per_tok"], 2),
    **dict.fromkeys(["moe_intermediate_size", "shared_expert_intermediate_size"], 32),
    **dict.fromkeys(["d_kv", "head_dim"], 8),
    "d_inner": 64,
    "num_key_value_heads": 4,
    "vocab_size": N_SUBWORDS,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
"""Values that make a model small. A config takes those that it has a setting for."""

LATENT = {"qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, "q_lora_rank": 16, "kv_lora_rank": 16}
"""Sizes for multi-head latent attention."""

LINEAR = {
    "layer_types": ["linear_attention", "full_attention"],
    **dict.fromkeys(["linear_key_head_dim", "linear_value_head_dim"], 8),
    **dict.fromkeys(["linear_num_key_heads", "linear_num_value_heads"], 2),
}
"""Settings for one layer with linear attention and one layer with full attention."""

OWN_SIZES: dict[str, dict[str, Any]] = {
    "axk1": {**LATENT, "n_routed_experts": 4, "n_group": 2, "topk_group": 1},
    "axk2": {**LATENT, "index_head_dim": 16, "index_n_heads": 2},
    "big_bird": {"block_size": 4, "num_random_blocks": 1},
    "canine": {"num_hash_buckets": 50, "local_transformer_stride": 8},
    "deepseek_v3": {**LATENT, "n_routed_experts": 4, "n_group": 2, "topk_group": 1},
    "falcon": {"num_kv_heads": 4},
    "funnel": {"block_sizes": [1, 1], "num_hidden_layers": None, "d_head": 8},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 4},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8},
    "lilt": {"hidden_size": 48},
    "longformer": {"attention_window": 4},
    "luke": {"entity_vocab_size": 5, "entity_emb_size": 8},
    "markuplm": {"xpath_unit_hidden_size": 2, "max_depth": 3},
    "mistral4": {**LATENT, "head_dim": 16},
    "mobilebert": {"true_hidden_size": 32, "intra_bottleneck_size": 32, "normalization_type": "layer_norm"},
    "nystromformer": {"conv_kernel_size": 3},
    "qwen3_5_text": LINEAR,
    "qwen3_next": LINEAR,
    "roc_bert": {"pronunciation_vocab_size": 5, "shape_vocab_size": 5},
    "xlnet": {"max_position_embeddings": None},
    "xmod": {"default_language": "en_XX"},
}
"""Settings that override `SIZES`, by model type. None keeps a setting's default value."""


def make_config(model_type: str, **changes: Any) -> Any:
    """Return a small config for an architecture."""
    return CONFIG_MAPPING[model_type](**{**_small(CONFIG_MAPPING[model_type]), **changes})


def make_model(config: Any) -> PreTrainedModel:
    """Return a token classifier with random weights only, including biases and padding, which are zero by default."""
    torch.manual_seed(0)
    model = AutoModelForTokenClassification.from_config(config).eval()
    with torch.no_grad():
        for name, param in model.named_parameters():
            is_scale = "norm" in name.lower() and name.endswith("weight") and param.dim() == 1
            param.normal_(std=0.2).add_(int(is_scale))
    return model


def _small(config_class: Any) -> dict[str, Any]:
    default = config_class()
    parts = {name: _small(type(part)) for name, part in vars(default).items() if isinstance(part, PretrainedConfig)}
    fixed = {name for name, value in vars(config_class).items() if isinstance(value, property) and value.fset is None}
    aliases = {alias for alias, name in config_class.attribute_map.items() if name in SIZES}
    sizes = {name: size for name, size in SIZES.items() if hasattr(default, name) and name not in fixed | aliases}
    settings = {**sizes, **parts, **OWN_SIZES.get(config_class.model_type, {})}
    return {name: value for name, value in settings.items() if value is not None}
