import numpy as np
import pytest

from spacy_bert_ner.decoding.tag_scheme import build_tag_set
from spacy_bert_ner.decoding.viterbi import decode_tags, mask_forbidden_starts, subword_chain, token_chain
from spacy_bert_ner.types import EntityConstraints

IOB2 = build_tag_set(("O", "B-org", "I-org", "B-per", "I-per"), "IOB2")
NONE = np.zeros(7, dtype=bool)


def flags(n, *places):
    return np.isin(np.arange(n), places)


def obstacles(n, blocked=(), occupied=(), boundary=()):
    return EntityConstraints(*(flags(n, *places) for places in (blocked, occupied, boundary)))


def test_the_drawn_case_of_chain():
    found = token_chain(np.array([1, 2, 0, 1, 1, 1, 1]), obstacles(7, occupied=[4], boundary=[6]))
    assert found.token_indices.tolist() == [0, 1, 3, 5, 6]
    assert found.first_rows.tolist() == [0, 1, 3, 5, 6]  # the first subword of each token; token 1 has two subwords
    assert found.is_start.tolist() == [True, False, False, True, True]
    assert found.follows_entity.tolist() == [False, False, False, True, False]


def test_the_drawn_case_of_chain_with_a_joined_token():
    found = token_chain(np.array([1, 2, 0, 1, 1, 1, 1, 0]), obstacles(8, occupied=[4], boundary=[6]), flags(8, 7))
    assert found.token_indices.tolist() == [0, 1, 3, 5, 6]
    assert found.ends.tolist() == [1, 2, 4, 6, 8]
    assert found.is_start.tolist() == [True, False, False, True, True]
    assert found.follows_entity.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("found", "tokens", "ends", "begins", "behind"),
    [
        # Tokens 1 and 2 share a subword with token 0.
        (obstacles(4), [0, 3], [3, 4], [True, False], [False, False]),
        (obstacles(4, boundary=[2]), [0, 3], [2, 4], [True, True], [False, False]),
        (obstacles(4, occupied=[1]), [0, 3], [1, 4], [True, True], [False, False]),
        (obstacles(4, occupied=[2]), [0, 3], [2, 4], [True, True], [False, True]),
        (obstacles(4, blocked=[1, 2]), [0, 3], [1, 4], [True, True], [False, False]),
        # If the first token is in an entity, all joined tokens are in it, too.
        (obstacles(4, occupied=[0]), [3], [4], [True], [False]),
        (obstacles(4, occupied=[0, 1, 2]), [3], [4], [True], [True]),
    ],
)
def test_an_entity_takes_up_joined_tokens_as_far_as_it_may(found, tokens, ends, begins, behind):
    own = token_chain(np.array([1, 0, 0, 1]), found, flags(4, 1, 2))
    assert own.token_indices.tolist() == tokens
    assert own.ends.tolist() == ends
    assert own.is_start.tolist() == begins
    assert own.follows_entity.tolist() == behind


@pytest.mark.parametrize(
    ("found", "tokens", "ends", "begins"),
    [
        (obstacles(3), [0, 0, 2], [1, 2, 3], [True, False, False]),
        (obstacles(3, boundary=[1]), [0, 0, 2], [1, 1, 3], [True, False, True]),
        (obstacles(3, occupied=[1]), [0, 0, 2], [1, 1, 3], [True, False, True]),
        (obstacles(3, blocked=[0]), [2], [3], [True]),
    ],
)
def test_each_subword_may_be_a_position(found, tokens, ends, begins):
    # Token 0 has two subwords. The second also covers a character of token 1, which is joined.
    own = subword_chain(np.array([2, 0, 1]), found, flags(3, 1), np.array([1, 2, 3]))
    assert own.token_indices.tolist() == tokens
    assert own.ends.tolist() == ends
    assert own.is_start.tolist() == begins


@pytest.mark.parametrize(
    ("found", "behind"),
    [
        (obstacles(4, occupied=[0, 1]), [True, False]),
        (obstacles(4, blocked=[0, 1]), [False, False]),
        (obstacles(4, occupied=[0], blocked=[1]), [False, False]),
        (obstacles(4, occupied=[0, 1], boundary=[2]), [False, False]),
        (obstacles(4, occupied=[2, 3]), [False, False]),
    ],
)
def test_what_stands_directly_behind_an_entity(found, behind):
    assert token_chain(np.ones(4, dtype=int), found).follows_entity.tolist() == behind


