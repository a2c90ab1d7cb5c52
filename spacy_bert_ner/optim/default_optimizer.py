"""The optimizer of a pipeline whose config names none: spaCy's own makes an encoder forget what it knows."""

from __future__ import annotations

from typing import Any

_USUAL = ((768, 0.00005, 0.0001), (256, 0.0002, 0.0003), (0, 0.001, float("inf")))
"""From which width of an encoder on: a rate that suits it with AdamW, and the highest that is usual.

BERT-base is fine-tuned at 0.00002 to 0.00005 (Devlin et al. 2019, https://arxiv.org/abs/1810.04805), ELECTRA-base at
0.0001, ELECTRA-small at 0.0003 (Clark et al. 2020, https://arxiv.org/abs/2003.10555), and BERT models down to a width
of 128 at up to 0.0003 (Turc et al. 2019, https://arxiv.org/abs/1908.08962).
"""


def usual_rates(width: int) -> tuple[float, float]:
    """A learning rate that suits an encoder, and the highest that is usual.

    width (int): numbers in a vector of the encoder.
    """
    return next((suitable, highest) for least, suitable, highest in _USUAL if width >= least)


class DefaultOptimizer(dict[str, Any]):
    """The section `[training.optimizer]` of a pipeline that `bert_ner` was added to: AdamW at a rate for BERT-base."""

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
    """Put AdamW into the config of a pipeline that still has spaCy's default, and nothing else that trains.

    A pipeline that is made from a config file has that of the file in the end, whatever it says.

    nlp (Language): which `bert_ner` is added to.
    """
    training, defaults = nlp.config["training"], nlp.default_config["training"]
    is_spacys = training.get("optimizer") == defaults["optimizer"]
    if is_spacys and not any(getattr(pipe, "is_trainable", False) for _, pipe in nlp.components):
        training["optimizer"] = DefaultOptimizer()


def set_rate(nlp: Any, width: int) -> None:
    """Give the optimizer that `set_optimizer` has put there the rate that suits the encoder, now that it is open.

    width (int): numbers in a vector of the encoder; 0 where it is not known.
    """
    optimizer = nlp.config["training"].get("optimizer")
    if width and isinstance(optimizer, DefaultOptimizer) and optimizer == DefaultOptimizer():
        optimizer["learn_rate"] = usual_rates(width)[0]
