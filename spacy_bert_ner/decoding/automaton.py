"""Build the finite automaton of a tag set: its states and the transitions between them.

The tags that may follow depend on little: whether an entity is open, and its label. Tags that may be followed by the
same tags therefore share one *state*. This gives about half as many states as tags. In IOB2 with the labels a and b:

    state       tags        may be followed by
    closed      O           O  B-a  B-b
    a is open   B-a  I-a    O  B-a  B-b  I-a
    b is open   B-b  I-b    O  B-a  B-b  I-b

The start of a sequence is a state too, here the same as after `O`.

Transitions are stored in three groups, so that `block_scan` needs only a few NumPy calls for all of them. In all states
in which a sequence may end, the same tags may start something new. These tags are one group. The other transitions are
one or two tags per label. They keep a state or lead to another one:

    scheme   in every final state   other transitions from the state of a
    IOB2     O  B-a  B-b            I-a, which keeps it
    BILUO    O  B-a  U-a  B-b  U-b  I-a, which keeps it; L-a, which leaves it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Bools1d, Ints1d
from .tag_scheme import TagSet

Bools2d = NDArray[np.bool_]
Index = Ints1d | slice


class Transitions(NamedTuple):
    """Tags and the states between which they lead. Either side has distinct states, or the same state throughout.

    sources: states before the tags. *Shape:* `(n,)`, or a slice of that many states or of one
    targets: states after the tags. *Shape:* `(n,)`, or a slice of that many states or of one
    tags: tag ids. *Shape:* `(n,)`
    """

    sources: Index
    targets: Index
    tags: Ints1d


@dataclass(frozen=True, eq=False)
class TagAutomaton:
    """The states of a tag set and the transitions between them. See `automaton_of`.

    state_of_tag: the state after each tag. *Shape:* `(n_tags,)`
    allowed: whether a tag may follow in a state. *Shape:* `(n_states, n_tags)`
    continues: whether a tag then continues the open entity. *Shape:* `(n_states, n_tags)`
    allowed_first: whether a tag may follow in a state if it is the first of the next sequence.
        *Shape:* `(n_states, n_tags)`
    final_states: whether a sequence may end in a state. *Shape:* `(n_states,)`
    start (int): the state before the first token.
    closed_states: the states in which a sequence may end, as an index.
    opens: whether a tag may follow in all closed states. *Shape:* `(n_tags,)`
    openers: ids of the tags that `opens` includes or that may start a sequence, ordered by the state after them.
        *Shape:* `(n_openers,)`
    self_loops (Transitions): all other transitions from a state to itself.
    cross_transitions (list[Transitions]): all other transitions from one state to another.
    """

    state_of_tag: Ints1d
    allowed: Bools2d
    continues: Bools2d
    allowed_first: Bools2d
    final_states: Bools1d
    start: int
    closed_states: Index
    opens: Bools1d
    openers: Ints1d
    self_loops: Transitions
    cross_transitions: list[Transitions]

    @property
    def n(self) -> int:
        """Number of states."""
        return len(self.final_states)

    def into(self) -> Bools2d:
        """Return whether a tag leads to a state. *Shape:* `(n_tags, n_states)`"""
        into: Bools2d = self.state_of_tag[:, None] == np.arange(self.n)
        return into


@lru_cache(maxsize=64)
def automaton_of(tags: TagSet) -> TagAutomaton:
    """Build the automaton of a tag set.

    Tags that may be followed by the same tags share one state, as does the start of a sequence.

    tags (TagSet): the tags and the rules of their scheme.
    RETURNS (TagAutomaton): the automaton.
    """
    n_tags = len(tags.tags)
    # One row per tag, and a last row for the start of a sequence.
    may_follow = np.concatenate([tags.may_follow, tags.may_begin[None]])
    continues = np.concatenate([tags.continues, np.zeros((1, n_tags), dtype=bool)])
    may_end = np.concatenate([tags.may_end, [True]])
    _, representatives, states = np.unique(
        np.concatenate([may_follow, continues, may_end[:, None]], axis=1),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    states = states.reshape(-1)  # NumPy 2.0 returned it with a second axis
    final_states, allowed = may_end[representatives], may_follow[representatives]
    opens = allowed[final_states].all(axis=0)
    by_state = np.argsort(states[:-1], kind="stable")
    others = np.argwhere(allowed & ~(final_states[:, None] & opens)).tolist()
    self_loops, *cross_transitions = _grouped([(source, int(states[tag]), tag) for source, tag in others])
    return TagAutomaton(
        state_of_tag=states[:-1],
        allowed=allowed,
        continues=continues[representatives],
        allowed_first=final_states[:, None] & tags.may_begin[None],
        final_states=final_states,
        start=int(states[-1]),
        closed_states=_as_slice(np.flatnonzero(final_states)),
        opens=opens,
        openers=by_state[(opens | tags.may_begin)[by_state]],
        self_loops=self_loops,
        cross_transitions=cross_transitions,
    )


def _grouped(transitions: list[tuple[int, int, int]]) -> Iterator[Transitions]:
    """Group transitions that one NumPy call can take together.

    transitions: source, target and tag of each.
    YIELDS: first the transitions from a state to itself. Then, until none is left, all transitions from or to the state
        that has most of them.
    """
    group = {transition[0]: transition for transition in transitions if transition[0] == transition[1]}
    while True:
        sources, targets, tag_ids = np.array(sorted(group.values()), dtype=np.int64).reshape(-1, 3).T
        yield Transitions(_as_slice(sources), _as_slice(targets), tag_ids)
        taken = set(group.values())
        transitions = [transition for transition in transitions if transition not in taken]
        if not transitions:
            return
        (source, n_from), (target, n_to) = (Counter(t[end] for t in transitions).most_common(1)[0] for end in (0, 1))
        if n_from > n_to:
            group = {t[1]: t for t in transitions if t[0] == source}
        else:  # if no state has two of them, all are taken at once
            group = {t[0]: t for t in transitions if t[1] == target or n_to == 1}


def _as_slice(states: Ints1d) -> Index:
    """Convert consecutive or identical states to a slice, which NumPy indexes without a copy."""
    gaps = np.diff(states)
    if len(states) and (not gaps.any() or (gaps == 1).all()):
        return slice(int(states[0]), int(states[-1]) + 1)
    return states
