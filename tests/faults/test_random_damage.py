"""Test that randomly damaged files and bytes cause either a result or one of the package's errors. See `fuzzing.py`."""

import random

import pytest
from fuzzing import FILES, TARGETS, damage, survives
from hypothesis import settings

pytestmark = pytest.mark.usefixtures("few_exceptions")

N = settings.default.max_examples
"""Number of examples: 1,000 in the `nightly` profile, and 20 in `dev`."""
SLOW = {"from_bytes": N // 5, **dict.fromkeys(FILES, N // 5)}
"""Reduced numbers of examples for slow targets."""


@pytest.mark.fuzz
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.usefixtures("no_collection")
def test_what_is_damaged_is_read_or_refused(name, tmp_path):
    seed, read = TARGETS[name]
    whole, rng = seed(), random.Random(name)
    assert survives(read, whole, tmp_path)
    n_refused = sum(not survives(read, damage(whole, rng), tmp_path) for _ in range(SLOW.get(name, N)))
    assert n_refused > 0
