"""Test copies of a component by pickle, deepcopy and bytes: equal predictions from independent weights."""

import copy
import pickle
import pickletools

import numpy as np
import pytest
import spacy
import torch
from support import TRAIN_DATA, initialized
from thinc.api import SGD, Adam

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import CheckpointError
from spacy_bert_ner.models.token_classifier import get_checkpoint

pytestmark = pytest.mark.usefixtures("few_exceptions")

TEXTS = [text for text, _ in TRAIN_DATA]


def by_pickle(thing):
    return pickle.loads(pickle.dumps(thing))


def by_bytes(nlp):
    other = spacy.blank("en")
    other.add_pipe("bert_ner", config={"model": {"name": "no/such-checkpoint", "overlap": 8}})
    return other.from_bytes(nlp.to_bytes())


def model_of(nlp):
    return nlp.get_pipe("bert_ner").model


def weights(nlp):
    return {name: p.detach().clone().numpy() for name, p in get_checkpoint(model_of(nlp)).model.named_parameters()}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def entities(nlp):
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in nlp.pipe(TEXTS)]


@pytest.fixture
def nlp(make_nlp, examples):
    """Return a pipeline after an Adam step, which sets moments, a dropout rate and torch's training mode."""
    nlp = make_nlp()
    nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=nlp.resume_training(sgd=Adam(0.01)), drop=0.5)
    return nlp


@pytest.mark.parametrize("copied", [by_pickle, copy.deepcopy, by_bytes])
def test_a_copy_has_the_same_weights_and_they_are_its_own(nlp, examples, copied):
    twin = copied(nlp)
    before = weights(nlp)
    assert_same(weights(twin), before)
    assert entities(twin) == entities(nlp)
    assert any(entities(nlp))
    assert twin.get_pipe("bert_ner").labels == ("geo", "org", "per")
    assert get_checkpoint(model_of(twin)).name == get_checkpoint(model_of(nlp)).name
    for trained, other in ((twin, nlp), (nlp, twin)):
        unchanged = weights(other)
        trained.update(examples, sgd=Adam(0.1))
        assert_same(weights(other), unchanged)
        assert not np.array_equal(weights(trained)["classifier.bias"], before["classifier.bias"])


@pytest.mark.parametrize("copied", [by_pickle, copy.deepcopy])
def test_a_component_and_its_model_can_be_copied_alone(nlp, copied):
    docs = [nlp.make_doc(text) for text in TEXTS]
    pipe = nlp.get_pipe("bert_ner")
    twin, model = copied(pipe), copied(pipe.model)
    assert (twin.name, twin.settings, twin.scorer, twin.tags) == (
        "bert_ner",
        pipe.settings,
        pipe.scorer,
        pipe.tags,
    )
    assert twin.predict(docs) == pipe.predict(docs)
    for found, expected in zip(model.predict(docs), pipe.model.predict(docs), strict=True):
        np.testing.assert_array_equal(found.dataXd, expected.dataXd)


@pytest.mark.parametrize("copied", [by_pickle, copy.deepcopy, by_bytes])
def test_a_component_that_is_not_initialized_stays_so(make_nlp, copied):
    twin = copied(make_nlp())
    assert twin.get_pipe("bert_ner").labels == ()


@pytest.mark.parametrize("copied", [by_pickle, copy.deepcopy])
def test_a_copy_opens_a_checkpoint_that_is_not_loaded_by_itself(make_nlp, tagger, copied):
    nlp = make_nlp(name=tagger)
    twin = copied(nlp)
    assert entities(twin)
    assert twin.get_pipe("bert_ner").labels == ("geo", "per")
    assert nlp.get_pipe("bert_ner").tags == ()
    assert entities(twin) == entities(nlp)


@pytest.mark.parametrize("copied", [by_pickle, copy.deepcopy])
def test_nothing_of_a_training_step_comes_along(nlp, examples, copied):
    nlp.update(examples[:1], sgd=False, drop=0.5)
    nlp.update(examples[1:], sgd=False, drop=0.5)  # without an optimizer step, so gradients remain
    original = get_checkpoint(model_of(nlp)).model
    assert original.training
    assert original.classifier.bias.grad is not None
    random_state = torch.get_rng_state()
    twin = copied(nlp)
    assert torch.equal(torch.get_rng_state(), random_state)
    module = get_checkpoint(model_of(twin)).model
    assert not module.training
    assert {p.grad for p in module.parameters()} == {None}
    assert {m.p for m in module.modules() if isinstance(m, torch.nn.Dropout)} == {0.1}
    assert original.training
    assert original.classifier.bias.grad is not None
    before = weights(twin)
    twin.get_pipe("bert_ner").finish_update(Adam(0.1))
    assert_same(weights(twin), before)


