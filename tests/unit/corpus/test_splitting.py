import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner.corpus.splitting.random_split import copies_together, parse_split, split_indices, split_units
from spacy_bert_ner.errors import CorpusError


@pytest.mark.parametrize(
    ("text", "percent"),
    [("80/10/10", [80, 10, 10]), ("90/10", [90, 10]), ("1/1/98", [1, 1, 98]), ("34/33/33", [34, 33, 33])],
)
def test_two_or_three_percentages_are_a_split(text, percent):
    assert parse_split(text) == percent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "80",
        "100",
        "80/10",
        "80/10/5/5",
        "80/10/11",
        "100/0",
        "80/20/0",
        "110/-10",
        "80/10/10/",
        "/80/20",
        "80//20",
        "80 /10/10",
        "+80/20",
        "80.0/20.0",
        "0.8/0.2",
        "80%/20%",
        "80-10-10",
        "80,20",
        "a/b",
        "8²/18",
        "٨٠/٢٠",
    ],
)
def test_anything_else_is_no_split(text):
    message = (
        f"--split {text} is invalid. Specify two or three positive whole percentages "
        "that add up to 100, such as --split 80/10/10"
    )
    with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
        parse_split(text)


def split_at_random(items, split, seed):
    return {name: [items[i] for i in part] for name, part in split_indices(len(items), split, seed).items()}


def test_the_order_is_that_of_pandas_sample():
    # `numpy.random.RandomState(42).permutation(10)` returns [8, 1, 5, 0, 7, 2, 9, 4, 3, 6].
    assert split_at_random("abcdefghij", "80/10/10", 42) == {
        "train": ["i", "b", "f", "a", "h", "c", "j", "e"],
        "dev": ["d"],
        "test": ["g"],
    }


def test_a_split_in_two_has_no_test_part():
    assert split_at_random("abcdefghij", "70/30", 42) == {
        "train": ["i", "b", "f", "a", "h", "c", "j"],
        "dev": ["e", "d", "g"],
    }


def test_the_seed_decides_the_order():
    # `numpy.random.RandomState(0).permutation(10)` returns [2, 8, 4, 9, 1, 6, 7, 3, 0, 5].
    assert split_at_random("abcdefghij", "50/50", 0) == {
        "train": ["c", "i", "e", "j", "b"],
        "dev": ["g", "h", "d", "a", "f"],
    }


@pytest.mark.parametrize(
    ("n", "split", "sizes"),
    [
        (1000, "80/10/10", [800, 100, 100]),
        (1000, "90/10", [900, 100]),
        (999, "80/10/10", [799, 100, 100]),
        (47959, "80/10/10", [38367, 4796, 4796]),
        (3, "34/33/33", [1, 1, 1]),
        (100, "98/1/1", [98, 1, 1]),
    ],
)
def test_parts_have_their_sizes_and_share_nothing(n, split, sizes):
    parts = split_at_random(range(n), split, 42)
    assert [len(part) for part in parts.values()] == sizes
    assert sorted(i for part in parts.values() for i in part) == list(range(n))


@pytest.mark.parametrize(
    ("n", "split", "part"),
    [(0, "80/20", "train"), (1, "80/20", "train"), (4, "80/10/10", "dev"), (2, "50/49/1", "dev"), (9, "90/5/5", "dev")],
)
def test_a_part_without_a_sentence_is_refused(n, split, part):
    message = (
        f"{n} sentences are too few for --split {split}, because the {part} split would "
        "be empty. Add sentences, or omit --split."
    )
    with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
        split_at_random(range(n), split, 42)


def no_labels(n):
    return np.zeros((n, 0), dtype=int)


def test_units_stay_together_and_parts_have_their_share():
    unit_of = np.repeat(np.arange(20), 5)
    parts = split_units(unit_of, no_labels(100), "80/10/10", 0)
    assert {name: len(places) for name, places in parts.items()} == {"train": 80, "dev": 10, "test": 10}
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(100))
    units = [set(unit_of[places].tolist()) for places in parts.values()]
    assert sum(map(len, units)) == 20


