import re

import pytest

from spacy_bert_ner.corpus.split import parse_split, split_at_random
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
    message = f"--split {text} is not allowed. Allowed: two or three whole percentages that add up to 100: 80/10/10."
    with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
        parse_split(text)


def test_the_order_is_that_of_pandas_sample():
    # numpy.random.RandomState(42).permutation(10) is [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]
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
    # numpy.random.RandomState(0).permutation(10) is [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]
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
    message = f"{n} sentences are too few for --split {split}: the part '{part}' would be empty. Leave out --split."
    with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
        split_at_random(range(n), split, 42)
