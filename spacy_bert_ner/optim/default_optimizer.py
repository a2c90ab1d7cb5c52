"""Set a default optimizer that suits fine-tuning. With spaCy's default, an encoder loses its pretrained weights."""

from __future__ import annotations

from typing import Any

from .rate_by_encoder_size import usual_rates


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
