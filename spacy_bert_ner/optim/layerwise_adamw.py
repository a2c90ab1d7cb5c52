"""Register AdamW with the learning rates, weight decay and gradient clipping usual in BERT fine-tuning."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from functools import partial
from typing import Any

from thinc.api import Optimizer, registry

from ..errors import OPTIMIZER_SECTION, is_number, require_setting
from ..nn.parameter_depth import ParameterDepth

CLIPS = ("global", "each")


class AdamW(Optimizer):
    """AdamW with a separate learning rate for each layer depth.

    The algorithm is that of Loshchilov & Hutter (2019, https://arxiv.org/abs/1711.05101). `step.apply_optimizer` reads
    the fields added by this class. When thinc calls the optimizer for other components' weights, the optimizer behaves
    like thinc's Adam: one learning rate, decay for all weights, and separate clipping for each parameter's gradient.
    """

    __slots__ = ("clip", "decay_all", "head_rate", "layer_decay")

    clip: str
    decay_all: bool
    head_rate: float
    layer_decay: float

    def rate(self, depth: ParameterDepth) -> float:
        """Return the learning rate for a parameter depth at the current step.

        depth (ParameterDepth): depth of the parameter.
        """
        if depth.is_head:
            return self.learn_rate * self.head_rate
        return self.learn_rate * self.layer_decay ** (depth.n_layers - depth.level)

    def decay(self, n_dimensions: int) -> float:
        """Return the weight decay for a parameter. By default, biases and norms (one dimension) do not decay.

        n_dimensions (int): number of dimensions of the parameter.
        """
        return self.L2 if self.decay_all or n_dimensions > 1 else 0.0


@registry.optimizers("spacy_bert_ner.AdamW.v1")
def make_adamw_v1(
    learn_rate: Any = 0.0002,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = 0.01,
    decay_all: Any = False,
    grad_clip: Any = 1.0,
    clip: Any = "global",
    head_rate: Any = 1.0,
    layer_decay: Any = 1.0,
    use_averages: Any = False,
) -> AdamW:
    """Create the optimizer for `[training.optimizer]`.

    `learn_rate`, `beta1`, `beta2`, `eps`, `weight_decay` and `grad_clip` can also be schedules.

    learn_rate (float): learning rate for the top encoder layer. Default: 0.0002.
    beta1, beta2 (float): decay rates for the first and second moments. Defaults: 0.9 and 0.999.
    eps (float): constant added to the square root of the second moment. Default: 1e-8.
    weight_decay (float): decay coefficient. Each step subtracts the product of the learning rate, this coefficient and
        the weight. Default: 0.01.
    decay_all (bool): whether biases and layer norms also decay. Default: false, as in BERT's training.
    grad_clip (float): maximum gradient norm. Default: 1.0. 0 turns clipping off.
    clip (str): scope of the maximum norm. "global" (default): the joint gradient of the component, as in
        `torch.nn.utils.clip_grad_norm_`. "each": the gradient of each parameter, as in thinc.
    head_rate (float): learning rate for the head as a multiple of `learn_rate`. Default: 1.0.
    layer_decay (float): learning rate for each encoder layer as a multiple of the rate for the layer above it. Default:
        1.0. The embeddings count as the bottom layer (Howard & Ruder 2018, https://arxiv.org/abs/1801.06146;
        Clark et al. 2020, https://arxiv.org/abs/2003.10555).
    use_averages (bool): whether to evaluate and save the moving average of the weights. Default: false.
    RETURNS (AdamW): the optimizer.
    RAISES ConfigError: a setting is invalid.
    """
    # The settings are typed as Any, so that this function checks them. All errors then have the same form and name the
    # allowed values.
    check = partial(require_setting, OPTIMIZER_SECTION)
    numbers = {
        "learn_rate": (learn_rate, lambda n: n >= 0, "a number of at least 0, such as 0.0002, or a schedule"),
        "beta1": (beta1, lambda n: 0 < n < 1, "a number between 0 and 1, such as 0.9"),
        "beta2": (beta2, lambda n: 0 < n < 1, "a number between 0 and 1, such as 0.999"),
        "eps": (eps, lambda n: n > 0, "a number above 0, such as 0.00000001"),
        "weight_decay": (weight_decay, lambda n: n >= 0, "a number of at least 0, such as 0.01"),
        "grad_clip": (grad_clip, lambda n: n >= 0, "a number of at least 0, such as 1.0, or 0 for no clipping"),
    }
    for key, (value, _, allowed) in numbers.items():
        check(key, value, is_number(value) or _is_schedule(value), allowed)
    for key, value in (("decay_all", decay_all), ("use_averages", use_averages)):
        check(key, value, isinstance(value, bool), "true, false")
    check("clip", clip, isinstance(clip, str) and clip in CLIPS, ", ".join(f'"{choice}"' for choice in CLIPS))
    check("head_rate", head_rate, is_number(head_rate) and head_rate > 0, "a number above 0, such as 1.0")
    is_share = is_number(layer_decay) and 0 < layer_decay <= 1
    check("layer_decay", layer_decay, is_share, "a number above 0 and at most 1, such as 0.85, or 1 for no decay")

    optimizer = AdamW(
        learn_rate,
        L2=weight_decay,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        grad_clip=grad_clip,
        use_averages=use_averages,
        L2_is_weight_decay=True,
    )
    attributes = {"beta1": "b1", "beta2": "b2", "weight_decay": "L2"}
    for key, (_, allows, allowed) in numbers.items():
        value = getattr(optimizer, attributes.get(key, key))  # the first value of a schedule
        check(key, value, is_number(value) and allows(value), allowed)
    optimizer.clip = clip
    optimizer.decay_all = decay_all
    optimizer.head_rate = head_rate
    optimizer.layer_decay = layer_decay
    return optimizer


def _is_schedule(value: object) -> bool:
    return hasattr(value, "__next__") or (isinstance(value, list) and bool(value))