def test_white_space_stands_between_nothing():
    assert token_chain(np.array([1, 0, 1]), obstacles(3, occupied=[0])).follows_entity.tolist() == [True]


@pytest.mark.parametrize(
    ("scheme", "tag"),
    # In IOB2, `I-` never starts an entity, which Viterbi decoding ensures.
    [("IOB", "O"), ("IOB1", "I-org"), ("IOB2", "I-org")],
)
def test_directly_behind_an_entity_begins_only_what_may_follow_another(scheme, tag):
    known = build_tag_set(("O", "B-org", "I-org", "B-per", "I-per"), scheme)
    logits = np.array([[3, 0, 5, 0, 0]] * 2, dtype="f")
    own = token_chain(np.ones(3, dtype=int), obstacles(3, occupied=[0]))
    barred = mask_forbidden_starts(logits, own, known)
    assert known.tags[barred[0].argmax()] == tag
    np.testing.assert_array_equal(barred[1], logits[1])


def test_a_sentence_that_begins_with_white_space_begins_a_sequence():
    found = token_chain(np.array([1, 0, 1]), obstacles(3, boundary=[1]))
    assert found.is_start.tolist() == [True, True]


def test_a_taken_token_without_subwords_is_a_cut():
    found = token_chain(np.array([1, 0, 1]), obstacles(3, blocked=[1]))
    assert found.is_start.tolist() == [True, True]


@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_nothing_to_read(lengths):
    found = token_chain(np.array(lengths, dtype=int), obstacles(len(lengths)))
    assert [len(part) for part in found] == [0, 0, 0, 0, 0]
    assert decode_tags(np.zeros((0, 5), "f"), found.is_start, IOB2, decoding="viterbi").tolist() == []


SCORES = np.array([[9, 0, 0, 0, 0], [0, 5, 0, 0, 0], [0, 0, 2, 0, 3], [0, 0, 4, 0, 0]], dtype="f")


def test_the_drawn_case_of_best_tags():
    for decoding, names in (
        ("greedy", ["O", "B-org", "I-per", "I-org"]),
        ("viterbi", ["O", "B-org", "I-org", "I-org"]),
    ):
        best = decode_tags(SCORES, flags(4, 0), IOB2, decoding=decoding)
        assert [IOB2.tags[i] for i in best] == names


def test_greedy_is_repaired_when_entities_are_read():
    best = decode_tags(SCORES, flags(4, 0), IOB2, decoding="greedy")
    assert IOB2.entities(best) == [("org", 1, 2), ("per", 2, 3), ("org", 3, 4)]
    assert IOB2.entities(decode_tags(SCORES, flags(4, 0), IOB2, decoding="viterbi")) == [("org", 1, 4)]


def test_an_entity_does_not_go_on_into_the_next_sequence():
    # I-org has the highest logit everywhere but is illegal at the start of a sequence, so the best legal tag is used.
    scores = np.tile(np.array([0, 4, 5, 0, 0], dtype="f"), (4, 1))
    best = decode_tags(scores, flags(4, 0, 2), IOB2, decoding="viterbi")
    assert [IOB2.tags[i] for i in best] == ["B-org", "I-org", "B-org", "I-org"]


def test_only_sequences_that_break_the_rules_are_searched(monkeypatch):
    from spacy_bert_ner.decoding import viterbi

    searched = []
    real = viterbi.viterbi
    monkeypatch.setattr(viterbi, "viterbi", lambda s, *rest: searched.append(len(s)) or real(s, *rest))
    scores = np.eye(5, dtype="f")[[1, 2, 0, 0, 2, 0, 3]]  # B-org I-org O | O I-org | O B-per
    decode_tags(scores, flags(7, 0, 3, 5), IOB2, decoding="viterbi")
    assert searched == [2]


def test_an_end_that_is_not_legal_is_searched_too():
    biluo = build_tag_set(("O", "B-per", "I-per", "L-per", "U-per"))
    scores = np.array([[0, 5, 0, 0, 1], [5, 0, 0, 1, 0]], dtype="f")  # B-per O
    best = decode_tags(scores, flags(2, 0, 1), biluo, decoding="viterbi")
    assert [biluo.tags[i] for i in best] == ["U-per", "O"]
    best = decode_tags(scores[::-1], flags(2, 0), biluo, decoding="viterbi")  # O B-per
    assert [biluo.tags[i] for i in best] == ["O", "U-per"]
