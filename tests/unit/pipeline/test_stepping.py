"""Test a component's learning-rate checks, its schedule, and its default optimizer."""

import warnings

import pytest
import spacy
from spacy.language import Language
from support import found, gold, save_encoder
from thinc.api import SGD, Adam, Optimizer, warmup_linear

from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.optim.default_optimizer import DefaultOptimizer
from spacy_bert_ner.optim.layerwise_adamw import make_adamw_v1
from spacy_bert_ner.optim.schedule import make_warmup_linear_v1

SCHEDULE = {"@schedules": "spacy_bert_ner.WarmupLinear.v1", "initial_rate": 0.004, "warmup": 0.25}


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Return an encoder with one layer and the hidden size of a common small encoder."""
    changes = {"hidden_size": 256, "num_hidden_layers": 1, "intermediate_size": 32}
    return save_encoder(tmp_path_factory.mktemp("wide"), **changes)


def planned(make_nlp, examples, **training):
    """Return a pipeline whose config defines the length of training."""
    nlp = make_nlp()
    nlp.config["training"] |= {
        "max_steps": 8,
        "eval_frequency": 2,
        "optimizer": {"@optimizers": "spacy_bert_ner.AdamW.v1", "learn_rate": SCHEDULE},
        **training,
    }
    nlp.initialize(lambda: examples)
    return nlp


def learn(nlp, examples, sgd, n, steps=True):
    """Train and return the learning rate in each update."""
    rates = []
    for _ in range(n):
        nlp.update(examples, sgd=sgd)
        rates.append(nlp.get_pipe("bert_ner").learn_rate)
        if steps:
            sgd.step_schedules()
    return rates


def test_the_schedule_is_told_the_steps_of_the_config(make_nlp, examples):
    nlp = planned(make_nlp, examples)
    rates = learn(nlp, examples, nlp.create_optimizer(), 9)
    assert rates == pytest.approx([0, 0.002, *(0.004 * left / 6 for left in (6, 5, 4, 3, 2, 1, 0))])


def test_the_steps_of_epochs_are_counted_in_the_data(make_nlp, examples):
    batcher = {"@batchers": "spacy.batch_by_sequence.v1", "size": 2}
    nlp = planned(make_nlp, examples, max_steps=0, max_epochs=4, batcher=batcher)
    assert nlp.get_pipe("bert_ner").plan.total_steps == 8
    assert learn(nlp, examples, nlp.create_optimizer(), 3) == pytest.approx([0, 0.002, 0.004])


def test_labels_of_the_config_leave_the_data_to_be_counted(make_nlp, examples):
    nlp = make_nlp()
    batcher = {"@batchers": "spacy.batch_by_sequence.v1", "size": 3}
    nlp.config["training"] |= {"max_steps": 0, "max_epochs": 2, "eval_frequency": 1, "batcher": batcher}
    nlp.config["initialize"]["components"] = {"bert_ner": {"labels": ["geo", "org", "per"]}}
    nlp.initialize(lambda: examples)
    assert nlp.get_pipe("bert_ner").plan.all_steps == 4


def test_who_is_not_initialized_keeps_the_rate_and_says_so(make_nlp, examples):
    nlp = planned(make_nlp, examples)
    again = make_nlp().from_bytes(nlp.to_bytes())
    with pytest.warns(
        UserWarning, match="does not know the number of training steps, .* rate stays at 0.004. To make it decay"
    ):
        rates = learn(again, examples, again.create_optimizer(), 3)
    assert rates == [0.004] * 3


def make_sgd(**settings):
    return make_adamw_v1(learn_rate=make_warmup_linear_v1(initial_rate=0.004, **settings))


def test_a_schedule_that_nobody_moves_does_not_stand_still_at_zero(nlp, examples):
    sgd = make_sgd(total_steps=10, warmup=2)
    message = "is not advancing and gives a rate of 0, .* constant rate of 0.004 is used .*optimizer.step_schedules()"
    with pytest.warns(UserWarning, match=message):
        rates = learn(nlp, examples, sgd, 4, steps=False)
    assert rates == [0, 0.004, 0.004, 0.004]


def test_a_rate_that_was_set_by_hand_stays(make_nlp, examples):
    nlp = planned(make_nlp, examples)
    sgd = nlp.create_optimizer()
    sgd.learn_rate = 0.003
    assert learn(nlp, examples, sgd, 3, steps=False) == [0.003] * 3


def test_another_schedule_that_stays_at_zero_is_told_once(nlp, examples):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        learn(nlp, examples, Adam(warmup_linear(0.004, 1, 3)), 8)
    assert [str(one.message) for one in told] == [
        "Component 'bert_ner' was updated twice with a learning rate of 0, so it learned nothing. Call "
        "optimizer.step_schedules() after each nlp.update, or increase total_steps in "
        "[training.optimizer.learn_rate]."
    ]


def test_a_rate_that_is_too_high_is_told_with_the_line_to_write(make_nlp, wide, examples):
    nlp = make_nlp(name=wide)
    nlp.initialize(lambda: examples)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        learn(nlp, examples, Adam(0.001), 2)
    assert [str(one.message) for one in told] == [
        "The learning rate 0.001 is too high for the encoder of component 'bert_ner', whose hidden size is 256. The "
        "encoder may lose what it learned in pretraining, and the component may predict no entities. Learning rates "
        "up to 0.0003 are usual. Set a lower rate in "
        '[training.optimizer]: @optimizers = "spacy_bert_ner.AdamW.v1", and learn_rate = 0.0002'
    ]


def test_the_highest_rate_of_a_schedule_counts_from_the_first_step(make_nlp, wide, examples):
    nlp = make_nlp(name=wide)
    nlp.initialize(lambda: examples)
    rate = r"The learning rate 0.004 is too high .* \[training.optimizer.learn_rate\]: initial_rate = 0.0002$"
    with pytest.warns(UserWarning, match=rate):
        learn(nlp, examples, make_sgd(total_steps=100), 2)


def test_who_has_adamw_is_told_the_rate_alone(make_nlp, wide, examples):
    nlp = make_nlp(name=wide)
    nlp.initialize(lambda: examples)
    with pytest.warns(UserWarning, match=r"Set a lower rate in \[training.optimizer\]: learn_rate = 0.0002$"):
        learn(nlp, examples, make_adamw_v1(0.001), 1)


def test_a_schedule_of_thinc_without_steps_is_refused_before_training(make_nlp, examples):
    """Test `total_steps = 0`, the value of `${training.max_steps}` in a config that sets epochs."""
    thincs = {"@schedules": "warmup_linear.v1", "warmup_steps": 5, "total_steps": 0, "initial_rate": 0.001}
    with pytest.raises(ConfigError, match="total_steps = 0 sets the learning rate to 0 from step 5 on"):
        planned(make_nlp, examples, max_steps=0, optimizer={"@optimizers": "Adam.v1", "learn_rate": thincs})


@pytest.mark.parametrize(
    ("settings", "sgd"),
    [({}, SGD(0.005)), ({}, Adam(0.0003)), ({"frozen_layers": 1}, Adam(0.001)), ({}, make_adamw_v1(0.0002))],
    ids=["SGD", "usual", "frozen", "our default"],
)
def test_others_are_not(make_nlp, wide, examples, settings, sgd):
    nlp = make_nlp(name=wide, **settings)
    nlp.initialize(lambda: examples)
    learn(nlp, examples, sgd, 2)


AUTO = {"@schedules": "spacy_bert_ner.WarmupLinear.v1", "initial_rate": "auto", "warmup": 2}


@pytest.mark.parametrize(("width", "rate"), [(32, 0.001), (256, 0.0002)])
def test_an_automatic_rate_suits_the_encoder(make_nlp, encoder, wide, examples, width, rate):
    nlp = make_nlp(name={32: encoder, 256: wide}[width])
    nlp.config["training"] |= {
        "max_steps": 4,
        "eval_frequency": 2,
        "optimizer": {"@optimizers": "spacy_bert_ner.AdamW.v1", "learn_rate": AUTO},
    }
    nlp.initialize(lambda: examples)
    assert learn(nlp, examples, nlp.create_optimizer(), 4) == pytest.approx([0, rate / 2, rate, rate / 2])


def test_an_automatic_rate_suits_a_pipeline_that_goes_on(make_nlp, examples):
    nlp = make_nlp()
    nlp.initialize(lambda: examples)
    again = make_nlp().from_bytes(nlp.to_bytes())
    sgd = make_adamw_v1(learn_rate=make_warmup_linear_v1(initial_rate="auto", warmup=2, total_steps=6))
    assert learn(again, examples, sgd, 3) == pytest.approx([0, 0.0005, 0.001])


# The default optimizer for a pipeline whose config has none


@pytest.mark.parametrize(("width", "rate"), [(32, 0.001), (256, 0.0002)])
def test_initialize_gives_adamw_at_a_rate_for_the_encoder(make_nlp, encoder, wide, examples, width, rate):
    nlp = make_nlp(name={32: encoder, 256: wide}[width])
    optimizer = nlp.initialize(lambda: examples)
    assert (type(optimizer).__name__, optimizer.learn_rate, optimizer.head_rate) == ("AdamW", rate, 5.0)
    assert nlp.create_optimizer().learn_rate == rate


def test_before_the_encoder_is_open_the_rate_is_that_of_bert_base(make_nlp, tagger):
    assert make_nlp(name=tagger).resume_training().learn_rate == 0.00005


def test_a_pipeline_learns_with_what_initialize_gives(make_nlp, examples):
    nlp = make_nlp()
    optimizer = nlp.initialize(lambda: examples)
    learn(nlp, examples, optimizer, 60)
    assert found(nlp, examples) == gold(examples)


def test_it_is_saved_with_the_pipeline(make_nlp, examples, tmp_path):
    nlp = make_nlp()
    nlp.initialize(lambda: examples)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.config["training"]["optimizer"] == nlp.config["training"]["optimizer"]
    assert again.resume_training().learn_rate == 0.001


def test_an_optimizer_that_was_named_stays(make_nlp, examples):
    nlp = spacy.blank("en")
    named = {"@optimizers": "SGD.v1", "learn_rate": 0.1}
    nlp.config["training"]["optimizer"] = named
    nlp.add_pipe("bert_ner")
    assert nlp.config["training"]["optimizer"] == named
    nlp = make_nlp()
    nlp.config["training"]["optimizer"]["learn_rate"] = 0.0001
    assert nlp.initialize(lambda: examples).learn_rate == 0.0001
    sgd = Optimizer(0.5)
    assert make_nlp().initialize(lambda: examples, sgd=sgd) is sgd


def test_the_optimizer_of_a_config_stays_even_if_it_is_spacys_default(make_nlp):
    config = make_nlp().config
    config["training"]["optimizer"] = Language.default_config["training"]["optimizer"]
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    assert nlp.config["training"]["optimizer"] == Language.default_config["training"]["optimizer"]


def test_a_pipeline_that_trains_other_components_keeps_its_optimizer():
    nlp = spacy.blank("en")
    nlp.add_pipe("tagger")
    nlp.add_pipe("bert_ner")
    assert nlp.config["training"]["optimizer"]["@optimizers"] == "Adam.v1"


def test_other_pipelines_keep_theirs(make_nlp):
    assert make_nlp().config["training"]["optimizer"] == DefaultOptimizer()
    assert spacy.blank("en").config["training"]["optimizer"]["@optimizers"] == "Adam.v1"
