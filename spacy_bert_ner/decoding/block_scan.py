"""Find the best legal tag sequence, or sum over all legal sequences, without looping over single tokens.

Each token is represented by a matrix. Its entry (s, t) is the weight of the tags that lead from state s to state t of
the automaton (see `automaton`). The product of all matrices gives the sum over all legal sequences. If maxima replace
sums, it gives the maximum. Independent sequences are concatenated into one chain. The first token of each sequence
ignores the state before it.

A chain is cut into blocks, with more blocks than tokens per block. One NumPy call processes the first token of all
blocks, the next call processes the second token of all blocks, and so on. One Python loop runs over the positions in a
block, and another runs over the blocks. The number of iterations of each loop is about the square root of the number
of tokens. Values in a block depend on the tokens outside it, so there are three passes. This is a parallel scan
(Blelloch 1990, https://www.cs.cmu.edu/~guyb/papers/Ble93.pdf; for sequence models: Särkkä & García-Fernández 2021,
https://arxiv.org/abs/2102.05743):

    tokens              0  1   2  3   4  5   6
    1. inside blocks   (0  1) (2  3) (4  5) (6)   compute the product of each block, a matrix from states to states
    2. block edges     |----->|----->|----->|     compute the values at block edges, matrix by matrix
    3. inside blocks   |->|-> |->|-> |->|-> |->   compute the values at each token, starting from the block edges

This is the forward direction. The backward direction is its mirror image.

The following example uses IOB2 with one label, so the states are O (closed) and a (open). Four tokens form two blocks:

    token          0        1        2        3
    P(O)          .5       .2       .6       .7
    P(B-a)        .4       .2       .3       .2
    P(I-a)        .1       .6       .1       .1

    matrix      O   a    O   a    O   a    O   a      rows: state before, columns: state after
    from O     .5  .4   .2  .2   .6  .3   .7  .2      O leads to O, and B-a leads to a
    from a     .5  .4   .2  .8   .6  .4   .7  .3      same as from O, but I-a also leads to a: .8 = .2 + .6

    1. blocks         tokens 0 1         tokens 2 3
                       O    a             O    a
       from O         .18  .42           .63  .21     .18 = .5 · .2 + .4 · .2
       from a         .18  .42           .70  .24

    2. edges     (1 0)         (.18 .42)         (.4074 .1386)     .4074 = .18 · .63 + .42 · .70

    3. inside    (1 0)  (.5 .4)  (.18 .42)  (.36 .222)             `alpha` for each token, without scaling

The sum over all legal sequences is .4074 + .1386 = .546. The most probable tag of each token gives O I-a O O, which is
illegal. With maxima, the best legal sequence is B-a I-a O O: .4 · .6 · .6 · .7 = .1008.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Bools1d, Doubles1d, DoublesXd, Ints1d, Ints2d
from .automaton import Index, TagAutomaton, automaton_of
from .tag_scheme import TagSet

MAX_CELLS = 1 << 19
"""Maximum number of entries in all block matrices together (4 MiB). Longer chains get longer blocks."""
MOST_STATES = 85
"""Maximum number of states for which a chain is cut into blocks.

