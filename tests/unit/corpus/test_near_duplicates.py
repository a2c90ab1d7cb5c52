import random
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from spacy_bert_ner.corpus.splitting import near_duplicates as near
from spacy_bert_ner.corpus.splitting.near_duplicates import NearDuplicateIndex, nearly_same, shingles
from spacy_bert_ner.corpus.splitting.union_find import DisjointSets

ALPHABET = "a b c d e f g h i j k l m n o p q r s t"


@pytest.fixture
def copies() -> Iterator[NearDuplicateIndex]:
    with closing(NearDuplicateIndex(np.arange(4))) as copies:
        yield copies


def groups(*sentences: str) -> list[int]:
    _, first, copy_of = np.unique(sentences, return_index=True, return_inverse=True)
    with closing(NearDuplicateIndex(first[copy_of.reshape(-1)])) as copies:
        for i, sentence in enumerate(sentences):
            copies.add(i, sentence.split(" "))
        return copies.groups().tolist()


def changed(sentence: str, place: int) -> str:
    words = sentence.split(" ")
    return " ".join([*words[:place], "CHANGED", *words[place + 1 :]])


def test_a_shingle_is_a_pair_of_neighbours_without_regard_to_case():
    assert shingles(["The", "cat", "saw", "the", "Cat"]) == {("the", "cat"), ("cat", "saw"), ("saw", "the")}
    assert shingles(["Straße", "5"]) == {("strasse", "5")}
    assert shingles(["one"]) == shingles([]) == frozenset()


@pytest.mark.parametrize(
    ("a", "b", "is_near"),
    [
        (ALPHABET, ALPHABET.upper(), True),
        ("a b c d e", "a b c d e f", True),  # 4 of 5 shingles in common, which is 0.8
        ("a b c d e", "a b c d e f g", False),  # 4 of 6 shingles in common
        ("a b c d e f", "x a b c d e f", True),  # 5 of 6 shingles in common
        (ALPHABET[:37], changed(ALPHABET[:37], 9), True),  # 19 words with 16 of 20 shingles in common, which is 0.8
        (ALPHABET[:35], changed(ALPHABET[:35], 9), False),  # 18 words with 15 of 19 shingles in common
        # 10 words, the last of which differs, with 8 of 10 shingles in common.
        (ALPHABET[:19], changed(ALPHABET[:19], 9), True),
        (ALPHABET[:17], changed(ALPHABET[:17], 8), False),  # 9 words with 7 of 9 shingles in common
        (ALPHABET, " ".join(reversed(ALPHABET.split())), False),
    ],
)
def test_from_four_fifths_of_their_shingles_two_sentences_are_nearly_the_same(a, b, is_near):
    assert nearly_same(shingles(a.split()), shingles(b.split())) == is_near
    assert nearly_same(shingles(b.split()), shingles(a.split())) == is_near
    assert groups(a, b) == [0, 0 if is_near else 1]


def test_sentences_of_fewer_than_five_words_are_like_equal_ones_alone():
    assert groups("Nobody came here .", "nobody came here .", "Nobody came here .") == [0, 1, 0]
    assert groups("Nobody came back here .", "nobody came back here .", "Nobody came back here .") == [0, 0, 0]


def test_sentences_hang_together_by_chains():
    a, b, c = ALPHABET[6:], ALPHABET, f"{ALPHABET} u v w"
    assert groups(a, b) == [0, 0]  # 16 of 19 shingles in common
    assert groups(b, c) == [0, 0]  # 19 of 22 shingles in common
    assert groups(a, c) == [0, 1]  # 16 of 22 shingles in common
    assert groups(a, c, b, "and now for something else", b) == [0, 0, 0, 3, 0]


def test_words_may_hold_any_character(copies):
    sentence = ["a\n", "\n", "b c", "\ud800", "é", "f"]
    copies.add(0, sentence)
    copies.add(1, [*sentence, "g"])
    assert copies.groups().tolist() == [0, 0, 2, 3]


def test_the_groups_are_those_of_comparing_each_with_each():
    rng = random.Random(0)
    words = [f"w{i}" for i in range(300)]
    sentences: list[str] = []
    for _ in range(300):
        new = rng.choices(words, k=rng.randint(4, 30))
        if sentences and rng.random() < 0.6:
            new = rng.choice(sentences).split()
            for _ in range(rng.randint(0, 2)):
                new[rng.randrange(len(new))] = rng.choice(words)
            new = new[rng.randint(0, 1) :]
        sentences.append(" ".join(new))
    union = DisjointSets(len(sentences))
    for i, a in enumerate(sentences):
        for j, b in enumerate(sentences[:i]):
            long = min(len(a.split()), len(b.split())) >= 5
            if a == b or (long and nearly_same(shingles(a.split()), shingles(b.split()))):
                union.join(i, j)
    expected = union.roots().tolist()
    assert groups(*sentences) == expected
    assert 100 < len(set(expected)) < 250


def test_in_a_crowd_later_sentences_are_compared_with_the_first_ones(monkeypatch):
    sentences = [f"{ALPHABET} {i}" for i in range(50)]
    assert groups(*sentences) == [0] * 50
    monkeypatch.setattr(near, "_CROWD", 3)
    compared = []
    monkeypatch.setattr(near, "nearly_same", lambda a, b: compared.append(a) or False)
    groups(*sentences)
    # The fifth sentence has four candidates, so neither it nor any later sentence becomes a candidate.
    assert len(compared) == 0 + 1 + 2 + 3 + 46 * 4


def test_examples_show_where_two_sentences_differ(copies):
    for i, sentence in enumerate([ALPHABET, changed(ALPHABET, 10), f"{ALPHABET} u", changed(ALPHABET, 0)]):
        copies.add(i, sentence.split())
    assert copies.examples == [
        "'… g h i j k l m n …' and '… g h i j CHANGED l m n …'",
        "'… q r s t' and '… q r s t u'",
    ]


def test_a_union_is_named_after_the_least_of_its_members():
    union = DisjointSets(7)
    for i, j in ((5, 3), (6, 5), (1, 2), (2, 2)):
        union.join(i, j)
    assert union.roots().tolist() == [0, 1, 1, 3, 4, 3, 3]
    union.join(6, 2)
    assert union.roots().tolist() == [0, 1, 1, 1, 4, 1, 1]
