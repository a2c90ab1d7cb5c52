"""Define tag sets in every scheme, and list their legal tag sequences."""

from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import strategies as st

from spacy_bert_ner.decoding.tag_scheme import PREFIXES, build_tag_set, tags_of_labels

TAG_SETS = {scheme: build_tag_set(tags_of_labels(["a", "b"], scheme), scheme) for scheme in PREFIXES} | {
    "IOB2 or IOB1": build_tag_set(("O", "B-a", "I-a", "B-b", "I-b")),
    "IOE2 or IOE1": build_tag_set(("O", "I-a", "E-a")),
    "without O": build_tag_set(("x", "y"), "plain"),
    "in another order, some missing": build_tag_set(("I-a", "O", "S-b", "E-b")),
    "labels that lack tags of BILUO": build_tag_set(("O", "B-a", "I-a", "L-a", "B-b", "L-b", "U-b")),
    "tags of several columns": build_tag_set(("O", "B-a", "I-a", "O", "I-a", "B-b")),
    "a label that has no B-": build_tag_set(("O", "B-a", "I-a", "I-b"), "IOB2"),
}


every_tag_set = pytest.mark.parametrize("tags", TAG_SETS.values(), ids=TAG_SETS)


def n_illegal(tags, tag_ids):
    """Count the violations of a scheme's rules in a sequence, including its start and its end.

    tag_ids: tag IDs. *Shape:* `(n_tokens,)`
    """
    tag_ids = np.asarray(tag_ids)
    if not len(tag_ids):
        return 0
    breaks = int((~tags.may_follow[tag_ids[:-1], tag_ids[1:]]).sum())
    return breaks + (not tags.may_begin[tag_ids[0]]) + (not tags.may_end[tag_ids[-1]])


@cache
def legal_sequences(tags, begins):
    """List all legal tag sequences for a chain, which can consist of several sequences."""
    starts = [i for i, begin in enumerate(begins) if begin]
    return [
        path
        for path in product(range(len(tags.tags)), repeat=len(begins))
        if not any(n_illegal(tags, path[s:e]) for s, e in pairwise([*starts, len(begins)]))
    ]


@st.composite
def chains(draw, n_tags):
    n = draw(st.integers(1, 4))
    begins = (True, *draw(st.lists(st.booleans(), min_size=n - 1, max_size=n - 1)))
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).normal(0, 3, size=(n, n_tags)), begins