The time for a block matrix grows with the square of the number of states. Finding the best path through 2,500 tokens
with 71, 101 and 401 states took 39, 57 and 1,851 ms in blocks, but 44, 47 and 88 ms token by token.
"""
LEAST = 1e-300
"""Replacement for a sum of 0, which has no logarithm."""


def viterbi(scores: NDArray[np.floating], is_start: Bools1d, tags: TagSet) -> Ints1d:
    """For each sequence in a chain, find the legal tag sequence with the highest sum of scores (Viterbi 1967).

    scores: score of each tag for each token. *Shape:* `(n_tokens, n_tags)`
    is_start: whether each token is the first of a sequence. *Shape:* `(n_tokens,)`
    tags (TagSet): the tags and their rules.
    RETURNS: tag IDs. *Shape:* `(n_tokens,)`
    """
    if not len(scores):
        return np.zeros(0, dtype=np.int64)
    automaton = automaton_of(tags)
    relative: DoublesXd = scores.astype(np.float64)
    relative -= relative.max(axis=1, keepdims=True)
    blocks = _cut(relative, is_start, automaton, _MAX_PLUS)
    matrices, _ = _block_matrices(blocks)
    # At block edges, compute the best score of the rest of the chain from each state, right to left. Then choose the
    # states, left to right.
    rest_scores = [np.where(automaton.final_states, 0.0, -np.inf)]
    for matrix in matrices[:0:-1]:
        rest_scores.append((matrix + rest_scores[-1]).max(axis=1))
    edge_states = [automaton.start]
    for matrix, score in zip(matrices[:-1], rest_scores[:0:-1], strict=True):
        edge_states.append(int((matrix[edge_states[-1]] + score).argmax()))
    # Do the same inside the blocks. The final state of each block except the last one is now known.
    ahead = np.where(np.arange(automaton.n)[:, None] == edge_states[1:], 0.0, -np.inf)
    ahead = np.concatenate([ahead, rest_scores[0][:, None]], axis=1)[:, None]
    after_position = np.empty((blocks.size, automaton.n, len(edge_states)))
    for position in reversed(range(blocks.size)):
        after_position[position] = ahead[:, 0]
        ahead = blocks.backward_step(position, ahead)
    best, states = np.zeros_like(blocks.tokens), np.array(edge_states)
    for tokens, score, chosen in zip(blocks.tokens, after_position, best, strict=True):
        allowed = np.where(is_start[tokens, None], automaton.allowed_first[states], automaton.allowed[states])
        chosen[:] = np.where(allowed, relative[tokens] + score[automaton.state_of_tag].T, -np.inf).argmax(axis=1)
        states = automaton.state_of_tag[chosen]
    path: Ints1d = best.T.reshape(-1)[: len(scores)]
    return path


@dataclass(frozen=True, eq=False)
class ForwardBackward:
    """Sums of the probabilities of legal sequences in a chain. See `forward_backward`.

    Each row is divided by a scaling factor that keeps it within the floating-point range. The logarithms of the factors
    are stored.

    alpha: sums over the tokens before each token, for each state before it. *Shape:* `(n_tokens, n_states)`
    beta: sums over the tokens after each token, for each state after it. *Shape:* `(n_tokens, n_states)`
    log_alpha, log_beta: logarithms of the scaling factors. *Shape:* `(n_tokens,)` each
    log_total (float): logarithm of the sum over the whole chain.
    """

    alpha: DoublesXd
    beta: DoublesXd
    log_alpha: DoublesXd
    log_beta: DoublesXd
    log_total: float


def forward_backward(probabilities: DoublesXd, is_start: Bools1d, tags: TagSet) -> ForwardBackward:
    """Sum the probabilities of all legal sequences before and after each token.

    probabilities: positive probability of each tag for each token. There must be at least one token. *Shape:*
        `(n_tokens, n_tags)`
    is_start: whether each token is the first of a sequence. *Shape:* `(n_tokens,)`
    tags (TagSet): the tags and their rules.
    RETURNS (ForwardBackward): the sums.
    """
    automaton = automaton_of(tags)
    blocks = _cut(probabilities, is_start, automaton, _SUM_PRODUCT)
    matrices, logs = _block_matrices(blocks)
    first = (np.arange(automaton.n) == automaton.start).astype(np.float64)
    last = automaton.final_states.astype(np.float64)
    alpha, log_alpha = _at_edges(first, matrices[:-1].transpose(0, 2, 1), logs[:-1])
    beta, log_beta = _at_edges(last, matrices[:0:-1], logs[:0:-1])
    alpha, log_alpha = _inside_blocks(blocks, alpha, log_alpha, forward=True)
    beta, log_beta = _inside_blocks(blocks, beta[::-1], log_beta[::-1], forward=False)
    n = len(probabilities)
    through_first = probabilities[0] * automaton.allowed[automaton.start] * beta[0, automaton.state_of_tag]
    log_total = float(np.log(through_first.sum()) + log_beta[0])
    return ForwardBackward(alpha[:n], beta[:n], log_alpha[:n], log_beta[:n], log_total)


def marginals(probabilities: DoublesXd, is_start: Bools1d, tags: TagSet) -> tuple[DoublesXd, float]:
    """Compute the marginal probability of each tag for each token over all legal sequences.

    probabilities, is_start, tags: see `forward_backward`.
    RETURNS: the marginals, whose rows sum to 1, *Shape:* `(n_tokens, n_tags)`, and `ForwardBackward.log_total`.
    """
    automaton, sums = automaton_of(tags), forward_backward(probabilities, is_start, tags)
    before = np.where(is_start[:, None], sums.alpha @ automaton.allowed_first, sums.alpha @ automaton.allowed)
    through: DoublesXd = before * probabilities * sums.beta[:, automaton.state_of_tag]
    return through / through.sum(axis=1, keepdims=True), sums.log_total


def scaled(sums: DoublesXd, axis: int | tuple[int, ...], out: DoublesXd | None = None) -> tuple[DoublesXd, Doubles1d]:
    """Scale an array to a maximum of 1 along the given axes, so products of many arrays do not overflow or underflow.

    sums: nonnegative numbers in an array of any shape.
    axis (int | tuple[int, ...]): axes along which the maximum is computed.
    out: array for the result; None for a new array. *Shape:* same as `sums`
    RETURNS: the scaled numbers, *Shape:* same as `sums`, and the logarithms of the scaling factors, *Shape:* same as
        `sums` without the axes.
    """
    largest = np.maximum(sums.max(axis=axis, keepdims=True), LEAST)
    return np.divide(sums, largest, out=out), np.log(largest.squeeze(axis))


class _Semiring(NamedTuple):
    """The operations that a scan uses.

    add: function that combines alternatives.
    times: function that combines consecutive tokens.
    zero: neutral element of `add`.
    one: neutral element of `times`.
    """

    add: np.ufunc
    times: np.ufunc
    zero: float
    one: float


_SUM_PRODUCT = _Semiring(np.add, np.multiply, 0.0, 1.0)
_MAX_PLUS = _Semiring(np.maximum, np.add, -np.inf, 0.0)


@dataclass(frozen=True, eq=False)
class _BlockedChain:
    """A chain that is cut into blocks of equal size. Padding at the end of the last block leaves every state unchanged.

    tokens: index of the token at each position in each block. *Shape:* `(size, n_blocks)`
    open_weights: weights of the tags in `TagAutomaton.opens`, combined by the state after the tag. At the first token
        of a sequence, weights of the tags that may start a sequence. *Shape:* `(n_states, size, n_blocks)`
    loop_weights: weight of the tag that keeps each state. *Shape:* `(n_states, size, n_blocks)`
    cross_weights: tag weights for each group in `TagAutomaton.cross_transitions`. *Shape:* `(n, size, n_blocks)` each
    """

    automaton: TagAutomaton
    semiring: _Semiring
    tokens: Ints2d
    open_weights: DoublesXd
    loop_weights: DoublesXd
    cross_weights: list[DoublesXd]

    @property
    def size(self) -> int:
        """Return the number of tokens per block."""
        return len(self.tokens)

    def forward_step(self, position: int, before: DoublesXd) -> DoublesXd:
        """Compute the values after a token from the values before it.

        before: values for each state before the token. *Shape:* `(n_states, m, n_blocks)`
        RETURNS: values for each state after the token. *Shape:* `(n_states, m, n_blocks)`
        """
        add, times, *_ = self.semiring
        closed = add.reduce(before[self.automaton.closed_states], axis=0)
        after: DoublesXd = add(
            times(self.loop_weights[:, position, None], before), times(self.open_weights[:, position, None], closed)
        )
        for (sources, targets, _), weights in zip(self.automaton.cross_transitions, self.cross_weights, strict=True):
            self._add_to(after, targets, times(weights[:, position, None], before[sources]))
        return after

    def backward_step(self, position: int, after: DoublesXd, space: Sequence[DoublesXd] | None = None) -> DoublesXd:
        """Compute the values before a token from the values after it.

        after: values for each state after the token. *Shape:* `(n_states, m, n_blocks)`
        space: two arrays to reuse, since allocation takes more time than the computation. The result is stored
            in the first one. None allocates new arrays. *Shape:* `(n_states, m, n_blocks)` each
        RETURNS: values for each state before the token. *Shape:* `(n_states, m, n_blocks)`
        """
        add, times, *_ = self.semiring
        before, spare = np.empty((2, *after.shape)) if space is None else space
        times(self.loop_weights[:, position, None], after, out=before)
        times(self.open_weights[:, position, None], after, out=spare)
        self._add_to(before, self.automaton.closed_states, add.reduce(spare, axis=0, keepdims=True))
        for (sources, targets, _), weights in zip(self.automaton.cross_transitions, self.cross_weights, strict=True):
            arriving = times(weights[:, position, None], after[targets], out=spare[: len(weights)])
            self._add_to(before, sources, arriving)
        return before

    def _add_to(self, values: DoublesXd, states: Index, arriving: DoublesXd) -> None:
        selected = values[states]
        if len(selected) == 1:
            arriving = self.semiring.add.reduce(arriving, axis=0)
        values[states] = self.semiring.add(selected, arriving, out=selected)


def _cut(weights: DoublesXd, is_start: Bools1d, automaton: TagAutomaton, semiring: _Semiring) -> _BlockedChain:
    """Cut a chain into blocks.

    weights: weight of each tag for each token. *Shape:* `(n_tokens, n_tags)`
    """
    add, _, zero, one = semiring
    # There are more blocks than tokens per block, since a step between edges is faster than a step inside the blocks.
    max_blocks = min(isqrt(4 * len(weights)), MAX_CELLS // automaton.n**2) if automaton.n <= MOST_STATES else 1
    size = -(-len(weights) // max(1, max_blocks))
    n_blocks = -(-len(weights) // size)
    positions = np.arange(n_blocks * size).reshape(n_blocks, size).T
    tokens = np.minimum(positions, len(weights) - 1)
    is_token = positions == tokens  # all other positions are padding
    is_first, is_inside = is_start[tokens] & is_token, ~is_start[tokens] & is_token

    def weights_where(tags: Ints1d, is_allowed: NDArray[np.bool_]) -> DoublesXd:
        tag_weights: DoublesXd = weights[tokens, tags[:, None, None]]  # (n, size, n_blocks)
        tag_weights[~np.broadcast_to(is_allowed, tag_weights.shape)] = zero
        return tag_weights

    openers = automaton.openers
    may_start, opens = (may[openers, None, None] for may in (automaton.allowed[automaton.start], automaton.opens))
    targets, groups = np.unique(automaton.state_of_tag[openers], return_index=True)
    open_weights = np.full((automaton.n, *tokens.shape), zero)
    # The summed array is the largest one. It is not stored in a variable, so the next arrays can reuse its memory.
    open_weights[targets] = add.reduceat(
        weights_where(openers, (is_first & may_start) | (is_inside & opens)), groups, axis=0
    )
    loop_weights = np.full((automaton.n, *tokens.shape), np.where(is_token, zero, one))
    loops = automaton.self_loops
    loop_weights[loops.sources] = add(loop_weights[loops.sources], weights_where(loops.tags, is_inside))
    cross_weights = [weights_where(cross.tags, is_inside) for cross in automaton.cross_transitions]
    return _BlockedChain(automaton, semiring, tokens, open_weights, loop_weights, cross_weights)


def _block_matrices(blocks: _BlockedChain) -> tuple[DoublesXd, DoublesXd]:
    """Compute the matrix of each block, from each state before the block to each state after it.

    Sums are scaled to a maximum of 1. A single block needs no matrix, since no other block depends on it.

    RETURNS: the matrices, *Shape:* `(n_blocks, n_states, n_states)`, and the logarithms of their scaling factors,
        *Shape:* `(n_blocks,)`. Both are empty for a single block.
    """
    _, _, zero, one = blocks.semiring
    n_states, _, n_blocks = blocks.loop_weights.shape
    if n_blocks == 1:
        return np.zeros((0, n_states, n_states)), np.zeros(0)
    matrices, *space = np.full((3, n_states, n_states, n_blocks), zero)
    matrices[np.arange(n_states), np.arange(n_states)] = one
    logs = np.zeros(n_blocks)
    for position in reversed(range(blocks.size)):
        matrices, space[0] = blocks.backward_step(position, matrices, space), matrices
        if blocks.semiring is _SUM_PRODUCT:
            _, log_factors = scaled(matrices, axis=(0, 1), out=matrices)
            logs += log_factors
    return np.ascontiguousarray(matrices.transpose(2, 0, 1)), logs


def _at_edges(sums: Doubles1d, matrices: DoublesXd, logs: Doubles1d) -> tuple[DoublesXd, Doubles1d]:
    """Multiply the sums at the first edge by each matrix in turn.

    RETURNS: the sums at every edge, *Shape:* `(n_matrices + 1, n_states)`, and the logarithms of their scaling factors,
        *Shape:* `(n_matrices + 1,)`.
    """
    all_sums, all_logs = [sums], [0.0]
    for matrix, log_factor in zip(matrices, logs.tolist(), strict=True):
        sums = matrix @ sums
        largest = max(float(sums.max()), LEAST)
        sums /= largest
        all_sums.append(sums)
        all_logs.append(all_logs[-1] + log_factor + log(largest))
    return np.array(all_sums), np.array(all_logs)


def _inside_blocks(
    blocks: _BlockedChain, edges: DoublesXd, logs: Doubles1d, *, forward: bool
) -> tuple[DoublesXd, Doubles1d]:
    """Compute the sums at each token from the sums at one edge of each block.

    edges: sums at one edge of each block. *Shape:* `(n_blocks, n_states)`
    forward (bool): True computes the sums before each token from those before each block. False computes the sums after
        each token from those after each block.
    RETURNS: the sums at each token, *Shape:* `(n_blocks * size, n_states)`, and the logarithms of their scaling
        factors, *Shape:* `(n_blocks * size,)`.
    """
    n_blocks, n_states = edges.shape
    all_sums, all_logs = np.empty((n_blocks, blocks.size, n_states)), np.empty((n_blocks, blocks.size))
    sums, positions = edges.T[:, None], range(blocks.size)
    step = blocks.forward_step if forward else blocks.backward_step
    for position in positions if forward else reversed(positions):
        all_sums[:, position], all_logs[:, position] = sums[:, 0].T, logs
        sums, log_factors = scaled(step(position, sums), axis=(0, 1))
        logs = logs + log_factors
    return all_sums.reshape(-1, n_states), all_logs.reshape(-1)
