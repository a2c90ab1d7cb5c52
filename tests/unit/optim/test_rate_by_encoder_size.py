"""Test the table of learning rates, and that all parts of the package that choose a rate agree with it."""

import pytest
from spacy.util import load_config
from support import ROOT
from thinc.api import Optimizer

from spacy_bert_ner.advice.choices import layers
from spacy_bert_ner.optim.rate_by_encoder_size import scheduled_rate, usual_rates
from spacy_bert_ner.optim.schedule import make_warmup_linear_v1, schedule_of

SIZES = [
    (6, 384, 0.00025),  # MiniLM-L6, as measured
    (12, 384, 0.0002),  # MiniLM-L12
    (12, 256, 0.0002),  # ELECTRA-small
    (6, 768, 0.00005),  # DistilBERT
    (12, 768, 0.00005),  # BERT-base
    (0, 768, 0.00005),  # ALBERT-base, whose layers share their weights
    (24, 1024, 0.00002),  # BERT-large
    (12, 1536, 0.00002),  # wider than any size in the table
    (2, 128, 0.001),  # BERT-tiny
    (0, 0, 0.00005),  # an unknown size
]


@pytest.mark.parametrize(("n_layers", "width", "rate"), SIZES)
def test_the_rate_for_each_size(n_layers, width, rate):
    assert scheduled_rate(n_layers, width) == rate


@pytest.mark.parametrize(("n_layers", "width", "rate"), SIZES)
def test_auto_and_init_config_give_the_same_rate(n_layers, width, rate):
    optimizer = Optimizer(make_warmup_linear_v1(initial_rate="auto", warmup=0))
    schedule_of(optimizer).suit(optimizer, n_layers, width)
    assert optimizer.learn_rate == layers(n_layers, width).rate == rate


@pytest.mark.parametrize("width", [0, 128, 256, 384, 768, 1024, 4096])
def test_a_suitable_rate_is_not_above_the_usual_range(width):
    suitable, highest = usual_rates(width)
    assert suitable <= highest
    assert scheduled_rate(6, width) <= usual_rates(width or 768)[1]


@pytest.mark.parametrize("recipe", ["bert_ner", "bert_ner_best"])
def test_the_rates_of_the_recipes_depend_on_the_encoder(recipe):
    config = load_config(ROOT / "configs" / f"{recipe}.cfg")
    assert config["training"]["optimizer"]["learn_rate"]["initial_rate"] == "auto"
