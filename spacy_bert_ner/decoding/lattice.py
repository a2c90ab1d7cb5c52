"""All legal tag sequences at once: the best of them, and sums over them, without a loop over tokens.

What may come after a tag depends on little: whether an entity is open, and of which label. Tags after which the same
may come are one *state* (in IOB2 `B-per` and `I-per` are), so that there are about half as many states as tags.

A chain is cut into blocks, more of them than each has tokens. What is done to the first token of a block is done to
those of all blocks in one NumPy call, then what is done to the second, and so on: loops go over the places in a block
and over the blocks, each about as often as the square root of the number of tokens. To begin in the middle of a chain,
a block needs to know what is outside it, so there are three passes (a parallel scan: Blelloch 1990,
https://www.cs.cmu.edu/~guyb/papers/Ble93.pdf; on sequence models: Särkkä & García-Fernández 2021,
https://arxiv.org/abs/2102.05743):

    tokens              0  1   2  3   4  5   6
    1. inside blocks   (0  1) (2  3) (4  5) (6)   from each state before a block to each state after it: a matrix
    2. edges           |----->|----->|----->|     matrix by matrix: the states at the edges of blocks
    3. inside blocks   |->|-> |->|-> |->|-> |->   token by token, from the edge of each block: the states at its tokens

This is the way forward; the way backward is the same from the right.

A token itself is such a matrix, an almost empty one. In all states in which a sequence may end the same tags may come
that do not go on with an entity, so these are taken in one go. What else may come is a tag or two for each label:

    IOB2      in every state      O  B-a  B-b               in the state of a: I-a, which keeps it
    BILUO     nothing is open     O  B-a  U-a  B-b  U-b     in the state of a: I-a, which keeps it; L-a, which leaves it

Independent sequences stand one after the other in one chain; the first token of each forgets the state before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Bools1d, Floats1d, Ints1d, Ints2d
from .tag_scheme import TagSet

Bools2d = NDArray[np.bool_]
Doubles = NDArray[np.float64]
Index = Ints1d | slice

MAX_CELLS = 1 << 19
"""Most numbers in the matrices of all blocks (4 MiB), however long the chain is; its blocks are longer instead."""
MOST_STATES = 85
"""Up to so many states blocks take less time than a chain token by token, as the time for a block's matrix grows with
the square of the states. For 2,500 tokens of 71, 101 and 401 states, blocks took 39, 57 and 1,851 ms to find the best
path, and 44, 47 and 88 ms without them."""
LEAST = 1e-300
"""Stands in for a sum over no sequence at all, of which there is no logarithm."""


class Transitions(NamedTuple):
    """Tags that lead from states to states, which are different ones, or all the same one on one of the two sides."""

    sources: Index
    targets: Index
    tags: Ints1d


@dataclass(frozen=True, eq=False)
class TagAutomaton:
    """The states of a tag set. See `automaton_of`.

    of_tag: the state in which each tag leaves the sequence. *Shape:* `(n_tags,)`
    allowed: whether a tag may follow in a state. *Shape:* `(n_states, n_tags)`
    goes_on: whether it then goes on with the entity that is open. *Shape:* `(n_states, n_tags)`
    allowed_first: the same as `allowed` at the first token of a sequence, in the state that ends the one before.
    may_end: whether a sequence may end in a state. *Shape:* `(n_states,)`
    start: the state before the first token.
    closed: the states in which a sequence may end.
    opens: whether a tag may follow in all of those. *Shape:* `(n_tags,)`
    openers: the tags for which it may, and those that may be the first of a sequence; by the states that they lead to.
    kept, moves: all else that is allowed, from a state to itself and from one state to another.
    """

    state_of_tag: Ints1d
    allowed: Bools2d
    continues: Bools2d
    allowed_first: Bools2d
    final_states: Bools1d
    start: int
    closed: Index
    opens: Bools1d
    openers: Ints1d
    self_loops: Transitions
    cross_transitions: list[Transitions]

    @property
    def n(self) -> int:
        return len(self.final_states)

    def into(self) -> Bools2d:
        """Whether a tag leads to a state. *Shape:* `(n_tags, n_states)`"""
        into: Bools2d = self.state_of_tag[:, None] == np.arange(self.n)
        return into


@lru_cache(maxsize=64)
def automaton_of(tags: TagSet) -> TagAutomaton:
    """Put tags after which the same may come into one state, the beginning of a sequence among them."""
    n_tags = len(tags.tags)
    nothing = np.zeros((1, n_tags), dtype=bool)
    follow = np.concatenate([tags.may_follow, tags.may_begin[None]])
    goes_on = np.concatenate([tags.continues, nothing])
    end = np.concatenate([tags.may_end, [True]])
    _, first, state = np.unique(
        np.concatenate([follow, goes_on, end[:, None]], axis=1), axis=0, return_index=True, return_inverse=True
    )
    state = state.reshape(-1)  # NumPy 2.0 gave it a second axis
    may_end, allowed = end[first], follow[first]
    opens = allowed[may_end].all(axis=0)
    by_state = np.argsort(state[:-1], kind="stable")
    others = np.argwhere(allowed & ~(may_end[:, None] & opens)).tolist()
    kept, *moves = _ways([(source, int(state[tag]), tag) for source, tag in others])
    return TagAutomaton(
        state_of_tag=state[:-1],
        allowed=allowed,
        continues=goes_on[first],
        allowed_first=may_end[:, None] & tags.may_begin[None],
        final_states=may_end,
        start=int(state[-1]),
        closed=_index(np.flatnonzero(may_end)),
        opens=opens,
        openers=by_state[(opens | tags.may_begin)[by_state]],
        self_loops=kept,
        cross_transitions=moves,
    )


def _ways(ways: list[tuple[int, int, int]]) -> Iterator[Transitions]:
    """Put those together that can be taken in one step.

    ways: source, target, tag
    YIELDS: those that keep a state; then, until none is left, all from or to the state that has most of them.
    """
    together = {way[0]: way for way in ways if way[0] == way[1]}
    while True:
        sources, targets, tag_ids = np.array(sorted(together.values()), dtype=np.int64).reshape(-1, 3).T
        yield Transitions(_index(sources), _index(targets), tag_ids)
        taken = set(together.values())
        ways = [way for way in ways if way not in taken]
        if not ways:
            return
        (source, n_from), (target, n_to) = (Counter(way[end] for way in ways).most_common(1)[0] for end in (0, 1))
        if n_from > n_to:
            together = {way[1]: way for way in ways if way[0] == source}
        else:  # if no state has two of them, that is all at once
            together = {way[0]: way for way in ways if way[1] == target or n_to == 1}


def _index(states: Ints1d) -> Index:
    """A slice, which NumPy need not copy, where they follow each other or are all the same one."""
    gaps = np.diff(states)
    if len(states) and (not gaps.any() or (gaps == 1).all()):
        return slice(int(states[0]), int(states[-1]) + 1)
    return states


def viterbi(scores: NDArray[np.floating], begins: Bools1d, tags: TagSet) -> Ints1d:
    """The legal sequence of tags with the highest sum of scores, of each sequence in a chain (Viterbi 1967).

    scores: of each tag for each token. *Shape:* `(n_tokens, n_tags)`
    begins: whether a token is the first of a sequence. *Shape:* `(n_tokens,)`
    RETURNS: tag ids. *Shape:* `(n_tokens,)`
    """
    if not len(scores):
        return np.zeros(0, dtype=np.int64)
    states = automaton_of(tags)
    relative: Doubles = scores.astype(np.float64)
    relative -= relative.max(axis=1, keepdims=True)
    steps = _steps(relative, begins, states, _MAX_PLUS)
    matrices, _ = _matrices(steps)
    # At the edges: from the last one back the best score of what is after each state, from the first one on the state.
    after = [np.where(states.final_states, 0.0, -np.inf)]
    for matrix in matrices[:0:-1]:
        after.append((matrix + after[-1]).max(axis=1))
    edges = [states.start]
    for matrix, score in zip(matrices[:-1], after[:0:-1], strict=True):
        edges.append(int((matrix[edges[-1]] + score).argmax()))
    # Inside the blocks: the same. Each is now known to end in one state, the last one in any in which it may.
    ahead = np.where(np.arange(states.n)[:, None] == edges[1:], 0.0, -np.inf)
    ahead = np.concatenate([ahead, after[0][:, None]], axis=1)[:, None]
    after_place = np.empty((steps.size, states.n, len(edges)))
    for place in reversed(range(steps.size)):
        after_place[place] = ahead[:, 0]
        ahead = steps.backward_step(place, ahead)
    best, state = np.zeros_like(steps.tokens), np.array(edges)
    for tokens, score, chosen in zip(steps.tokens, after_place, best, strict=True):
        allowed = np.where(begins[tokens, None], states.allowed_first[state], states.allowed[state])
        chosen[:] = np.where(allowed, relative[tokens] + score[states.state_of_tag].T, -np.inf).argmax(axis=1)
        state = states.state_of_tag[chosen]
    chain: Ints1d = best.T.reshape(-1)[: len(scores)]
    return chain


@dataclass(frozen=True, eq=False)
class ForwardBackward:
    """Sums of the products of probabilities over all legal sequences of a chain, each with the logarithm of a factor
    that keeps it within floating point. See `forward_backward`.

    before: over the tokens before a token, for each state there. *Shape:* `(n_tokens, n_states)`
    after: over the tokens after a token, for each state there. *Shape:* `(n_tokens, n_states)`
    log_before, log_after: their factors. *Shape:* `(n_tokens,)`
    log_total: over the whole chain.
    """

    alpha: Doubles
    beta: Doubles
    log_alpha: NDArray[np.float64]
    log_beta: NDArray[np.float64]
    log_total: float


def forward_backward(probabilities: Doubles, begins: Bools1d, tags: TagSet) -> ForwardBackward:
    """Sum over all legal sequences, up to and from each token.

    probabilities: of each tag for each token, above 0. *Shape:* `(n_tokens, n_tags)`, at least one token
    begins: whether a token is the first of a sequence. *Shape:* `(n_tokens,)`
    """
    states = automaton_of(tags)
    steps = _steps(probabilities, begins, states, _SUM_PRODUCT)
    matrices, logs = _matrices(steps)
    first, last = (np.arange(states.n) == states.start).astype(np.float64), states.final_states.astype(np.float64)
    before, log_before = _edges(first, matrices[:-1].transpose(0, 2, 1), logs[:-1])
    after, log_after = _edges(last, matrices[:0:-1], logs[:0:-1])
    before, log_before = _insides(steps, before, log_before, forward=True)
    after, log_after = _insides(steps, after[::-1], log_after[::-1], forward=False)
    n, through = len(probabilities), probabilities[0] * states.allowed[states.start] * after[0, states.state_of_tag]
    log_total = float(np.log(through.sum()) + log_after[0])
    return ForwardBackward(before[:n], after[:n], log_before[:n], log_after[:n], log_total)


def marginals(probabilities: Doubles, begins: Bools1d, tags: TagSet) -> tuple[Doubles, float]:
    """The share of each tag of each token in the sum over all legal sequences.

    For the arguments see `forward_backward`. RETURNS: *Shape:* `(n_tokens, n_tags)`, rows of sum 1; `log_total`.
    """
    states, sums = automaton_of(tags), forward_backward(probabilities, begins, tags)
    room = np.where(begins[:, None], sums.alpha @ states.allowed_first, sums.alpha @ states.allowed)
    through: Doubles = room * probabilities * sums.beta[:, states.state_of_tag]
    return through / through.sum(axis=1, keepdims=True), sums.log_total


def scaled(sums: Doubles, axis: int | tuple[int, ...], out: Doubles | None = None) -> tuple[Doubles, Floats1d]:
    """Scale to the maximum 1 along axes, so that products of many stay within floating point.

    RETURNS: the same shape; without those axes, the logarithms of the factors.
    """
    largest = np.maximum(sums.max(axis=axis, keepdims=True), LEAST)
    return np.divide(sums, largest, out=out), np.log(largest.squeeze(axis))


class _Semiring(NamedTuple):
    """How alternatives are joined, and how one token and the next; what changes nothing in each of the two."""

    add: np.ufunc
    times: np.ufunc
    zero: float
    one: float


_SUM_PRODUCT = _Semiring(np.add, np.multiply, 0.0, 1.0)
_MAX_PLUS = _Semiring(np.maximum, np.add, -np.inf, 0.0)


@dataclass(frozen=True, eq=False)
class _BlockedChain:
    """A chain in blocks of the same size. What fills the last one up leaves every state as it is.

    tokens: the token at each place of each block. *Shape:* `(size, n_blocks)`
    opened: the weight of the tags to each state that are in `TagAutomaton.opens`, or, at the first token of a sequence,
        that may begin one. *Shape:* `(n_states, size, n_blocks)`
    kept: that of the tag that keeps each state. *Shape:* `(n_states, size, n_blocks)`
    moved: those of the tags of each of `TagAutomaton.cross_transitions`. *Shape:* `(n, size, n_blocks)`
    """

    states: TagAutomaton
    algebra: _Semiring
    tokens: Ints2d
    opened: Doubles
    kept: Doubles
    moved: list[Doubles]

    @property
    def size(self) -> int:
        return len(self.tokens)

    def forward_step(self, place: int, before: Doubles) -> Doubles:
        """From what is before a token in each state to what is after it. *Shape:* `(n_states, m, n_blocks)`"""
        add, times, *_ = self.algebra
        closed = add.reduce(before[self.states.closed], axis=0)
        after: Doubles = add(times(self.kept[:, place, None], before), times(self.opened[:, place, None], closed))
        for (sources, targets, _), ways in zip(self.states.cross_transitions, self.moved, strict=True):
            self._join(after, targets, times(ways[:, place, None], before[sources]))
        return after

    def backward_step(self, place: int, after: Doubles, space: Sequence[Doubles] | None = None) -> Doubles:
        """The other way round, from what is after a token. *Shape:* `(n_states, m, n_blocks)`

        space: two arrays of this shape, the first for the result. New ones would cost more time than what fills them.
        """
        add, times, *_ = self.algebra
        before, spare = np.empty((2, *after.shape)) if space is None else space
        times(self.kept[:, place, None], after, out=before)
        times(self.opened[:, place, None], after, out=spare)
        self._join(before, self.states.closed, add.reduce(spare, axis=0, keepdims=True))
        for (sources, targets, _), ways in zip(self.states.cross_transitions, self.moved, strict=True):
            self._join(before, sources, times(ways[:, place, None], after[targets], out=spare[: len(ways)]))
        return before

    def _join(self, to: Doubles, states: Index, arriving: Doubles) -> None:
        there = to[states]
        if len(there) == 1:
            arriving = self.algebra.add.reduce(arriving, axis=0)
        to[states] = self.algebra.add(there, arriving, out=there)


def _steps(weights: Doubles, begins: Bools1d, states: TagAutomaton, algebra: _Semiring) -> _BlockedChain:
    add, _, zero, one = algebra
    # More blocks than tokens in one, for a step from edge to edge takes less time than those inside.
    n_blocks = max(1, min(isqrt(4 * len(weights)), MAX_CELLS // states.n**2)) if states.n <= MOST_STATES else 1
    size = -(-len(weights) // n_blocks)
    n_blocks = -(-len(weights) // size)
    places = np.arange(n_blocks * size).reshape(n_blocks, size).T
    tokens = np.minimum(places, len(weights) - 1)
    real = places == tokens
    first, inside = begins[tokens] & real, ~begins[tokens] & real

    def weigh(tags: Ints1d, may: NDArray[np.bool_]) -> Doubles:
        of_tags: Doubles = weights[tokens, tags[:, None, None]]  # (n, size, n_blocks)
        of_tags[~np.broadcast_to(may, of_tags.shape)] = zero
        return of_tags

    may_begin, opens = (may[states.openers, None, None] for may in (states.allowed[states.start], states.opens))
    to, groups = np.unique(states.state_of_tag[states.openers], return_index=True)
    opened = np.full((states.n, *tokens.shape), zero)
    opened[to] = add.reduceat(weigh(states.openers, (first & may_begin) | (inside & opens)), groups, axis=0)
    kept = np.full((states.n, *tokens.shape), np.where(real, zero, one))
    kept[states.self_loops.sources] = add(kept[states.self_loops.sources], weigh(states.self_loops.tags, inside))
    moved = [weigh(move.tags, inside) for move in states.cross_transitions]
    return _BlockedChain(states, algebra, tokens, opened, kept, moved)


def _matrices(steps: _BlockedChain) -> tuple[Doubles, Doubles]:
    """From each state before a block to each state after it; sums are scaled to the maximum 1.

    RETURNS: *Shape:* `(n_blocks, n_states, n_states)`, and the logarithms of the factors *Shape:* `(n_blocks,)`. None
        where there is one block alone, since no other needs to know of it.
    """
    _, _, zero, one = steps.algebra
    n_states, _, n_blocks = steps.kept.shape
    if n_blocks == 1:
        return np.zeros((0, n_states, n_states)), np.zeros(0)
    matrices, *space = np.full((3, n_states, n_states, n_blocks), zero)
    matrices[np.arange(n_states), np.arange(n_states)] = one
    logs = np.zeros(n_blocks)
    for place in reversed(range(steps.size)):
        matrices, space[0] = steps.backward_step(place, matrices, space), matrices
        if steps.algebra is _SUM_PRODUCT:
            _, more = scaled(matrices, axis=(0, 1), out=matrices)
            logs += more
    return np.ascontiguousarray(matrices.transpose(2, 0, 1)), logs


def _edges(sums: Floats1d, matrices: Doubles, logs: Floats1d) -> tuple[Doubles, Floats1d]:
    """From the sums at the first edge, through one matrix after the other, to those at every edge.

    RETURNS: *Shape:* `(n_matrices + 1, n_states)`, `(n_matrices + 1,)`
    """
    all_sums, all_logs = [sums], [0.0]
    for matrix, log_factor in zip(matrices, logs.tolist(), strict=True):
        sums = matrix @ sums
        largest = max(float(sums.max()), LEAST)
        sums /= largest
        all_sums.append(sums)
        all_logs.append(all_logs[-1] + log_factor + log(largest))
    return np.array(all_sums), np.array(all_logs)


def _insides(steps: _BlockedChain, edges: Doubles, logs: Floats1d, *, forward: bool) -> tuple[Doubles, Floats1d]:
    """From the sums at an edge of each block to those at that edge of each of its tokens.

    edges: before each block, or, if not `forward`, after it. *Shape:* `(n_blocks, n_states)`
    RETURNS: *Shape:* `(n_blocks * size, n_states)`, `(n_blocks * size,)`
    """
    n_blocks, n_states = edges.shape
    all_sums, all_logs = np.empty((n_blocks, steps.size, n_states)), np.empty((n_blocks, steps.size))
    sums, places = edges.T[:, None], range(steps.size)
    for place in places if forward else reversed(places):
        all_sums[:, place], all_logs[:, place] = sums[:, 0].T, logs
        sums, more = scaled(
            steps.forward_step(place, sums) if forward else steps.backward_step(place, sums), axis=(0, 1)
        )
        logs = logs + more
    return all_sums.reshape(-1, n_states), all_logs.reshape(-1)
