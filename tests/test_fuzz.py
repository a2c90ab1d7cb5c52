"""Damaged at random, files and bytes give a result or one of the package's own errors; see `fuzzing.py`."""

import random

import pytest
from fuzzing import FILES, TARGETS, damage, survives

N = 200
SLOW = {"from_bytes": 20, **dict.fromkeys(FILES, 20)}
"""Fewer of what takes long."""


@pytest.mark.fuzz
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.usefixtures("no_collection")
def test_what_is_damaged_is_read_or_refused(name, tmp_path):
    seed, read = TARGETS[name]
    whole, rng = seed(), random.Random(name)
    assert survives(read, whole, tmp_path)
    n_refused = sum(not survives(read, damage(whole, rng), tmp_path) for _ in range(SLOW.get(name, N)))
    assert n_refused > 0
