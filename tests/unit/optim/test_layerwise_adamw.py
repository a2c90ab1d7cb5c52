"""Compare `AdamW.v1` with torch's AdamW over 20 steps on a tiny checkpoint."""

import copy
import pickle
import subprocess
import sys

import pytest
import spacy
import torch
from spacy.training import Example
from thinc.api import Config, Optimizer, warmup_linear
from transformers import AutoModelForTokenClassification

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.models.shim import CheckpointShim
from spacy_bert_ner.optim.layerwise_adamw import make_adamw_v1

RATE = 0.01
PLAIN = {"learn_rate": RATE, "weight_decay": 0.1, "grad_clip": 0.0}


def rate_of(name: str, head_rate: float, layer_decay: float) -> float:
    """Return the documented learning rate for a parameter in the tiny BERT, which has two layers."""
    if name.startswith("classifier."):
        return RATE * head_rate
    if name.startswith("bert.encoder.layer.1."):
        return RATE
    if name.startswith("bert.encoder.layer.0."):
        return RATE * layer_decay
    assert name.startswith("bert.embeddings.")
    return RATE * layer_decay * layer_decay


def decay_of(name: str, decay_all: bool) -> float:
    return 0.0 if not decay_all and ("LayerNorm" in name or name.endswith(".bias")) else 0.1


def gradients(model, step):
    generator = torch.Generator().manual_seed(step)
    return {name: torch.randn(p.shape, generator=generator) * 0.1 for name, p in model.named_parameters()}


def shim_of(folder):
    shim = CheckpointShim()
    shim.checkpoint = Checkpoint.from_pretrained(folder)
    return shim


def by_us(optimizer, folder, n_steps=20):
    shim = shim_of(folder)
    for step in range(n_steps):
        for name, grad in gradients(shim.checkpoint.model, step).items():
            shim.checkpoint.model.get_parameter(name).grad = grad
        shim.finish_update(optimizer)
        optimizer.step_schedules()
    return shim


def by_torch(folder, *, head_rate=1.0, layer_decay=1.0, decay_all=False, clip=0.0, factors=None, **options):
    model = AutoModelForTokenClassification.from_pretrained(folder)
    groups = [
        {"params": [p], "lr": rate_of(n, head_rate, layer_decay), "weight_decay": decay_of(n, decay_all)}
        for n, p in model.named_parameters()
    ]
    rates = [group["lr"] for group in groups]
    reference = torch.optim.AdamW(groups, **options)
    for step in range(20):
        for name, grad in gradients(model, step).items():
            model.get_parameter(name).grad = grad
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for group, rate in zip(reference.param_groups, rates, strict=True):
            group["lr"] = rate * (factors[step] if factors else 1.0)
        reference.step()
    return model


def assert_same(ours, model, at_most=1e-6):
    expected = model.state_dict()
    for name, param in ours.named_parameters():
        torch.testing.assert_close(param.data, expected[name], rtol=0, atol=at_most, msg=name)


