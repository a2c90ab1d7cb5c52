"""Set a default optimizer that suits fine-tuning. With spaCy's default, an encoder loses its pretrained weights."""

from __future__ import annotations

from typing import Any

_USUAL = ((768, 0.00005, 0.0001), (256, 0.0002, 0.0003), (0, 0.001, float("inf")))
"""Minimum encoder width, suitable learning rate for AdamW and highest usual learning rate.

BERT-base is fine-tuned at 0.00002 to 0.00005 (Devlin et al. 2019, https://arxiv.org/abs/1810.04805), ELECTRA-base at
0.0001, ELECTRA-small at 0.0003 (Clark et al. 2020, https://arxiv.org/abs/2003.10555), and BERT models down to a width
of 128 at up to 0.0003 (Turc et al. 2019, https://arxiv.org/abs/1908.08962).
"""


def usual_rates(width: int) -> tuple[float, float]:
    """Return a suitable learning rate for an encoder of this width, and the upper limit of the usual range.

    width (int): dimension of the encoder's vectors.
    """
    return next((suitable, highest) for min_width, suitable, highest in _USUAL if width >= min_width)


class DefaultOptimizer(dict[str, Any]):
    """The default `[training.optimizer]` section: AdamW with a learning rate for BERT-base."""

    def __init__(self) -> None:
        super().__init__(
            {
                "@optimizers": "spacy_bert_ner.AdamW.v1",
                "learn_rate": usual_rates(768)[0],
                "beta1": 0.9,
                "beta2": 0.999,
                "eps": 1e-8,
                "weight_decay": 0.01,
                "decay_all": False,
                "grad_clip": 1.0,
                "clip": "global",
                "head_rate": 5.0,
                "layer_decay": 1.0,
                "use_averages": False,
            }
        )


def set_optimizer(nlp: Any) -> None:
    """Select AdamW if the pipeline has spaCy's default optimizer and no trainable components.

    When a pipeline is created from a config file, the optimizer in the file replaces this one.

    nlp (Language): the pipeline to which `bert_ner` is being added.
    """
    training, defaults = nlp.config["training"], nlp.default_config["training"]
    is_spacys = training.get("optimizer") == defaults["optimizer"]
    if is_spacys and not any(getattr(pipe, "is_trainable", False) for _, pipe in nlp.components):
        training["optimizer"] = DefaultOptimizer()


def set_rate(nlp: Any, width: int) -> None:
    """Adapt the learning rate chosen by `set_optimizer` to the width of the loaded encoder.

    nlp (Language): the pipeline.
    width (int): dimension of the encoder's vectors. 0 if unknown.
    """
    optimizer = nlp.config["training"].get("optimizer")
    if width and isinstance(optimizer, DefaultOptimizer) and optimizer == DefaultOptimizer():
        optimizer["learn_rate"] = usual_rates(width)[0]