def test_a_rare_label_is_in_every_part():
    # Ten of a thousand sentences have the label. In a third of all cases, a random dev split lacks it.
    counts = np.zeros((1000, 2), dtype=int)
    counts[::100, 0] = 1
    counts[:, 1] = 1
    for seed in range(5):
        parts = split_units(np.arange(1000), counts, "80/10/10", seed)
        assert {name: int(counts[places, 0].sum()) for name, places in parts.items()} == {
            "train": 8,
            "dev": 1,
            "test": 1,
        }
        assert [len(places) for places in parts.values()] == [800, 100, 100]


def test_another_seed_gives_another_split_and_the_same_seed_the_same():
    one, same, other = (
        split_units(np.arange(50), no_labels(50), "50/50", seed)["train"].tolist() for seed in (1, 1, 2)
    )
    assert one == same != other


@given(st.data())
def test_every_sentence_is_in_one_part_and_every_unit_too(data):
    n = data.draw(st.integers(30, 80))
    unit_of = np.sort(np.random.default_rng(data.draw(st.integers(0, 9))).integers(0, 12, size=n))
    _, unit_of = np.unique(unit_of, return_inverse=True)
    counts = np.random.default_rng(0).integers(0, 2, size=(n, 3))
    parts = split_units(unit_of, counts, "60/20/20", 0)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(n))
    assert sum(len(set(unit_of[places].tolist())) for places in parts.values()) == unit_of.max() + 1


def test_a_large_unit_does_not_take_the_room_of_small_ones():
    unit_of = np.array([0, 1, *[2] * 8])  # 8 of 10 sentences are in the last unit
    for seed in range(5):
        parts = split_units(unit_of, no_labels(10), "60/20/20", seed)
        assert parts["train"].tolist() == [*range(2, 10)]
        assert sorted([*parts["dev"], *parts["test"]]) == [0, 1]


def test_too_few_units_for_the_parts():
    with pytest.raises(CorpusError, match="the dev split would be empty"):
        split_units(np.array([0, 0, 0, 1, 1]), no_labels(5), "80/10/10", 0)


def test_copies_go_where_the_first_of_them_is():
    parts = {"train": np.array([4, 0, 2]), "dev": np.array([1, 5]), "test": np.array([3, 6])}
    moved, n_exact, n_near = copies_together(parts, np.array([7, 8, 7, 8, 1, 7, 9]), "50/25/25")
    assert {name: places.tolist() for name, places in moved.items()} == {
        "train": [4, 0, 2, 5],
        "dev": [1, 3],
        "test": [6],
    }
    assert (n_exact, n_near) == (2, 0)


def test_near_copies_are_counted_apart():
    parts = {"train": np.array([4, 0, 2]), "dev": np.array([1, 5]), "test": np.array([3, 6, 7])}
    copies, near = np.array([7, 8, 7, 8, 1, 7, 9, 6]), np.array([7, 8, 7, 8, 1, 7, 8, 6])
    moved, n_exact, n_near = copies_together(parts, copies, "50/25/25", near)
    assert {name: places.tolist() for name, places in moved.items()} == {
        "train": [4, 0, 2, 5],
        "dev": [1, 3, 6],
        "test": [7],
    }
    assert (n_exact, n_near) == (2, 1)


def test_an_exact_copy_goes_along_with_its_near_ones():
    parts = {"train": np.array([0, 3]), "dev": np.array([1, 4]), "test": np.array([5, 2])}
    copies, near = np.array([0, 1, 1, 3, 4, 5]), np.array([0, 3, 3, 3, 4, 5])
    moved, n_exact, n_near = copies_together(parts, copies, "40/30/30", near)
    assert {name: places.tolist() for name, places in moved.items()} == {"train": [0, 3, 1, 2], "dev": [4], "test": [5]}
    # Sentence 2, which equals sentence 1, and sentence 1, which is the first of its duplicates.
    assert (n_exact, n_near) == (1, 1)


def test_without_copies_nothing_is_moved():
    parts = split_indices(50, "80/10/10", 0)
    moved, n_exact, n_near = copies_together(parts, np.arange(50), "80/10/10")
    assert (n_exact, n_near) == (0, 0)
    assert all((moved[name] == parts[name]).all() for name in parts)


def test_a_part_of_copies_alone_is_refused():
    with pytest.raises(CorpusError, match="the dev split would be empty"):
        copies_together({"train": np.array([0]), "dev": np.array([1])}, np.array([5, 5]), "50/50")
