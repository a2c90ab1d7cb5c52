"""Compare best paths, and sums over all paths, with an enumeration of all legal sequences."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tag_sets import TAG_SETS, chains, every_tag_set, legal_sequences, n_illegal

from spacy_bert_ner.decoding import block_scan
from spacy_bert_ner.decoding.automaton import automaton_of
from spacy_bert_ner.decoding.block_scan import forward_backward, viterbi
from spacy_bert_ner.decoding.tag_scheme import build_tag_set, tags_of_labels

pytestmark = pytest.mark.parity


def test_the_example_in_the_docstring(monkeypatch):
    tags = build_tag_set(("O", "B-a", "I-a"), "IOB2")
    probabilities = np.array([[0.5, 0.4, 0.1], [0.2, 0.2, 0.6], [0.6, 0.3, 0.1], [0.7, 0.2, 0.1]])
    is_start = np.arange(4) == 0
    monkeypatch.setattr(block_scan, "isqrt", lambda n: 2)  # two blocks of two tokens
    blocks = block_scan._cut(probabilities, is_start, automaton_of(tags), block_scan._SUM_PRODUCT)
    assert blocks.tokens.T.tolist() == [[0, 1], [2, 3]]
    matrices, logs = block_scan._block_matrices(blocks)
    expected = [[[0.18, 0.42], [0.18, 0.42]], [[0.63, 0.21], [0.70, 0.24]]]
    np.testing.assert_allclose(matrices * np.exp(logs)[:, None, None], expected)
    sums = forward_backward(probabilities, is_start, tags)
    expected = [[1, 0], [0.5, 0.4], [0.18, 0.42], [0.36, 0.222]]
    np.testing.assert_allclose(sums.alpha * np.exp(sums.log_alpha)[:, None], expected)
    assert np.exp(sums.log_total) == pytest.approx(0.546)
    assert [tags.tags[i] for i in probabilities.argmax(axis=1)] == ["O", "I-a", "O", "O"]
    assert [tags.tags[i] for i in viterbi(np.log(probabilities), is_start, tags)] == ["B-a", "I-a", "O", "O"]


@every_tag_set
@given(data=st.data())
def test_no_legal_sequence_has_a_higher_sum(tags, data):
    scores, begins = data.draw(chains(len(tags.tags)))
    sums = {path: sum(scores[i, tag] for i, tag in enumerate(path)) for path in legal_sequences(tags, begins)}
    assert tuple(viterbi(scores, np.array(begins), tags).tolist()) == max(sums, key=sums.get)


@every_tag_set
@given(data=st.data())
def test_sums_are_those_over_all_legal_sequences(tags, data):
    scores, begins = data.draw(chains(len(tags.tags)))
    weights = np.exp(scores)
    sums = forward_backward(weights, np.array(begins), tags)
    total = sum(np.prod([weights[i, t] for i, t in enumerate(path)]) for path in legal_sequences(tags, begins))
    assert np.exp(sums.log_total) == pytest.approx(total)
    # The first token has no previous token, so only the start state has a sum: 1, with the factor 1.
    assert sums.alpha[0].tolist() == (np.arange(automaton_of(tags).n) == automaton_of(tags).start).tolist()
    assert sums.log_alpha[0] == 0
    assert sums.beta[-1].tolist() == automaton_of(tags).final_states.tolist()


@every_tag_set
def test_ties_give_one_legal_sequence(tags):
    # All sequences have the same score, but the selected states must belong to one sequence.
    best = viterbi(np.zeros((9, len(tags.tags))), np.arange(9) % 4 == 0, tags)
    assert not any(n_illegal(tags, best[s:e]) for s, e in ((0, 4), (4, 8), (8, 9)))


@every_tag_set
def test_a_long_chain_in_blocks_is_the_same_as_in_one(tags, monkeypatch):
    rng = np.random.default_rng(0)
    scores, begins = rng.normal(0, 3, size=(300, len(tags.tags))), rng.random(300) < 0.02
    begins[0] = True
    in_blocks, sums = viterbi(scores, begins, tags), forward_backward(np.exp(scores), begins, tags)
    monkeypatch.setattr(block_scan, "MAX_CELLS", 1)  # one block, which is processed token by token
    np.testing.assert_array_equal(viterbi(scores, begins, tags), in_blocks)
    in_one = forward_backward(np.exp(scores), begins, tags)
    assert in_one.log_total == pytest.approx(sums.log_total)
    for name in ("alpha", "beta"):
        with np.errstate(divide="ignore"):
            found, expected = (np.log(getattr(s, name)) + getattr(s, f"log_{name}")[:, None] for s in (in_one, sums))
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(("n_labels", "n_blocks"), [(84, 40), (85, 1)])
def test_of_many_states_there_is_one_block(n_labels, n_blocks):
    tags = build_tag_set(tags_of_labels([f"l{i}" for i in range(n_labels)], "IOB2"), "IOB2")
    scores = np.ones((400, len(tags.tags)))
    begins = np.arange(400) == 0
    blocks = block_scan._cut(scores, begins, automaton_of(tags), block_scan._MAX_PLUS)
    assert (automaton_of(tags).n, blocks.tokens.shape) == (n_labels + 1, (400 // n_blocks, n_blocks))


def passed(weights, begins, tags, join):
    """Compute forward and backward values token by token and tag by tag, without states or blocks.

    weights: logarithms of weights. *Shape:* `(n_tokens, n_tags)`
    join: function that combines alternatives: `np.logaddexp.reduce` or `np.maximum.reduce`.
    RETURNS: values up to and including each tag, and values after each tag, *Shape:* `(n_tokens, n_tags)` each; and the
        value for the whole chain.
    """
    with np.errstate(divide="ignore"):
        begin, follow, end = (np.log(kind.astype(float)) for kind in (tags.may_begin, tags.may_follow, tags.may_end))
    upto, after = [begin + weights[0]], [end]
    for weight, begins_here in zip(weights[1:], begins[1:], strict=True):
        way = end[:, None] + begin if begins_here else follow
        upto.append(join(upto[-1][:, None] + way, axis=0) + weight)
    for weight, begins_here in zip(weights[:0:-1], begins[:0:-1], strict=True):
        way = end[:, None] + begin if begins_here else follow
        after.append(join(way + weight + after[-1], axis=1))
    return np.array(upto), np.array(after[::-1]), join(upto[-1] + end)


MANY = {"30 labels in BILUO": build_tag_set(tags_of_labels([f"l{i}" for i in range(30)], "BILUO"), "BILUO")}
LENGTHS = (1, 2, 3, 5, 8, 13, 40, 301)


def long_chains(tags, monkeypatch):
    """Yield chains with several lengths, in the default blocks, in three or four long blocks, and in one block."""
    rng = np.random.default_rng(7)
    for max_cells in (block_scan.MAX_CELLS, 4 * automaton_of(tags).n ** 2, 1):
        monkeypatch.setattr(block_scan, "MAX_CELLS", max_cells)
        for n in LENGTHS:
            begins = rng.random(n) < 0.05
            begins[0] = True
            yield rng.normal(0, 3, size=(n, len(tags.tags))), begins


@pytest.mark.parametrize("tags", (TAG_SETS | MANY).values(), ids=TAG_SETS | MANY)
def test_the_best_path_of_a_long_chain_is_legal_and_as_good_as_token_by_token(tags, monkeypatch):
    for scores, begins in long_chains(tags, monkeypatch):
        path = viterbi(scores, begins, tags)
        starts = [*np.flatnonzero(begins), len(path)]
        assert not any(n_illegal(tags, path[s:e]) for s, e in pairwise(starts))
        _, _, best = passed(scores, begins, tags, np.maximum.reduce)
        assert scores[np.arange(len(path)), path].sum() == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("tags", (TAG_SETS | MANY).values(), ids=TAG_SETS | MANY)
def test_the_sums_of_a_long_chain_are_those_of_token_by_token(tags, monkeypatch):
    states = automaton_of(tags)
    for weights, begins in long_chains(tags, monkeypatch):
        upto, expected_after, total = passed(weights, begins, tags, np.logaddexp.reduce)
        sums = forward_backward(np.exp(weights), begins, tags)
        with np.errstate(divide="ignore"):
            before = np.log(sums.alpha) + sums.log_alpha[:, None]
            after = np.log(sums.beta) + sums.log_beta[:, None]
        assert sums.log_total == pytest.approx(total, rel=1e-12)
        for state in range(states.n):
            of_state = np.flatnonzero(states.state_of_tag == state)
            expected = np.logaddexp.reduce(upto[:-1, of_state], axis=1)  # -inf if no tag can lead to this state
            np.testing.assert_allclose(before[1:, state], expected, rtol=1e-10, atol=1e-10)
            for tag in of_state:
                np.testing.assert_allclose(after[:, state], expected_after[:, tag], rtol=1e-10, atol=1e-10)


def test_a_long_chain_of_small_probabilities_does_not_underflow():
    tags = TAG_SETS["IOB2"]
    sums = forward_backward(np.full((20_000, 5), 1e-40), np.arange(20_000) == 0, tags)
    assert np.isfinite([sums.log_total, *sums.log_alpha, *sums.log_beta]).all()
    # Each token adds log(1e-40) and slightly more, because the number of legal sequences grows.
    assert -92.2 < sums.log_total / 20_000 < -90.5


@every_tag_set
def test_an_empty_chain_has_no_tags(tags):
    assert viterbi(np.zeros((0, len(tags.tags))), np.zeros(0, dtype=bool), tags).tolist() == []
