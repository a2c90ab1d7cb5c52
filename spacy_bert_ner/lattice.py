"""All legal tag sequences at once: the best of them, and sums over them, without a loop over tokens.

What may come after a tag depends on little: whether an entity is open, and of which label. Tags after which the same
may come are one *state* (in IOB2 `B-per` and `I-per` are), so that there are about half as many states as tags. A token
is then a matrix: from each state before it to each state after it, the best or the summed score of the tags that lead
there. The matrix of a run of tokens is the product of theirs, and products can be taken in any order: neighbours in
pairs, pairs in pairs, and so on, all pairs of a round in one NumPy call (a parallel scan: Blelloch 1990,
https://www.cs.cmu.edu/~guyb/papers/Ble93.pdf; on sequence models: Särkkä & García-Fernández 2021,
https://arxiv.org/abs/2102.05743). Then the way back down the tree gives every token its place in the whole.

    tokens   0   1   2   3   4
    round 1  (0 1)   (2 3)   4
    round 2  (0 1 2 3)       4
    round 3  (0 1 2 3 4)

Independent sequences stand one after the other in one chain; the matrix of the first token of each forgets the state
before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .tags import TagSet
from .types import Floats1d, Ints1d

Bools1d = NDArray[np.bool_]
Bools2d = NDArray[np.bool_]
Matrices = NDArray[np.float64]
"""*Shape:* `(n, n_states, n_states)`: from the state before to the state after."""

MAX_CELLS = 1 << 20
"""Most numbers in the matrices of the tokens that are worked on at once (8 MiB), however long the chain is."""


@dataclass(frozen=True, eq=False)
class States:
    """The states of a tag set. See `states_of`.

    of_tag: the state in which each tag leaves the sequence. *Shape:* `(n_tags,)`
    allowed: whether a tag may follow in a state. *Shape:* `(n_states, n_tags)`
    goes_on: whether it then goes on with the entity that is open. *Shape:* `(n_states, n_tags)`
    allowed_first: the same as `allowed` at the first token of a sequence, in the state that ends the one before.
    may_end: whether a sequence may end in a state. *Shape:* `(n_states,)`
    start: the state before the first token.
    """

    of_tag: Ints1d
    allowed: Bools2d
    goes_on: Bools2d
    allowed_first: Bools2d
    may_end: Bools1d
    start: int

    @property
    def n(self) -> int:
        return len(self.may_end)

    def into(self) -> Bools2d:
        """Whether a tag leads to a state. *Shape:* `(n_tags, n_states)`"""
        into: Bools2d = self.of_tag[:, None] == np.arange(self.n)
        return into


@lru_cache(maxsize=64)
def states_of(tags: TagSet) -> States:
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
    may_end = end[first]
    return States(
        of_tag=state[:-1],
        allowed=follow[first],
        goes_on=goes_on[first],
        allowed_first=may_end[:, None] & tags.may_begin[None],
        may_end=may_end,
        start=int(state[-1]),
    )


def best_path(scores: NDArray[np.floating], begins: Bools1d, tags: TagSet) -> Ints1d:
    """The legal sequence of tags with the highest sum of scores, of each sequence in a chain (Viterbi 1967).

    scores: of each tag for each token. *Shape:* `(n_tokens, n_tags)`
    begins: whether a token is the first of a sequence. *Shape:* `(n_tokens,)`
    RETURNS: tag ids. *Shape:* `(n_tokens,)`
    """
    if not len(scores):
        return np.zeros(0, dtype=np.int64)
    states = states_of(tags)
    relative: NDArray[np.float64] = scores.astype(np.float64)
    relative -= relative.max(axis=1, keepdims=True)
    parts = list(_parts(len(scores), states.n))
    # Forward: the best score of each state at the edges between the parts.
    arrive = np.where(np.arange(states.n) == states.start, 0.0, -np.inf)
    before = []
    for part in parts:
        before.append(arrive)
        *_, root = _tree(_best_edges(relative[part], begins[part], states), _max_plus)
        arrive = (arrive[:, None] + root[0]).max(axis=0)
    # Backward: the best end of each part, then the states inside it from the top of its tree down.
    best = np.zeros(len(scores), dtype=np.int64)
    last = int(np.where(states.may_end, arrive, -np.inf).argmax())
    into = states.into()
    for part, arrive in zip(reversed(parts), reversed(before), strict=True):
        levels = _tree(_best_edges(relative[part], begins[part], states), _max_plus)
        left = np.array([int((arrive + levels[-1][0, :, last]).argmax())])
        right = np.array([last])
        last = int(left[0])
        for level in reversed(levels[:-1]):
            n_pairs = len(level) // 2
            first, second = level[0 : 2 * n_pairs : 2], level[1::2]
            pair = np.arange(n_pairs)
            between = (first[pair, left[:n_pairs]] + second[pair, :, right[:n_pairs]]).argmax(axis=1)
            lefts, rights = np.repeat(left, 2)[: len(level)], np.repeat(right, 2)[: len(level)]
            rights[0 : 2 * n_pairs : 2] = lefts[1::2] = between
            left, right = lefts, rights
        allowed = np.where(begins[part][:, None], states.allowed_first[left], states.allowed[left])
        best[part] = np.where(allowed & into.T[right], relative[part], -np.inf).argmax(axis=1)
    return best


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of the products of probabilities over all legal sequences of a chain, each with the logarithm of a factor
    that keeps it within floating point. See `forward_backward`.

    before: over the tokens before a token, for each state there. *Shape:* `(n_tokens, n_states)`
    after: over the tokens after a token, for each state there. *Shape:* `(n_tokens, n_states)`
    log_before, log_after: their factors. *Shape:* `(n_tokens,)`
    log_total: over the whole chain.
    """

    before: Matrices
    after: Matrices
    log_before: NDArray[np.float64]
    log_after: NDArray[np.float64]
    log_total: float


