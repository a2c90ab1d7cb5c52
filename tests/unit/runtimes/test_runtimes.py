"""Test runtimes for predictions."""

import numpy as np
import pytest
import spacy
import torch
from spacy import registry
from spacy.training import Example
from tiny_pipelines import TEXT, TORCH, logits, make

from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.runtimes.torch_runtime import TorchRuntime


def runtime(nlp):
    return nlp.get_pipe("bert_ner").model.attrs["runtime"]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_changes_logits_a_little(precision, tagger):
    exact = logits(make(tagger))
    found = logits(make(tagger, runtime={"@misc": TORCH, "precision": precision}))
    assert found.dtype == np.float32
    assert 0 < np.abs(found - exact).max() < 0.1 * np.abs(exact).max()


def test_float32_is_the_default(tagger):
    exact = logits(make(tagger))
    assert np.array_equal(logits(make(tagger, runtime={"@misc": TORCH})), exact)
    assert np.array_equal(logits(make(tagger, runtime={"@misc": TORCH, "precision": "fp32"})), exact)


@pytest.mark.parametrize("has_hardware", [True, False])
def test_auto_is_bfloat16_where_that_pays(has_hardware, tagger, monkeypatch):
    monkeypatch.setattr("spacy_bert_ner.nn.mixed_precision.has_fast_bf16", lambda device: has_hardware)
    expected = logits(make(tagger, runtime={"@misc": TORCH, "precision": "bf16" if has_hardware else "fp32"}))
    assert np.array_equal(logits(make(tagger, runtime={"@misc": TORCH, "precision": "auto"})), expected)


def test_batches_in_half_precision_have_few_shapes(tagger, monkeypatch):
    """Test half precision, which pads the five subwords in "the New York" to eight.

    The numbers of subwords include special subwords, so "New York" has four.
    """
    shapes = []
    for precision in ("fp32", "bf16"):
        nlp = make(tagger, runtime={"@misc": TORCH, "precision": precision, "packed_weights": False})
        checkpoint = nlp.get_pipe("bert_ner").model.shims[0].checkpoint

        def forward(ids, mask, real=checkpoint.forward):
            shapes.append(ids.shape)
            return real(ids, mask)

        monkeypatch.setattr(checkpoint, "forward", forward)
        for text in ("New York", "the New York"):
            nlp(text)
    assert [tuple(shape) for shape in shapes] == [(1, 4), (1, 5), (1, 4), (1, 8)]


def test_training_has_a_precision_of_its_own(tagger):
    def loss(**model):
        nlp = make(tagger, **model)
        example = Example.from_dict(nlp.make_doc(TEXT), {"entities": [(0, 12, "per")]})
        return float(nlp.get_pipe("bert_ner").update([example])["bert_ner"])

    exact = loss()
    assert loss(runtime={"@misc": TORCH, "precision": "bf16"}) == exact
    assert loss(precision="bf16") != exact
    assert np.array_equal(logits(make(tagger, precision="bf16")), logits(make(tagger)))


def test_a_pipeline_keeps_its_runtime(tagger, tmp_path):
    nlp = make(tagger, runtime={"@misc": TORCH, "precision": "bf16"})
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert runtime(loaded) == TorchRuntime("bf16")
    assert np.array_equal(logits(loaded), logits(nlp))
    other = spacy.load(tmp_path, config={"components.bert_ner.model.runtime.precision": "fp32"})
    assert np.array_equal(logits(other), logits(make(tagger)))


def test_bytes_do_not_say_where_to_run(tagger):
    fast, exact = make(tagger, runtime={"@misc": TORCH, "precision": "bf16"}), make(tagger)
    exact.from_bytes(fast.to_bytes())
    assert runtime(exact) == TorchRuntime("fp32")
    fast.from_bytes(exact.to_bytes())
    assert runtime(fast) == TorchRuntime("bf16")


def test_a_precision_that_is_not_there():
    with pytest.raises(ConfigError) as error:
        registry.resolve({"runtime": {"@misc": TORCH, "precision": "int4"}})
    allowed = 'Allowed: "fp32", "bf16", "fp16", "auto"'
    place = "[components.<name>.model.runtime]"
    assert str(error.value).startswith(f"{place} precision = 'int4' is invalid. {allowed}")


def test_to_compile_takes_a_compiler(tagger, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        ConfigError, match="compile = True is invalid. Allowed: false, because there is no C.. compiler"
    ):
        make(tagger, runtime={"@misc": TORCH, "compile": True})
    with pytest.raises(ConfigError, match='compile = True .* Allowed: false if precision = "int8"'):
        registry.resolve({"runtime": {"@misc": TORCH, "compile": True, "precision": "int8"}})
    with pytest.raises(ConfigError, match="compile = 'yes' is invalid. Allowed: true, false"):
        registry.resolve({"runtime": {"@misc": TORCH, "compile": "yes"}})


def test_the_runtime_is_found_by_its_entry_point():
    assert registry.misc.get_entry_point(TORCH) is registry.misc.get(TORCH)


def test_weights_stay_in_float32(tagger):
    nlp = make(tagger, runtime={"@misc": TORCH, "precision": "bf16"})
    nlp(TEXT)
    module = nlp.get_pipe("bert_ner").model.shims[0].checkpoint.model
    assert {param.dtype for param in module.parameters()} == {torch.float32}
