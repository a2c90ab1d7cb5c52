"""Test the learning rates of `spacy_bert_ner.WarmupLinear.v1`, with and without a number of steps."""

import copy
import pickle
from itertools import islice

import pytest
from spacy.util import registry
from thinc.api import Optimizer, warmup_linear

from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.optim.schedule import make_warmup_linear_v1, schedule_of


def rates(n, **settings):
    return list(islice(make_warmup_linear_v1(**settings), n))


def test_it_rises_then_falls_and_never_stays_at_zero():
    found = rates(9, initial_rate=1.0, warmup=2, total_steps=6)
    assert found == [0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0.25, 0.25]


@pytest.mark.parametrize(("warmup", "steps"), [(0.1, 50), (50, 50), (0, 0), (0.0, 0), (0.25, 125)])
def test_up_to_the_last_step_it_is_that_of_thinc(warmup, steps):
    """Test equality with thinc's schedule, so that training runs with the recipes have bit-identical results."""
    expected = list(islice(warmup_linear(0.00025, steps, 500), 501))
    assert rates(501, initial_rate=0.00025, warmup=warmup, total_steps=500) == expected


def test_a_warm_up_as_long_as_the_training_ends_at_the_full_rate():
    assert rates(6, initial_rate=1.0, warmup=4, total_steps=4) == [0, 0.25, 0.5, 0.75, 0, 1]
    assert rates(4, initial_rate=1.0, warmup=4, total_steps=2) == [0, 0.25, 0.5, 0.75]


def test_where_nobody_tells_the_steps_the_rate_stays():
    assert rates(4, initial_rate=0.5) == [0, 0.5, 0.5, 0.5]
    assert rates(4, initial_rate=0.5, warmup=0) == [0.5] * 4
    assert rates(4, initial_rate=0.5, warmup=2) == [0, 0.25, 0.5, 0.5]


def test_the_steps_may_be_told_at_any_step():
    schedule = make_warmup_linear_v1(initial_rate=1.0, warmup=0.5)
    optimizer = Optimizer(schedule)
    assert schedule_of(optimizer) is schedule
    for _ in range(3):
        optimizer.step_schedules()
    schedule.tell(optimizer, 8)
    assert optimizer.learn_rate == 0.75
    found = []
    for _ in range(3):
        optimizer.step_schedules()
        found.append(optimizer.learn_rate)
    assert found == [1, 0.75, 0.5]


def test_a_training_without_an_end_warms_up_and_stays():
    schedule = make_warmup_linear_v1(initial_rate=1.0, warmup=0.1)
    optimizer = Optimizer(schedule)
    schedule.tell(optimizer, None)
    found = [optimizer.learn_rate, *islice(schedule, 200)]
    assert found[:3] == [0, 0.01, 0.02]  # a tenth of 1,000 steps
    assert found[100:] == [1.0] * 101


def test_until_it_knows_the_encoder_auto_is_the_rate_for_bert_base():
    assert rates(4, initial_rate="auto", warmup=2) == [0, 0.000025, 0.00005, 0.00005]


def test_auto_has_the_same_bits_as_the_number():
    schedule = make_warmup_linear_v1(initial_rate="auto", warmup=0.1, total_steps=500)
    optimizer = Optimizer(schedule)
    schedule.suit(optimizer, 6, 384)
    found = [optimizer.learn_rate, *islice(schedule, 500)]
    assert found == rates(501, initial_rate=0.00025, warmup=0.1, total_steps=500)


def test_auto_may_learn_of_the_encoder_at_any_step():
    schedule = make_warmup_linear_v1(initial_rate="auto", warmup=2, total_steps=6)
    optimizer = Optimizer(schedule)
    for _ in range(3):
        optimizer.step_schedules()
    schedule.suit(optimizer, 2, 128)
    assert optimizer.learn_rate == 0.00075
    assert next(schedule) == 0.0005


def test_auto_takes_the_lowest_rate_of_several_encoders():
    optimizer = Optimizer(make_warmup_linear_v1(initial_rate="auto", warmup=0))
    found = []
    for size in ((6, 384), (12, 768), (2, 128)):
        schedule_of(optimizer).suit(optimizer, *size)
        found.append(optimizer.learn_rate)
    assert found == [0.00025, 0.00005, 0.00005]


def test_a_rate_that_is_a_number_stays():
    optimizer = Optimizer(make_warmup_linear_v1(initial_rate=0.004, warmup=0))
    schedule_of(optimizer).suit(optimizer, 12, 768)
    assert optimizer.learn_rate == 0.004


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))], ids=["copy", "pickle"])
def test_a_copy_goes_on_where_it_was(copied):
    schedule = make_warmup_linear_v1(initial_rate=1.0, warmup=2, total_steps=6)
    list(islice(schedule, 3))
    assert list(islice(copied(schedule), 2)) == list(islice(schedule, 2)) == [0.75, 0.5]


def test_other_schedules_are_none_of_these():
    assert schedule_of(Optimizer(0.1)) is None
    assert schedule_of(Optimizer(warmup_linear(0.1, 2, 4))) is None


def test_the_registry_has_it():
    section = {"@schedules": "spacy_bert_ner.WarmupLinear.v1", "initial_rate": 1.0, "warmup": 1, "total_steps": 3}
    assert list(islice(registry.resolve({"rate": section})["rate"], 4)) == [0, 1, 0.5, 0]


A_SHARE = "a share of the steps, from 0 to less than 1, such as 0.1, or a whole number of steps, such as 50"
A_RATE = 'a number above 0, such as 0.00025, or "auto" for a rate that suits the encoder'
A_NUMBER = "null to use [training] max_steps or max_epochs, or a whole number of at least 1, such as 500"
BAD = [
    ("initial_rate", 0, A_RATE),
    ("initial_rate", "fast", A_RATE),
    ("warmup", -1, A_SHARE),
    ("warmup", 1.5, A_SHARE),
    ("warmup", True, A_SHARE),
    ("total_steps", 0, A_NUMBER),
    ("total_steps", 10.0, A_NUMBER),
    ("total_steps", True, A_NUMBER),
]


@pytest.mark.parametrize(("key", "value", "allowed"), BAD)
def test_settings_are_checked(key, value, allowed):
    with pytest.raises(ConfigError) as error:
        make_warmup_linear_v1(**{key: value})
    assert str(error.value) == f"[training.optimizer.learn_rate] {key} = {value!r} is invalid. Allowed: {allowed}."
