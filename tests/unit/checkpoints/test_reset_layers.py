"""Test the reinitialization of layers together with a new head."""

import warnings

import pytest
import spacy
import torch
from checkpoints import ARCHITECTURES
from spacy.training import Example
from transformers import AutoModel, AutoModelForTokenClassification

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.nn.parameter_depth import parameter_depths

pytestmark = [
    pytest.mark.filterwarnings("ignore:The trained head of"),  # the head is replaced on purpose
    pytest.mark.filterwarnings("ignore:.* was fine-tuned for tagging"),
]


def parameters(folder, labels=("new",), seed=0, **options):
    torch.manual_seed(seed)
    return dict(Checkpoint.from_pretrained(folder, labels=labels, **options).model.named_parameters())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_highest_layers_are_random_and_all_else_is_as_it_was(checkpoints, name):
    """Test checkpoints with two layers and a head for other labels."""
    model = AutoModelForTokenClassification.from_pretrained(checkpoints[name])
    old, new = dict(model.named_parameters()), parameters(checkpoints[name], reset_layers=1)
    placed = parameter_depths(list(new), model.base_model_prefix)
    changed = {key for key, param in new.items() if old[key].shape == param.shape and not torch.equal(old[key], param)}
    assert {placed[key].level for key in changed} >= {2}
    assert not any(placed[key].level < 2 for key in changed)
    top = {key: param for key, param in new.items() if placed[key].level == 2}
    matrices = torch.cat([param.detach().flatten() for param in top.values() if param.dim() > 1])
    assert abs(float(matrices.std()) / model.config.initializer_range - 1) < 0.1
    assert all(not param.any() for key, param in top.items() if key.endswith("bias"))
    assert all((param == 1).all() for param in (p for p in top.values() if p.dim() == 1) if param.any())


def test_draws_follow_the_seed(tagger):
    key = "bert.encoder.layer.1.output.dense.weight"
    first, same, other = (parameters(tagger, seed=seed, reset_layers=1)[key] for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_a_trained_head_keeps_its_layers(tagger):
    old = dict(AutoModelForTokenClassification.from_pretrained(tagger).named_parameters())
    labels = Checkpoint.from_pretrained(tagger).tags.labels
    new = parameters(tagger, labels=labels, reset_layers=2)
    assert all(torch.equal(new[key], param) for key, param in old.items())


TOP = "encoder.layer.1.output.dense.weight"


def is_reset(folder, **options):
    """Return whether the highest layer of a checkpoint gets random weights together with a new head."""
    old = dict(AutoModel.from_pretrained(folder).named_parameters())[TOP]
    return not torch.equal(parameters(folder, **options)[f"bert.{TOP}"], old)


@pytest.mark.parametrize(
    ("setting", "of_an_encoder", "of_a_tagger"), [(0, False, False), ("auto", True, False), (1, True, True)]
)
def test_auto_resets_a_layer_of_an_encoder_and_none_of_a_fine_tuned_checkpoint(
    setting, of_an_encoder, of_a_tagger, encoder, tagger
):
    assert is_reset(encoder, reset_layers=setting) == of_an_encoder
    assert is_reset(tagger, reset_layers=setting) == of_a_tagger


def test_auto_resets_no_frozen_layer(encoder):
    assert is_reset(encoder, reset_layers="auto", frozen_layers=1)
    assert not is_reset(encoder, reset_layers="auto", frozen_layers=2)
    initialize(make(encoder, reset_layers="auto", frozen_layers=2))


@pytest.mark.parametrize("setting", [0, "auto", 1])
def test_it_is_told_where_a_fine_tuned_checkpoint_loses_layers(setting, tagger):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        initialize(make(tagger, reset_layers=setting))
    told = [str(one.message) for one in caught if "reset_layers" in str(one.message)]
    message = (
        f"'{tagger}' was fine-tuned for tagging, but [components.<name>.model] reset_layers = 1 discards what its "
        "top "
        'layers have learned. To keep it: --components.<name>.model.reset_layers "auto"'
    )
    assert told == ([message] if setting == 1 else [])


def make(folder, **model):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "overlap": 8, **model}})
    return nlp


def initialize(nlp):
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Kevin plays"), {"entities": [(0, 5, "new")]})])
    return nlp


def test_initialize_resets_and_a_saved_pipeline_does_not(tagger, tmp_path):
    key = "bert.encoder.layer.1.output.dense.weight"
    nlp = initialize(make(tagger, reset_layers=1))
    weight = nlp.get_pipe("bert_ner").model.shims[0].checkpoint.model.get_parameter(key)
    assert not torch.equal(weight, AutoModelForTokenClassification.from_pretrained(tagger).get_parameter(key))
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path).get_pipe("bert_ner")
    assert again.model.attrs["reset_layers"] == 1
    assert torch.equal(again.model.shims[0].checkpoint.model.get_parameter(key), weight)


@pytest.mark.parametrize(("frozen", "reset", "allowed"), [(0, 3, 2), (1, 2, 1), (2, 1, 0)])
def test_more_than_there_are_or_than_are_trained(frozen, reset, allowed, tagger):
    message = (
        rf"reset_layers = {reset} is too large with frozen_layers = {frozen}, .* '.*' has 2 separate lay.*"
        rf"Allowed: 0 to {allowed}\. Reset fewer layers: --components.<name>.model.reset_layers {allowed}"
    )
    with pytest.raises(ConfigError, match=message):
        initialize(make(tagger, frozen_layers=frozen, reset_layers=reset))