def forward_backward(probabilities: NDArray[np.float64], begins: Bools1d, tags: TagSet) -> Sums:
    """Sum over all legal sequences, up to and from each token.

    probabilities: of each tag for each token, above 0. *Shape:* `(n_tokens, n_tags)`, at least one token
    begins: whether a token is the first of a sequence. *Shape:* `(n_tokens,)`
    """
    states = states_of(tags)
    shape = (len(probabilities), states.n)
    before, after = np.zeros(shape), np.zeros(shape)
    log_before, log_after = np.zeros(shape[0]), np.zeros(shape[0])
    parts = list(_parts(*shape))
    trees = {}
    one, log_one = (np.arange(states.n) == states.start).astype(np.float64), 0.0
    for i, part in enumerate(parts):
        trees = {i: _scaled_tree(_summed_edges(probabilities[part], begins[part], states))}
        levels, logs = trees[i]
        before[part], log_before[part] = _descend(levels, logs, one, log_one, forward=True)
        one, log_more = _scaled(one[None] @ levels[-1][0])
        log_one += float(logs[-1][0]) + float(log_more[0])
        one = one[0]
    log_total = log_one + float(np.log((one * states.may_end).sum()))
    one, log_one = states.may_end.astype(np.float64), 0.0
    for i, part in reversed(list(enumerate(parts))):
        # A chain of one part, the common case, has its tree already.
        levels, logs = trees.get(i) or _scaled_tree(_summed_edges(probabilities[part], begins[part], states))
        after[part], log_after[part] = _descend(levels, logs, one, log_one, forward=False)
        one, log_more = _scaled((levels[-1][0] @ one)[None])
        log_one += float(logs[-1][0]) + float(log_more[0])
        one = one[0]
    return Sums(before, after, log_before, log_after, log_total)


