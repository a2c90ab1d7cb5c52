"""Packed products: those of torch but for the last digits, and never of weights that are no more."""

import copy
import pickle

import numpy as np
import pytest
import spacy
import torch
from checkpoints import ARCHITECTURES, LazyCheckpoints
from spacy.training import Example
from test_runtimes import TEXT, TORCH, logits, make
from thinc.api import Adam

from spacy_bert_ner import packing
from spacy_bert_ner.checkpoint import Checkpoint
from spacy_bert_ner.packing import PackedLinear, forget_packed, pack_products
from spacy_bert_ner.runtimes.on_torch import TorchRuntime

needs_packing = pytest.mark.skipif(not packing._packable(), reason="torch packs nothing here")


def linear(**options):
    torch.manual_seed(0)
    return torch.nn.Linear(5, 3, **options)


def packed(module):
    pack_products(torch.nn.Sequential(module), wanted=True)
    return module


def torch_model(nlp):
    return nlp.get_pipe("bert_ner").model.shims[0].checkpoint.model


def copies(model):
    return [module._packed for module in model.modules() if isinstance(module, PackedLinear) and module._packed]


@pytest.mark.parametrize("shape", [(5,), (1, 5), (7, 5), (2, 7, 5), (0, 5)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_multiplies_as_torch_does(shape, has_bias):
    module, x = linear(bias=has_bias), torch.randn(shape)
    expected = module(x)
    with torch.no_grad():
        found = packed(module)(x)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-6)


@needs_packing
def test_takes_what_does_not_lie_in_a_row():
    module, x = linear(), torch.randn(5, 7).T
    expected = module(x)
    with torch.no_grad():
        assert torch.allclose(packed(module)(x), expected, atol=1e-6)
    assert module._packed


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_chooses_the_type(dtype):
    module, x = linear(), torch.randn(7, 5)
    with torch.no_grad(), torch.autocast("cpu", dtype):
        expected = module(x)
        found = packed(module)(x)
    assert found.dtype == dtype
    assert torch.allclose(found, expected, rtol=0.02, atol=0.02)


@needs_packing
def test_where_a_gradient_is_asked_for_torch_multiplies():
    module = packed(linear())
    x = torch.randn(7, 5, requires_grad=True)
    module(x).sum().backward()
    assert torch.allclose(x.grad, module.weight.sum(0).expand(7, 5))
    assert module._packed is None
    with torch.no_grad():
        module(x)
    assert module._packed is not None


def test_sees_that_weights_are_others():
    module, x = packed(linear()), torch.eye(5)
    with torch.no_grad():
        module.bias.zero_()
        assert torch.allclose(module(x), module.weight.T)
        module.weight.mul_(2)  # in place
        assert torch.allclose(module(x), module.weight.T)
        module.weight.data = torch.ones(3, 5)  # elsewhere
        assert torch.allclose(module(x), torch.ones(5, 3))
        module.weight.data.mul_(3)  # which torch does not tell
        forget_packed(torch.nn.Sequential(module))
        assert torch.allclose(module(x), torch.full((5, 3), 3.0))


def test_copies_and_pickles_pack_for_themselves():
    module, x = packed(linear()), torch.randn(7, 5)
    with torch.no_grad():
        expected = module(x)
        for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            assert twin._packed is None
            assert torch.equal(twin(x), expected)
            twin.weight.mul_(2)
            assert not torch.equal(twin(x), expected)
        assert torch.equal(module(x), expected)


def test_training_drops_the_copy():
    module = packed(linear())
    with torch.no_grad():
        module(torch.randn(7, 5))
    assert module.train()._packed is None


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_finds_the_same(checkpoints: LazyCheckpoints, name):
    checkpoint = Checkpoint.open(checkpoints[name])
    ids, mask = checkpoint.pad([np.arange(5, 9), np.arange(5, 7)])
    with torch.no_grad():
        expected = checkpoint.forward(ids, mask)
        pack_products(checkpoint.model, wanted=True)
        found = checkpoint.forward(ids, mask)
        assert torch.allclose(found, expected, atol=1e-5)
        pack_products(checkpoint.model, wanted=False)
        assert torch.equal(checkpoint.forward(ids, mask), expected)
    assert not any(isinstance(module, PackedLinear) for module in checkpoint.model.modules())


@needs_packing
@pytest.mark.parametrize("name", ["bert", "roberta", "electra"])
def test_gelu_is_one_with_the_product_before_it(checkpoints: LazyCheckpoints, name, monkeypatch):
    model = Checkpoint.open(checkpoints[name]).model
    ids = torch.arange(5, 9)[None]
    calls = []
    for module in model.modules():
        if type(module).__name__ == "GELUActivation":
            module.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        expected = model(ids).logits
        n_calls = len(calls)
        assert n_calls >= model.config.num_hidden_layers
        pack_products(model, wanted=True)
        found = model(ids).logits
    assert torch.allclose(found, expected, atol=1e-5)
    assert len(calls) - n_calls == n_calls - model.config.num_hidden_layers  # that of the head, where it has one
    assert copy.deepcopy(model)(ids).logits.requires_grad
    assert len(calls) - n_calls == 2 * n_calls - model.config.num_hidden_layers
    pack_products(model, wanted=False)
    assert not any("Packed" in str(type(module).__mro__) for module in model.modules())


@needs_packing
def test_an_activation_that_is_not_gelu_stays(tagger):
    model = Checkpoint.open(tagger).model
    before = [type(module) for module in model.modules()]
    for layer in model.bert.encoder.layer:
        layer.intermediate.intermediate_act_fn = torch.nn.ReLU()
    ids = torch.arange(5, 9)[None]
    with torch.no_grad():
        expected = model(ids).logits
        pack_products(model, wanted=True)
        assert torch.allclose(model(ids).logits, expected, atol=1e-5)
    assert len(before) == len(list(model.modules()))


@needs_packing
def test_a_pipeline_packs_unless_it_is_told_not_to(tagger):
    nlp, exact = make(tagger), make(tagger, runtime={"@misc": TORCH, "packed_weights": False})
    assert np.allclose(logits(nlp), logits(exact), atol=1e-5)
    assert copies(torch_model(nlp))
    assert not copies(torch_model(exact))


def test_a_pipeline_predicts_with_the_weights_that_it_has(tagger):
    """Also where the weights change between a prediction and the next, in all ways that spaCy changes them."""

    def plain(nlp):
        twin = copy.deepcopy(torch_model(nlp))
        pack_products(twin, wanted=False)
        checkpoint = Checkpoint(twin, nlp.get_pipe("bert_ner").model.shims[0].checkpoint.tokenizer, "twin")
        other = make(tagger, runtime={"@misc": TORCH, "packed_weights": False})
        other.get_pipe("bert_ner").model.shims[0].checkpoint = checkpoint
        return logits(other)

    nlp = make(tagger)
    pipe = nlp.get_pipe("bert_ner")
    optimizer = Adam(0.01, use_averages=True)
    example = Example.from_dict(nlp.make_doc(TEXT), {"entities": [(0, 12, "per")]})
    seen = [logits(nlp)]
    for _ in range(3):
        pipe.update([example], sgd=None)
        assert np.allclose(logits(nlp), seen[-1], atol=1e-6)  # between the gradient and the step
        pipe.finish_update(optimizer)
        seen.append(logits(nlp))
        assert np.abs(seen[-1] - seen[-2]).max() > 0.01
        assert np.allclose(seen[-1], plain(nlp), atol=1e-4)
        with pipe.model.use_params(optimizer.averages):
            averaged = logits(nlp)
            assert np.allclose(averaged, plain(nlp), atol=1e-4)
        assert np.array_equal(logits(nlp), seen[-1])
    assert np.abs(averaged - seen[-1]).max() > 0.01


def test_a_setting_is_kept(tagger, tmp_path):
    nlp = make(tagger, runtime={"@misc": TORCH, "packed_weights": False})
    nlp.to_disk(tmp_path)
    runtime = spacy.load(tmp_path).get_pipe("bert_ner").model.attrs["runtime"]
    assert runtime == TorchRuntime("fp32", packed_weights=False)