def test_a_pickle_holds_no_classes_of_torch_and_transformers(nlp):
    strings = [argument for _, argument, _ in pickletools.genops(pickle.dumps(model_of(nlp))) if type(argument) is str]
    assert "spacy_bert_ner.checkpoints.checkpoint" in strings
    assert not [s for s in strings if s.startswith(("torch", "transformers", "tokenizers"))]


@pytest.mark.parametrize("copied", [by_pickle, copy.deepcopy])
def test_training_goes_on_in_a_copy_as_if_nothing_had_happened(nlp, examples, copied):
    twin, optimizer = copied((nlp, nlp._optimizer))
    for pipeline, sgd in ((nlp, nlp._optimizer), (twin, optimizer)):
        for _ in range(2):
            pipeline.update(examples, sgd=sgd, drop=0.0)
    assert_same(weights(twin), weights(nlp))
    with twin.use_params(optimizer.averages), nlp.use_params(nlp._optimizer.averages):
        averaged = weights(nlp)
        assert_same(weights(twin), averaged)
    assert not np.array_equal(averaged["classifier.bias"], weights(nlp)["classifier.bias"])


def test_a_model_that_thinc_copies_has_moments_of_its_own(nlp):
    model = model_of(nlp)
    twin = model.copy()
    assert twin.shims[0].id not in (model.shims[0].id, copy.deepcopy(model).shims[0].id)
    assert get_checkpoint(twin).tags == get_checkpoint(model).tags


def test_a_copy_of_averaged_weights_keeps_them(nlp):
    with nlp.use_params(nlp._optimizer.averages):
        twin, averaged = copy.deepcopy(nlp), weights(nlp)
    assert_same(weights(twin), averaged)
    assert not np.array_equal(averaged["classifier.bias"], weights(nlp)["classifier.bias"])


@pytest.mark.parametrize("copied", [by_pickle, copy.deepcopy])
def test_a_copy_lies_on_the_device_of_the_original(nlp, monkeypatch, copied):
    checkpoint, moved = get_checkpoint(model_of(nlp)), []
    monkeypatch.setattr(type(checkpoint.model), "device", torch.device("cuda", 1))
    monkeypatch.setattr(Checkpoint, "to", lambda self, device: moved.append((self, device)))
    assert copied(checkpoint) is moved[0][0] is not checkpoint
    assert moved[0][1] == "cuda:1"


@pytest.mark.parametrize("copied", [copy.deepcopy, by_pickle, lambda nlp: nlp.from_bytes(nlp.to_bytes())])
def test_a_copy_begins_a_step_of_its_own(nlp, examples, copied):
    nlp.update(examples[:1], sgd=False, drop=0.0)  # a pending gradient, which copies must not include
    fresh, twin = by_bytes(nlp), copied(nlp)
    for pipeline in (fresh, twin):
        pipeline.update(examples, sgd=SGD(0.5, use_averages=False, grad_clip=0.0), drop=0.0)
    for name, expected in weights(fresh).items():
        np.testing.assert_allclose(weights(twin)[name], expected, atol=1e-6)


def test_bytes_bring_the_settings_of_the_model_along(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    nlp.from_bytes(make_nlp(name=tagger, window=20, max_batch_tokens=40, tag_scheme="IOB1").to_bytes())
    attrs = nlp.get_pipe("bert_ner").model.attrs
    assert [attrs[key] for key in ("window", "max_batch_tokens", "tag_scheme")] == [20, 40, "IOB1"]


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_bytes_that_are_cut_off_are_refused_and_nothing_is_lost(make_nlp, examples, cut):
    pipe = initialized(make_nlp, examples).get_pipe("bert_ner")
    data = pipe.to_bytes()
    with pytest.raises(
        CheckpointError, match="The bytes for 'bert_ner' cannot be read: .* Allowed: the unchanged output of to_bytes"
    ):
        pipe.from_bytes(data[:cut])
    assert pipe.labels == ("geo", "org", "per")
    assert pipe.from_bytes(data).to_bytes() == data
