"""Test the length of a training run and the messages about problems with it."""

import random

import pytest
import spacy
import torch
from spacy.training import Example

from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.optim.training_plan import make_plan, plan_of

BY_SEQUENCE = {"@batchers": "spacy.batch_by_sequence.v1", "size": 16}
THINCS = {"@schedules": "warmup_linear.v1", "warmup_steps": 50, "initial_rate": 0.001}


def section(**changes):
    return {"max_steps": 500, "max_epochs": 0, "eval_frequency": 50, "batcher": BY_SEQUENCE, **changes}


def examples_of(n, n_words=5):
    nlp = spacy.blank("en")
    doc = nlp.make_doc("a " * n_words)
    return lambda: (Example(doc, doc) for _ in range(n))


def plan(n, **changes):
    return make_plan(section(**changes), examples_of(n))


def said(found, is_last_evaluated=False):
    return found.problems(is_last_evaluated=is_last_evaluated)


LENGTHS = [
    ({}, 800, 500, 500, "Steps: 500, or 10.0 epochs of 50 batches (800 examples)"),
    ({}, 801, 500, 500, "Steps: 500, or 9.8 epochs of 51 batches (801 examples)"),
    ({"max_steps": 0, "max_epochs": 3}, 801, 153, 152, "Steps: 153, or 3.0 epochs of 51 batches (801 examples)"),
    ({"max_steps": 60, "max_epochs": 3}, 801, 60, 60, "Steps: 60, or 1.2 epochs of 51 batches (801 examples)"),
    ({"max_steps": 0}, 801, None, None, "Steps: no limit but patience, in epochs of 51 batches (801 examples)"),
    ({"max_epochs": -1}, 801, 500, 500, "Steps: 500"),
    ({"max_steps": 0, "max_epochs": -1}, 801, None, None, "Steps: no limit but patience"),
]


@pytest.mark.parametrize(("changes", "n", "total", "last", "told"), LENGTHS)
def test_the_length_is_that_of_spacys_loop(changes, n, total, last, told):
    found = plan(n, **changes)
    assert (found.total_steps, found.last_step, found.describe()) == (total, last, told)


def test_batches_are_counted_as_the_batcher_makes_them():
    """Test compounding batches, which have more words in later epochs."""
    size = {"@schedules": "compounding.v1", "start": 10, "stop": 40, "compound": 2.0}
    batcher = {"@batchers": "spacy.batch_by_words.v1", "size": size, "tolerance": 0.0, "discard_oversize": False}
    found = plan(16, max_steps=0, max_epochs=2, batcher={**batcher, "get_length": None})
    # Examples have 5 words each. The batches contain 2, 4 and 8 examples and the remaining 2, then two times 8.
    assert (found.epoch_steps, found.all_steps, found.n_examples) == (4, 6, 16)


def test_epochs_beyond_the_twentieth_count_as_that():
    batcher = {"@batchers": "spacy.batch_by_words.v1", "size": 10, "tolerance": 0.0, "discard_oversize": False}
    assert plan(4, max_steps=0, max_epochs=100, batcher={**batcher, "get_length": None}).all_steps == 200


def test_data_that_was_counted_is_not_read_again():
    def read():
        raise AssertionError

    assert make_plan(section(), read, n_examples=33).epoch_steps == 3


def test_reading_draws_nothing_from_others():
    def read():
        random.random()
        torch.rand(1)
        return examples_of(3)()

    random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), torch.rand(1)
    random.seed(1)
    torch.manual_seed(1)
    make_plan(section(), read)
    assert (random.random(), torch.rand(1)) == expected


def test_less_than_an_epoch_is_told_with_the_steps_to_take():
    assert said(plan(40_000, eval_frequency=50, batcher={**BY_SEQUENCE, "size": 16})) == [
        "[training] max_steps = 500 ends training after 0.2 epochs, so the remaining data is never read. One epoch has "
        "40,000 examples in 2,500 batches. For one epoch: --training.max_steps 2500. For five epochs: "
        "--training.max_steps 12500"
    ]
    assert said(plan(8_000)) == []
    assert said(plan(40_000, max_steps=0, max_epochs=1)) == []


def test_a_best_pipeline_that_has_learned_nothing_is_told():
    assert said(plan(100, max_steps=20)) == [
        "[training] eval_frequency = 50 evaluates only the first step, because training ends at step 20. The "
        "pipeline in model-best will be untrained. Evaluate more often: --training.eval_frequency 20. Or train with "
        "python -m spacy bert-ner train, which also evaluates the last step."
    ]
    assert said(plan(100, max_steps=50)) == said(plan(10, max_steps=0, max_epochs=1)) == []
    assert len(said(plan(100, max_steps=0, max_epochs=1))) == 1
    assert said(plan(100, max_steps=20), is_last_evaluated=True) == []


def test_a_schedule_without_steps_is_refused():
    with pytest.raises(ConfigError) as error:
        plan(100, max_steps=0, max_epochs=5, optimizer={"learn_rate": {**THINCS, "total_steps": 0}})
    assert str(error.value) == (
        "[training.optimizer.learn_rate] total_steps = 0 sets the learning rate to 0 from step 50 on, so nothing is "
        "learned. Set total_steps to a whole number of at least 1. Or use the schedule that counts the steps itself: "
        '@schedules = "spacy_bert_ner.WarmupLinear.v1"'
    )


def test_a_schedule_that_is_too_short_is_told():
    rate = {"learn_rate": {**THINCS, "total_steps": 500}}
    assert said(plan(100, max_steps=1000, optimizer=rate)) == [
        "[training.optimizer.learn_rate] total_steps = 500 sets the learning rate to 0 from that step on, but training "
        "continues to step 1000. Set total_steps to the number of training steps. Or use the schedule that counts the "
        "steps itself: "
        '@schedules = "spacy_bert_ner.WarmupLinear.v1"'
    ]
    assert "continues indefinitely" in said(plan(100, max_steps=0, optimizer=rate))[0]
    assert said(plan(100, optimizer=rate)) == []


def test_a_pipeline_whose_config_does_not_say_it_has_no_plan():
    assert plan_of({"training": {"max_steps": 3}}, examples_of(3), None) is None
    assert plan_of({}, examples_of(3), None) is None
