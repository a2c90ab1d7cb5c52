"""Save, restore and isolate the states of the random number generators (RNGs) of Python, NumPy and torch."""

from __future__ import annotations

import random

import numpy as np
import torch

States = dict[str, torch.Tensor]
"""RNG states as tensors by name."""


def get_rng_state(*, with_gpu: bool = True) -> States:
    """Return the states of all RNGs of this process.

    with_gpu (bool): include the RNG of the current GPU, if there is one. Default: True.
    RETURNS: integers as `int64`; floats as `float64`, which keeps all their bits; and the bytes of torch unchanged.

    *Shape:* each tensor has one dimension, whose length depends on the RNG.
    """
    _, words, gauss = random.getstate()
    _, keys, position, has_gauss, cached_gauss = np.random.get_state(legacy=True)
    states = {
        "python": torch.tensor(words, dtype=torch.int64),
        "python_gauss": torch.tensor([] if gauss is None else [gauss], dtype=torch.float64),
        "numpy": torch.from_numpy(np.asarray(keys).astype(np.int64)),
        "numpy_place": torch.tensor([position, has_gauss, cached_gauss], dtype=torch.float64),
        "torch": torch.get_rng_state(),
    }
    if with_gpu and torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_rng_state(states: States) -> None:
    """Restore the states of all RNGs.

    The RNG of the GPU is unchanged if its state was not saved, or if there is no GPU.

    states: the result of `get_rng_state`.

    *Shape:* as in `get_rng_state`.
    """
    gauss = states["python_gauss"].tolist()
    random.setstate((3, tuple(states["python"].tolist()), gauss[0] if gauss else None))
    position, has_gauss, cached_gauss = states["numpy_place"].tolist()
    keys = states["numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, int(position), int(has_gauss), cached_gauss))
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


class IsolatedRng:
    """Give a block, such as reading data, RNG states that are separate from those of all other code.

    Drawing within the block does not change the random numbers of other code, and the reverse holds too. A second block
    continues where the first ended. GPUs are not included.

    states: states to start from. Default: None, the current states, so the first draws are the same as without this.
    """

    def __init__(self, states: States | None = None) -> None:
        self.states = get_rng_state(with_gpu=False) if states is None else states
        self._outside: States = {}

    def __enter__(self) -> None:
        self._outside = get_rng_state(with_gpu=False)
        set_rng_state(self.states)

    def __exit__(self, *exception: object) -> None:
        self.states = get_rng_state(with_gpu=False)
        set_rng_state(self._outside)
