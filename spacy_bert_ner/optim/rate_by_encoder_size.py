"""Choose a learning rate for an encoder by its number of layers and its width.

This is the only table of rates: `initial_rate = "auto"`, `init config` and the default optimizer use it.
"""

from __future__ import annotations

_BASE = 768
_USUAL = (
    (1024, 0.00002, 0.00005),
    (_BASE, 0.00005, 0.0001),
    (256, 0.0002, 0.0003),
    (0, 0.001, float("inf")),
)
"""Rows of a minimum encoder width, a suitable learning rate for AdamW, and the highest usual learning rate.

BERT-base and BERT-large are fine-tuned at 0.00002 to 0.00005 (Devlin et al. 2019, https://arxiv.org/abs/1810.04805),
BERT-large most stably at 0.00002 (Mosbach et al. 2021, https://arxiv.org/abs/2006.04884), ELECTRA-base at 0.0001,
ELECTRA-small at 0.0003 (Clark et al. 2020, https://arxiv.org/abs/2003.10555), and BERT models down to a width of 128 at
up to 0.0003 (Turc et al. 2019, https://arxiv.org/abs/1908.08962).
"""
_MEASURED = {(6, 384): 0.00025}
"""Best measured learning rate by number of layers and width, with warm-up and decay; see `benchmarks/README.md`."""


def usual_rates(width: int) -> tuple[float, float]:
    """Return a suitable learning rate for an encoder of this width, and the upper limit of the usual range.

    width (int): dimension of the encoder's vectors.
    """
    return next((suitable, highest) for min_width, suitable, highest in _USUAL if width >= min_width)


def scheduled_rate(n_layers: int, width: int) -> float:
    """Return the highest learning rate for a schedule with warm-up and decay.

    The best measured rate is returned if it is known, and the suitable rate from `usual_rates` if it is not.

    n_layers (int): number of layers in the encoder. 0 if the layers cannot be distinguished.
    width (int): dimension of the encoder's vectors. 0 if unknown; the rate is then the one for BERT-base.
    """
    return _MEASURED.get((n_layers, width), usual_rates(width or _BASE)[0])


def is_rate_measured(n_layers: int, width: int) -> bool:
    """Return whether the learning rate for an encoder of this size is based on measurements instead of the literature.

    n_layers (int): number of layers in the encoder.
    width (int): dimension of the encoder's vectors.
    """
    return (n_layers, width) in _MEASURED
