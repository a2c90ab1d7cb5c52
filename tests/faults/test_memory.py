"""Test model settings that reduce training costs: frozen layers, gradient checkpointing and precision."""

import copy
import pickle

import pytest
import spacy
import torch
from spacy.training import Example
from thinc.api import SGD, Adam

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.nn.mixed_precision import has_fast_bf16
from spacy_bert_ner.optim.layerwise_adamw import make_adamw_v1

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("few_exceptions")]

TEXT = "Kevin Durant lives in New York . Mr. O'Neill lives in Brooklyn . " * 2


def make(folder, **model):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "overlap": 8, **model}})
    nlp("")  # load the checkpoint
    return nlp


def example(nlp):
    return Example.from_dict(nlp.make_doc(TEXT), {"entities": [(0, 12, "per"), (22, 30, "geo")]})


def module(nlp):
    return nlp.get_pipe("bert_ner").model.shims[0].checkpoint.model


def weights(nlp):
    return {name: param.detach().clone() for name, param in module(nlp).named_parameters()}


def train(nlp, optimizer=None, n_steps=3):
    optimizer = optimizer or SGD(0.1, use_averages=False)
    for _ in range(n_steps):
        nlp.update([example(nlp)], sgd=optimizer)


def gradients(nlp, drop=0.0):
    torch.manual_seed(1)
    losses = nlp.get_pipe("bert_ner").update([example(nlp)], drop=drop)
    named = {name: p.grad for name, p in module(nlp).named_parameters() if p.grad is not None}
    return losses["bert_ner"], {name: gradient.to_dense() for name, gradient in named.items()}


FROZEN = {
    0: (),
    1: ("bert.embeddings.", "bert.encoder.layer.0."),
    2: ("bert.embeddings.", "bert.encoder.layer.0.", "bert.encoder.layer.1."),
}


@pytest.mark.parametrize(
    ("frozen_layers", "make_optimizer"),
    [(0, make_adamw_v1), (1, lambda: Adam(0.1)), (1, make_adamw_v1), (2, lambda: SGD(0.1))],
)
def test_frozen_layers_stay_and_all_others_change(frozen_layers, make_optimizer, tagger):
    nlp = make(tagger, frozen_layers=frozen_layers)
    before = weights(nlp)
    train(nlp, make_optimizer())
    same = {name for name, param in weights(nlp).items() if torch.equal(param, before[name])}
    assert same == {name for name in before if name.startswith(FROZEN[frozen_layers] or "no such")}


def frozen(nlp):
    return {name for name, param in module(nlp).named_parameters() if not param.requires_grad}


@pytest.mark.parametrize("way", ["disk", "bytes", "deepcopy", "pickle", "initialize"])
def test_layers_are_frozen_by_whatever_way_the_weights_come(way, tagger, tmp_path):
    nlp = make(tagger, frozen_layers=1)
    wanted = {name for name in weights(nlp) if name.startswith(FROZEN[1])}
    train(nlp)
    if way == "disk":
        nlp.to_disk(tmp_path)
        again = spacy.load(tmp_path)
    elif way == "bytes":
        again = make(tagger)
        again.from_bytes(nlp.to_bytes())
    elif way == "initialize":
        again = make(tagger, frozen_layers=1)
        again.initialize(lambda: [example(nlp)])
        assert frozen(again) == wanted
        return
    else:
        again = spacy.blank("en")
        pipe = nlp.get_pipe("bert_ner")
        pipe = copy.deepcopy(pipe) if way == "deepcopy" else pickle.loads(pickle.dumps(pipe))
        again._components.append(("bert_ner", pipe))
    before = weights(nlp)
    assert all(torch.equal(param, before[name]) for name, param in weights(again).items())
    train(again)
    assert frozen(again) == wanted
    assert {name for name, param in weights(again).items() if torch.equal(param, before[name])} == wanted


