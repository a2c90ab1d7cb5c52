"""Build the finite automaton for a tag set: its states and the transitions between them.

Which tags may follow a tag depends only on whether an entity is open and, if so, on its label. Tags that allow the same
next tags therefore share one *state*. There are about half as many states as tags. In IOB2 with the labels a and b:

    state       tags        may be followed by
    closed      O           O  B-a  B-b
    a is open   B-a  I-a    O  B-a  B-b  I-a
    b is open   B-b  I-b    O  B-a  B-b  I-b

The start of a sequence also has a state. In this example, it is the same state as after `O`.

Transitions are stored in three groups, so `block_scan` can process them with a few NumPy calls. Final states are states
in which a sequence may end. The first group contains the tags that are allowed in every final state. The other
transitions have only one or two tags per label. In the second group, they keep the state. In the third group, they lead
to another state:

    scheme   in every final state   keeps "a is open"   leaves "a is open"
    IOB2     O  B-a  B-b            I-a
    BILUO    O  B-a  U-a  B-b  U-b  I-a                 L-a
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
    """A group of transitions: the tags, with the states before and after each tag.

    The sources are either all different or all the same, and so are the targets.

    sources: states before the tags. *Shape:* `(n,)`, or a slice that contains either `n` states or one state
    targets: states after the tags. *Shape:* `(n,)`, or a slice that contains either `n` states or one state
    tags: tag IDs. *Shape:* `(n,)`
    """

    sources: Index
    targets: Index
    tags: Ints1d


@dataclass(frozen=True, eq=False)
class TagAutomaton:
    """The states of a tag set and the transitions between them. See `automaton_of`.

    state_of_tag: state after each tag. *Shape:* `(n_tags,)`
    allowed: whether each tag is allowed as the next tag in each state. *Shape:* `(n_states, n_tags)`
    continues: whether each tag continues the open entity of each state. *Shape:* `(n_states, n_tags)`
    allowed_first: whether a sequence may end in each state and the next sequence may start with each tag.
        *Shape:* `(n_states, n_tags)`
    final_states: whether a sequence may end in each state. *Shape:* `(n_states,)`
    start (int): state before the first token.
    closed_states: the final states as a NumPy index.
    opens: whether each tag is allowed as the next tag in all closed states. *Shape:* `(n_tags,)`
    openers: IDs of the tags that `opens` includes or that may start a sequence, sorted by the state after the tag.
        *Shape:* `(n_openers,)`
    self_loops (Transitions): the transitions from a state to itself that `opens` does not cover.
    cross_transitions (list[Transitions]): the transitions from one state to another that `opens` does not
        cover.
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
        """Return the number of states."""
        return len(self.final_states)

    def into(self) -> Bools2d:
        """Return whether each tag leads to each state. *Shape:* `(n_tags, n_states)`"""
        into: Bools2d = self.state_of_tag[:, None] == np.arange(self.n)
        return into


@lru_cache(maxsize=64)
def automaton_of(tags: TagSet) -> TagAutomaton:
    """Build the automaton for a tag set.

    Tags that allow the same next tags share one state. The start of a sequence may share it too.

    tags (TagSet): the tags and the rules of their scheme.
    RETURNS (TagAutomaton): the automaton.
    """
    n_tags = len(tags.tags)
    # There is one row per tag, followed by a row for the start of a sequence.
    may_follow = np.concatenate([tags.may_follow, tags.may_begin[None]])
    continues = np.concatenate([tags.continues, np.zeros((1, n_tags), dtype=bool)])
    may_end = np.concatenate([tags.may_end, [True]])
    _, representatives, states = np.unique(
        np.concatenate([may_follow, continues, may_end[:, None]], axis=1),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    states = states.reshape(-1)  # in NumPy 2.0, the array has a second axis
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
    """Group transitions that one NumPy call can process together.

    transitions: source state, target state and tag ID of each transition.
    YIELDS: the transitions from a state to itself, followed by groups of the remaining transitions. Each of these
        groups contains all transitions from or to the state with the most transitions.
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
        else:  # if no state has two transitions, one group contains all of them
            group = {t[0]: t for t in transitions if t[1] == target or n_to == 1}


def _as_slice(states: Ints1d) -> Index:
    """Convert consecutive or identical states to a slice, with which NumPy indexes without copying."""
    gaps = np.diff(states)
    if len(states) and (not gaps.any() or (gaps == 1).all()):
        return slice(int(states[0]), int(states[-1]) + 1)
    return states