def _parts(n_tokens: int, n_states: int) -> Iterator[slice]:
    size = max(64, MAX_CELLS // n_states**2)
    return (slice(start, start + size) for start in range(0, n_tokens, size))


def _best_edges(scores: NDArray[np.float64], begins: Bools1d, states: States) -> Matrices:
    edges = np.full((len(scores), states.n, states.n), -np.inf)
    for tag, state in enumerate(states.of_tag.tolist()):
        allowed = np.where(begins[:, None], states.allowed_first[:, tag], states.allowed[:, tag])
        np.maximum(edges[:, :, state], np.where(allowed, scores[:, tag, None], -np.inf), out=edges[:, :, state])
    return edges


def _summed_edges(probabilities: NDArray[np.float64], begins: Bools1d, states: States) -> Matrices:
    into = states.into()
    kinds = [(a[:, :, None] & into).transpose(1, 0, 2) for a in (states.allowed, states.allowed_first)]
    inside, first = (kind.reshape(len(into), -1).astype(np.float64) for kind in kinds)  # (n_tags, n_states²)
    edges: Matrices = probabilities @ inside
    edges[begins] = probabilities[begins] @ first
    return edges.reshape(-1, states.n, states.n)


def _max_plus(first: Matrices, second: Matrices) -> Matrices:
    best = first[:, :, :1] + second[:, :1]
    for state in range(1, first.shape[2]):
        np.maximum(best, first[:, :, state, None] + second[:, None, state], out=best)
    return best


def _tree(leaves: Matrices, product: Callable[[Matrices, Matrices], Matrices]) -> list[Matrices]:
    """The rounds of products, the tokens' own matrices first. Without a partner the last one goes up as it is."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        level = levels[-1]
        n_paired = len(level) // 2 * 2
        levels.append(np.concatenate([product(level[0:n_paired:2], level[1::2]), level[n_paired:]]))
    return levels


def _scaled_tree(leaves: Matrices) -> tuple[list[Matrices], list[Floats1d]]:
    """The same with sums of products, each matrix scaled to the maximum 1, and the logarithms of the factors."""
    scaled, log = _scaled(leaves)
    levels, logs = [scaled], [log]
    while len(levels[-1]) > 1:
        level, log = levels[-1], logs[-1]
        n_paired = len(level) // 2 * 2
        products, more = _scaled(level[0:n_paired:2] @ level[1::2])
        levels.append(np.concatenate([products, level[n_paired:]]))
        logs.append(np.concatenate([log[0:n_paired:2] + log[1::2] + more, log[n_paired:]]))
    return levels, logs


def _scaled(arrays: NDArray[np.float64]) -> tuple[NDArray[np.float64], Floats1d]:
    largest = arrays.reshape(len(arrays), -1).max(axis=1)
    return arrays / largest.reshape(-1, *[1] * (arrays.ndim - 1)), np.log(largest)


def _descend(
    levels: list[Matrices], logs: list[Floats1d], vector: NDArray[np.float64], log: float, *, forward: bool
) -> tuple[NDArray[np.float64], Floats1d]:
    """From the vector at one edge of a part to those at that edge of each of its tokens.

    vector: sums over all that is before the part, or, if not `forward`, after it. *Shape:* `(n_states,)`
    RETURNS: the same for each token *Shape:* `(n_tokens, n_states)`, and the logarithms of their factors.
    """
    vectors, log_vectors = vector[None], np.array([log])
    for level, log_level in zip(reversed(levels[:-1]), reversed(logs[:-1]), strict=True):
        n_pairs = len(level) // 2
        below, log_below = np.repeat(vectors, 2, axis=0)[: len(level)], np.repeat(log_vectors, 2)[: len(level)]
        # Going forward the second of a pair has the first before it; going backward it is the other way round.
        seconds, firsts = slice(1, None, 2), slice(0, 2 * n_pairs, 2)
        mine, other = (seconds, firsts) if forward else (firsts, seconds)
        passed = vectors[:n_pairs]
        products = passed[:, None] @ level[other] if forward else level[other] @ passed[:, :, None]
        below[mine], more = _scaled(products.reshape(n_pairs, -1))
        log_below[mine] = log_vectors[:n_pairs] + log_level[other] + more
        vectors, log_vectors = below, log_below
    return vectors, log_vectors