def test_a_head_that_grows_and_rehearsal_leave_frozen_layers_as_they_are(tagger):
    nlp = make(tagger, frozen_layers=1)
    before = weights(nlp)
    optimizer = nlp.resume_training(sgd=Adam(0.01, use_averages=True))
    nlp.get_pipe("bert_ner").add_label("art")
    train(nlp, optimizer)
    nlp.rehearse([example(nlp)], sgd=optimizer)
    assert module(nlp).classifier.weight.shape == (7, 32)
    wanted = {name for name in before if name.startswith(FROZEN[1])}

    def same():
        return {n for n, param in weights(nlp).items() if param.shape == before[n].shape and param.equal(before[n])}

    assert same() == wanted
    with nlp.use_params(optimizer.averages):
        assert same() == wanted


def test_all_that_lies_below_is_not_computed_on_the_way_back(tagger):
    nlp, visited = make(tagger, frozen_layers=1), []
    for i, layer in enumerate(module(nlp).bert.encoder.layer):
        # Hook each layer's output module because a layer's return value depends on the transformers version.
        layer.output.register_forward_hook(lambda *args, i=i: visited.append((i, args[2].requires_grad)))
    train(nlp, n_steps=1)
    assert visited == [(0, False), (1, True)]


def test_more_frozen_layers_than_there_are_is_an_error(tagger):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8, "frozen_layers": 3}})
    message = r"\[components.<name>.model\] frozen_layers = 3 is too large, .* has 2 separate layers\. Allowed: 0 to 2"
    with pytest.raises(ConfigError, match=message):
        nlp("")


@pytest.mark.parametrize(("frozen_layers", "drop"), [(0, 0.3), (1, 0.0)])
@pytest.mark.parametrize("name", ["bert", "deberta-v2", "modernbert"])
def test_gradients_are_those_without_checkpointing(name, frozen_layers, drop, checkpoints):
    options = {"frozen_layers": frozen_layers}
    loss, wanted = gradients(make(checkpoints[name], **options), drop)
    again, found = gradients(make(checkpoints[name], gradient_checkpointing=True, **options), drop)
    assert loss == pytest.approx(again, abs=1e-6)
    assert found.keys() == wanted.keys()
    for key in wanted:
        torch.testing.assert_close(found[key], wanted[key], rtol=1e-5, atol=1e-7)


PADDED = {"@misc": "spacy_bert_ner.TorchRuntime.v1", "packed_weights": False}
"""Run predictions with the transformers model, as in training."""


def passes(nlp, act):
    """Return the number of forward passes through the encoder's first layer."""
    count = []
    norm = module(nlp).bert.encoder.layer[0].attention.output.LayerNorm
    hook = norm.register_forward_hook(lambda *_: count.append(1))
    act()
    hook.remove()
    return len(count)


def test_layers_are_computed_twice_in_training_alone(tagger):
    plain, nlp = make(tagger), make(tagger, gradient_checkpointing=True)
    assert passes(plain, lambda: train(plain, n_steps=1)) == 1
    assert passes(nlp, lambda: train(nlp, n_steps=1)) == 2
    assert passes(nlp, lambda: nlp(TEXT)) == 1
    nlp.get_pipe("bert_ner").model.attrs["gradient_checkpointing"] = False
    assert passes(nlp, lambda: train(nlp, n_steps=1)) == 1


def test_an_encoder_that_cannot_is_refused(tagger, monkeypatch):
    monkeypatch.setattr(type(Checkpoint.from_pretrained(tagger).model), "supports_gradient_checkpointing", False)
    message = (
        r"gradient_checkpointing = true is invalid, because BertForTokenClassification \('.*'\) does not support .*"
        r"Allowed: false"
    )
    with pytest.raises(ConfigError, match=message):
        make(tagger, gradient_checkpointing=True)


