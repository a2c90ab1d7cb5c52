"""Damaged at random, files and bytes give a result or one of the package's own errors; see `fuzzing.py`."""

import random

import pytest
from fuzzing import FILES, TARGETS, damage, survives
from hypothesis import settings

pytestmark = pytest.mark.usefixtures("few_exceptions")

N = settings.default.max_examples
"""1000 with the profile `nightly`, and 20 with `dev`."""
SLOW = {"from_bytes": N // 5, **dict.fromkeys(FILES, N // 5)}
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
