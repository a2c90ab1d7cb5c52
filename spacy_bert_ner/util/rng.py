"""Where the random generators of Python, NumPy and torch are, as tensors."""

from __future__ import annotations

import random

import numpy as np
import torch

States = dict[str, torch.Tensor]


def get_rng_state(*, with_gpu: bool = True) -> States:
    """The states of all generators of this process.

    with_gpu (bool): that of the current GPU too, where there is one.
    RETURNS: integers as `int64`, numbers as `float64`, which keeps all of their bits, and torch's bytes as they are.
    """
    _, words, gauss = random.getstate()
    _, keys, place, has_gauss, cached = np.random.get_state(legacy=True)
    states = {
        "python": torch.tensor(words, dtype=torch.int64),
        "python_gauss": torch.tensor([] if gauss is None else [gauss], dtype=torch.float64),
        "numpy": torch.from_numpy(np.asarray(keys).astype(np.int64)),
        "numpy_place": torch.tensor([place, has_gauss, cached], dtype=torch.float64),
        "torch": torch.get_rng_state(),
    }
    if with_gpu and torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_rng_state(states: States) -> None:
    """Put the generators where they were. That of a GPU stays where it is if none was kept, or there is no GPU."""
    gauss = states["python_gauss"].tolist()
    random.setstate((3, tuple(states["python"].tolist()), gauss[0] if gauss else None))
    place, has_gauss, cached = states["numpy_place"].tolist()
    np.random.set_state(("MT19937", states["numpy"].numpy().astype(np.uint32), int(place), int(has_gauss), cached))
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


class IsolatedRng:
    """Who draws in such a block, as reading data does, takes nothing from others, and gets the same whatever they draw.

    states: to begin from; None for those of now, so that the first draws are those without this.
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