@pytest.mark.parametrize(("precision", "half"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_half_precision_is_of_matrix_products_alone(precision, half, tagger):
    nlp = make(tagger, precision=precision, runtime=PADDED)
    seen = []
    layer = module(nlp).bert.encoder.layer[1].output.dense
    layer.register_forward_hook(lambda *args: seen.append(args[2].dtype))
    _, found = gradients(nlp)
    assert seen == [half]
    assert {grad.dtype for grad in found.values()} == {torch.float32}
    assert {param.dtype for param in module(nlp).parameters()} == {torch.float32}
    nlp(TEXT)
    assert seen == [half, torch.float32]


@pytest.mark.parametrize(("precision", "n_training"), [("fp32", 17), ("bf16", 20), ("fp16", 20)])
def test_batches_in_half_precision_are_padded_to_a_multiple_of_four(precision, n_training, tagger):
    nlp = make(tagger, precision=precision, runtime=PADDED)
    seen = []
    module(nlp).bert.embeddings.register_forward_hook(lambda *args: seen.append(args[2].shape[1]))
    doc = nlp.make_doc("Kevin lives in New York . " * 2 + "Kevin lives .")  # 15 subwords and two special subwords
    nlp.get_pipe("bert_ner").update([Example.from_dict(doc, {"entities": [(0, 5, "per")]})])
    nlp(doc)
    assert seen == [n_training, 17]


@pytest.mark.parametrize(("is_fast", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_is_bf16_where_the_hardware_multiplies_it(is_fast, expected, tagger, monkeypatch):
    monkeypatch.setattr("spacy_bert_ner.nn.mixed_precision.has_fast_bf16", lambda device: is_fast)
    nlp = make(tagger, precision="auto")
    seen = []
    module(nlp).bert.encoder.layer[1].output.dense.register_forward_hook(lambda *args: seen.append(args[2].dtype))
    gradients(nlp)
    assert seen == [expected]


@pytest.mark.parametrize(
    ("supported", "expected"), [((), False), (("avx512_bf16",), True), (("amx_tile",), True), (("avx512",), False)]
)
def test_a_processor_tells_what_it_multiplies(supported, expected, monkeypatch):
    for name in ("avx512_bf16", "amx_tile", "avx512"):
        monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda name=name: name in supported, raising=False)
    assert has_fast_bf16("cpu") is expected
    assert has_fast_bf16("mps") is False


def test_training_in_fp16_learns_what_fp32_learns(tagger):
    def vector(nlp):
        return torch.cat([param.flatten() for param in weights(nlp).values()])

    start = vector(make(tagger))

    def step(precision):
        nlp = make(tagger, precision=precision)
        # The first scales can be too large for float16, which skips the step.
        for _ in range(10):
            torch.manual_seed(1)
            nlp.update([example(nlp)], sgd=SGD(0.1, grad_clip=0.0, use_averages=False))
            if not torch.equal(vector(nlp), start):
                break
        return vector(nlp)

    wanted, found = step("fp32") - start, step("fp16") - start
    assert float(found.norm()) == pytest.approx(float(wanted.norm()), rel=0.05)
    assert torch.nn.functional.cosine_similarity(wanted, found, dim=0) > 0.98


def test_gradients_that_are_infinite_in_fp16_are_no_step_and_halve_the_scale(tagger):
    nlp = make(tagger, precision="fp16")
    before = weights(nlp)
    nlp.get_pipe("bert_ner").update([example(nlp)])
    scaler = nlp.get_pipe("bert_ner").model.shims[0].training_state.scaler
    assert scaler.get_scale() == 65536
    module(nlp).classifier.bias.grad[0] = float("inf")
    nlp.get_pipe("bert_ner").finish_update(SGD(0.1, use_averages=False))
    assert scaler.get_scale() == 32768
    after = weights(nlp)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert {param.grad for param in module(nlp).parameters()} == {None}
    train(nlp, n_steps=10)
    assert not torch.equal(before["classifier.bias"], weights(nlp)["classifier.bias"])


@pytest.mark.parametrize(
    ("name", "gradient_checkpointing"), [("bert", False), ("deberta-v2", True), ("modernbert", False)]
)
def test_gradients_in_bf16_are_near_to_those_in_fp32(name, gradient_checkpointing, checkpoints):
    loss, wanted = gradients(make(checkpoints[name]))
    again, found = gradients(make(checkpoints[name], precision="bf16", gradient_checkpointing=gradient_checkpointing))
    assert loss != again
    assert loss == pytest.approx(again, rel=0.05)
    one, other = (torch.cat([grads[key].flatten() for key in wanted]) for grads in (wanted, found))
    assert torch.nn.functional.cosine_similarity(one, other, dim=0) > 0.98
