"""Save, restore and isolate the states of the random number generators (RNGs) of Python, NumPy and torch."""

from __future__ import annotations

import random

import numpy as np
import torch

States = dict[str, torch.Tensor]
"""A mapping from names to RNG states, stored as tensors."""


def get_rng_state(*, with_gpu: bool = True) -> States:
    """Return the states of all RNGs in this process.

    with_gpu (bool): whether to include the RNG of the current GPU, if there is one. Default: True.
    RETURNS (States): RNG states by name. Integers are stored as `int64`, and floats are stored as `float64`, which
        preserves all bits. torch states remain bytes. *Shape:* `(n,)` each; `n` depends on the RNG
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
    """Restore the states of all RNGs in this process.

    The GPU's RNG stays unchanged if its state was not saved or if there is no GPU.

    states (States): result of `get_rng_state`.
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
    """A context manager that gives a block, such as one that reads data, separate RNG states.

    Random numbers drawn in the block do not affect other code, and other code does not affect the block. If the context
    manager is used again, the new block continues where the last block ended. The RNGs of GPUs are not isolated.

    states (States | None): initial states. None means the current states, so that the first numbers drawn are the same
        as without isolation. Default: None.
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