OPTIONS = {
    "plain": ({}, {}),
    "head": ({"head_rate": 5.0}, {"head_rate": 5.0}),
    "layers": ({"layer_decay": 0.5}, {"layer_decay": 0.5}),
    "decay of all": ({"decay_all": True}, {"decay_all": True}),
    "betas and eps": ({"beta1": 0.8, "beta2": 0.99, "eps": 0.001}, {"betas": (0.8, 0.99), "eps": 0.001}),
    "clip": ({"grad_clip": 0.5}, {"clip": 0.5}),
    "no need to clip": ({"grad_clip": 1e4}, {}),
    "all": (
        {"head_rate": 3.0, "layer_decay": 0.85, "decay_all": True, "grad_clip": 1.0, "eps": 0.0001},
        {"head_rate": 3.0, "layer_decay": 0.85, "decay_all": True, "clip": 1.0, "eps": 0.0001},
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_twenty_steps_equal_those_of_torch(name, tagger):
    ours, theirs = OPTIONS[name]
    assert_same(by_us(make_adamw_v1(**{**PLAIN, **ours}), tagger).checkpoint.model, by_torch(tagger, **theirs))


def test_a_schedule_moves_all_rates(tagger):
    optimizer = make_adamw_v1(**{**PLAIN, "learn_rate": warmup_linear(RATE, 4, 20), "head_rate": 2.0})
    factors = [0, 1 / 4, 2 / 4, 3 / 4, *((20 - step) / 16 for step in range(4, 20))]
    assert_same(by_us(optimizer, tagger).checkpoint.model, by_torch(tagger, head_rate=2.0, factors=factors))


def test_each_gradient_may_be_clipped_on_its_own(tagger):
    shim = by_us(make_adamw_v1(learn_rate=1.0, grad_clip=0.5, clip="each", weight_decay=0.0), tagger, n_steps=0)
    model = shim.checkpoint.model
    seen = []
    model.classifier.bias.grad, model.classifier.weight.grad = torch.full((5,), 0.1), torch.full((5, 32), 3.0)
    for param in (model.classifier.bias, model.classifier.weight):
        seen.append(param.grad)
    shim.finish_update(make_adamw_v1(grad_clip=0.5, clip="each"))
    torch.testing.assert_close(seen[0], torch.full((5,), 0.1))  # the norm of the gradient is 0.22
    torch.testing.assert_close(seen[1], torch.full((5, 32), 0.5 / 160**0.5))


def test_global_clipping_is_of_all_gradients_together(tagger):
    shim = shim_of(tagger)
    model = shim.checkpoint.model
    model.classifier.bias.grad = bias = torch.tensor([3.0, 0, 0, 0, 0])
    model.classifier.weight.grad = weight = torch.zeros(5, 32)
    weight[0, 0] = 4.0
    shim.finish_update(make_adamw_v1(grad_clip=1.0))
    assert bias.tolist() == pytest.approx([0.6, 0, 0, 0, 0], abs=1e-6)
    assert weight[0, 0].item() == pytest.approx(0.8, abs=1e-6)


def test_the_average_is_that_of_thinc(tagger):
    optimizer = make_adamw_v1(**PLAIN, use_averages=True)
    shim = by_us(optimizer, tagger, n_steps=2)
    first = by_us(make_adamw_v1(**PLAIN), tagger, n_steps=1).checkpoint.model
    model = shim.checkpoint.model
    # Thinc starts at 0 and, in update n, keeps (1 + n) / (10 + n) of the average: 2/11, then 3/12.
    wanted = {name: 0.25 * (9 / 11) * p.data for name, p in first.named_parameters()}
    wanted = {name: wanted[name] + 0.75 * p.data for name, p in model.named_parameters()}
    own = {name: p.data.clone() for name, p in model.named_parameters()}
    with shim.use_params(optimizer.averages):
        for name, p in model.named_parameters():
            torch.testing.assert_close(p.data, wanted[name])
    assert all(torch.equal(p.data, own[name]) for name, p in model.named_parameters())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["copy", "pickle"])
def test_a_copy_goes_on_like_the_original(copied, tagger):
    optimizer = make_adamw_v1(**PLAIN, clip="each", decay_all=True, head_rate=2.0, layer_decay=0.9, use_averages=True)
    shim = by_us(optimizer, tagger, n_steps=2)
    again, twin = copied(optimizer), copy.deepcopy(shim)
    assert type(again) is type(optimizer)
    for used, on in ((optimizer, shim), (again, twin)):
        for name, grad in gradients(on.checkpoint.model, 7).items():
            on.checkpoint.model.get_parameter(name).grad = grad
        used.learn_rate = 0.1
        on.finish_update(used)
    assert_same(shim.checkpoint.model, twin.checkpoint.model, at_most=0)
    assert optimizer.averages.keys() == again.averages.keys()


def test_other_components_get_the_step_of_thinc():
    ours = make_adamw_v1(learn_rate=0.1, weight_decay=0.1, grad_clip=0.5, head_rate=9.0, layer_decay=0.1)
    thincs = Optimizer(0.1, L2=0.1, grad_clip=0.5, use_averages=False)
    for step in range(3):
        results = []
        for optimizer in (ours, thincs):
            weights, gradient = torch.ones(6).numpy(), torch.arange(6.0).numpy() + step
            results.append(optimizer((1, "W"), weights, gradient)[0].tolist())
        assert results[0] == results[1]


def test_decay_by_layer_needs_layers(tagger):
    shim = shim_of(tagger)
    model = shim.checkpoint.model
    model.bert.encoder.layer = torch.nn.ModuleList()
    model.classifier.bias.grad = torch.ones(5)
    message = r"\[training.optimizer\] layer_decay = 0.9 is invalid. Allowed: 1, because this encoder has no"
    with pytest.raises(ConfigError, match=message):
        shim.finish_update(make_adamw_v1(layer_decay=0.9))


def test_a_device_without_the_kernels_is_refused():
    shim = CheckpointShim()
    shim._model = type("Fake", (), {})()
    param = torch.nn.Parameter(torch.ones(1, device="meta"))
    param.grad = torch.ones(1, device="meta")
    from spacy_bert_ner.optim.step import apply_optimizer

    with pytest.raises(ConfigError, match=r"does not support the device meta. Allowed: cpu, cuda. .*Adam.v1"):
        apply_optimizer(make_adamw_v1(), [(1, "w")], [param], [])


A_RATE = "a number of at least 0, such as 0.0002, or a schedule"
BAD = [
    ("learn_rate", -0.1, A_RATE),
    ("learn_rate", "fast", A_RATE),
    ("learn_rate", float("nan"), A_RATE),
    ("learn_rate", None, A_RATE),
    ("learn_rate", True, A_RATE),
    ("learn_rate", [], A_RATE),
    ("beta1", 1.0, "a number between 0 and 1, such as 0.9"),
    ("beta2", 0, "a number between 0 and 1, such as 0.999"),
    ("eps", 0.0, "a number above 0, such as 0.00000001"),
    ("weight_decay", -1, "a number of at least 0, such as 0.01"),
    ("weight_decay", float("inf"), "a number of at least 0, such as 0.01"),
    ("decay_all", "no", "true, false"),
    ("grad_clip", -1.0, "a number of at least 0, such as 1.0, or 0 for no clipping"),
    ("clip", "norm", '"global", "each"'),
    ("clip", None, '"global", "each"'),
    ("head_rate", 0, "a number above 0, such as 1.0"),
    ("head_rate", [1.0], "a number above 0, such as 1.0"),
    ("layer_decay", 0.0, "a number above 0 and at most 1, such as 0.85, or 1 for no decay"),
    ("layer_decay", 1.1, "a number above 0 and at most 1, such as 0.85, or 1 for no decay"),
    ("use_averages", 1, "true, false"),
]


@pytest.mark.parametrize(("key", "value", "allowed"), BAD)
def test_the_error_names_key_value_and_what_is_allowed(key, value, allowed):
    with pytest.raises(ConfigError) as error:
        make_adamw_v1(**{key: value})
    assert str(error.value) == f"[training.optimizer] {key} = {value!r} is invalid. Allowed: {allowed}."


@pytest.mark.parametrize("value", [[-0.1, 0.1], ["fast"]])
def test_the_first_value_of_a_schedule_is_checked(value):
    with pytest.raises(ConfigError, match=r"learn_rate = .* is invalid"):
        make_adamw_v1(learn_rate=value)


CONFIG = """
[optimizer]
@optimizers = "spacy_bert_ner.AdamW.v1"
layer_decay = 0.85

[optimizer.learn_rate]
@schedules = "warmup_linear.v1"
warmup_steps = 2
total_steps = 10
initial_rate = 0.01
"""


@pytest.mark.process
def test_a_fresh_process_resolves_the_config():
    code = f"""
import spacy
from thinc.api import Config
optimizer = spacy.registry.resolve(Config().from_str('''{CONFIG}'''))["optimizer"]
optimizer.step_schedules()
print(optimizer.learn_rate, optimizer.layer_decay, optimizer.clip, optimizer.L2)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found == "0.005 0.85 global 0.01\n"


def test_a_pipeline_learns_with_it(tagger, examples):
    examples = [eg for eg in examples if {ent.label_ for ent in eg.reference.ents} <= {"per", "geo"}]
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.config["training"]["optimizer"] = Config().from_str(CONFIG)["optimizer"]
    optimizer = nlp.initialize(lambda: examples)
    losses = []
    for _ in range(10):
        losses.append(nlp.update(examples, sgd=optimizer)["bert_ner"])
        optimizer.step_schedules()
    assert losses[-1] < losses[0] / 2
    nlp.resume_training(sgd=optimizer)
    nlp.rehearse([Example(eg.predicted, eg.predicted) for eg in examples], sgd=optimizer)
