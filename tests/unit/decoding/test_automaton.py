"""Test the states of tag sets and the transitions between them."""

import numpy as np
import pytest
from tag_sets import TAG_SETS, every_tag_set

from spacy_bert_ner.decoding.automaton import automaton_of
from spacy_bert_ner.decoding.tag_scheme import PREFIXES, build_tag_set, tags_of_labels


@every_tag_set
def test_what_may_follow_is_told_by_what_opens_and_the_ways_of_each_state(tags):
    states = automaton_of(tags)
    found = np.zeros(states.allowed.shape, dtype=int)
    found[states.closed_states] += states.opens
    for sources, targets, tag_ids in (states.self_loops, *states.cross_transitions):
        source, target, tag = np.broadcast_arrays(np.r_[sources], np.r_[targets], tag_ids)
        np.testing.assert_array_equal(states.state_of_tag[tag], target)
        np.add.at(found, (source, tag), 1)
    np.testing.assert_array_equal(found, states.allowed)


@pytest.mark.parametrize(
    ("scheme", "n_states"),
    [
        ("IOB1", 3),
        ("IOB2", 3),
        ("IOE1", 5),
        ("IOE2", 3),
        ("BILUO", 3),
        ("IOBES", 3),
        ("BMES", 3),
        ("BMEWO", 3),
        ("plain", 3),
    ],
)
def test_there_are_few_states(scheme, n_states):
    # One state outside entities, and one inside for each of two labels. IOE1 also has states that the same label must
    # follow.
    assert automaton_of(TAG_SETS[scheme]).n == n_states


@pytest.mark.parametrize("scheme", [*PREFIXES, "IOB", "IOE"])
def test_a_step_takes_no_longer_list_of_moves_for_more_labels(scheme):
    few, many = (build_tag_set(tags_of_labels([f"l{i}" for i in range(n)], scheme), scheme) for n in (2, 20))
    assert len(automaton_of(few).cross_transitions) == len(automaton_of(many).cross_transitions) <= 1


def test_tags_after_which_the_same_may_come_share_a_state():
    states = automaton_of(TAG_SETS["IOB2"])
    outside, *of_labels = states.state_of_tag.tolist()  # O, B-a, I-a, B-b, I-b
    assert outside == states.start
    assert of_labels[0] == of_labels[1] != of_labels[2] == of_labels[3]
