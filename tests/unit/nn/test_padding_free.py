"""Test that predictions without padding equal those of transformers up to rounding.

They must always use the current weights.
"""

import copy

import numpy as np
import pytest
import spacy
import torch
from checkpoints import ARCHITECTURES, LazyCheckpoints
from spacy.training import Example
from thinc.api import Adam
from tiny_pipelines import TEXT, TORCH, logits, make

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.models import token_classifier
from spacy_bert_ner.nn import padding_free
from spacy_bert_ner.nn.mixed_precision import has_fast_bf16
from spacy_bert_ner.nn.packed_linear import PackedInt8Linear, PackedLinear, has_packed_int8_linear, has_packed_linear
from spacy_bert_ner.nn.padding_free import KINDS, PaddingFreeForward
from spacy_bert_ner.runtimes import torch_runtime
from spacy_bert_ner.runtimes.torch_runtime import TorchRuntime, padding_free_forward

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("few_exceptions")]

needs_products = pytest.mark.skipif(not has_packed_linear(), reason="torch packs no weights here")
needs_bf16 = pytest.mark.skipif(
    not (has_packed_linear() and has_fast_bf16("cpu")), reason="this CPU has no instructions for bfloat16"
)
needs_int8 = pytest.mark.skipif(not has_packed_int8_linear(), reason="this CPU has no VNNI instructions")
LIKE_BERT = [name for name in ARCHITECTURES if name in KINDS]
WINDOWS = [np.arange(5, 14), np.arange(6, 10), np.arange(7, 11), np.arange(5, 7)]  # two windows have the same length


def checkpoint_of(nlp):
    return nlp.get_pipe("bert_ner").model.shims[0].checkpoint


def linear(n_in=24, n_out=40):
    torch.manual_seed(0)
    return torch.nn.Linear(n_in, n_out)


def by_transformers(checkpoint, windows):
    with torch.inference_mode():
        found = checkpoint.forward(*checkpoint.pad(windows))
    return torch.cat([rows[: len(window) + checkpoint.n_special] for rows, window in zip(found, windows, strict=True)])


def without_padding(checkpoint, windows, precision="fp32"):
    with torch.inference_mode():
        return PaddingFreeForward(checkpoint.model, precision)(*checkpoint.pack(windows, 2048))


def test_windows_lie_one_after_the_other(tagger):
    checkpoint = Checkpoint.from_pretrained(tagger)
    ids, lengths = checkpoint.pack([np.array([9, 8, 7]), np.array([6])], limit=64)
    cls, sep = checkpoint.prefix_ids[0], checkpoint.suffix_ids[0]
    assert ids.tolist() == [cls, 9, 8, 7, sep, cls, 6, sep]
    assert lengths == [5, 3]
    longer, _ = checkpoint.pack([np.array([9, 8, 7]), np.array([6, 5])], limit=64)
    assert longer.tolist() == [cls, 9, 8, 7, sep, cls, 6, 5, sep] + 7 * [checkpoint.tokenizer.pad_token_id]
    assert len(checkpoint.pack([np.array([9, 8, 7]), np.array([6, 5])], limit=10)[0]) == 10


@needs_products
@pytest.mark.parametrize("name", LIKE_BERT)
def test_logits_are_those_of_transformers(checkpoints: LazyCheckpoints, name):
    checkpoint = Checkpoint.from_pretrained(checkpoints[name])
    expected = by_transformers(checkpoint, WINDOWS)
    found = without_padding(checkpoint, WINDOWS)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-5)


@needs_bf16
@pytest.mark.parametrize("name", LIKE_BERT)
def test_logits_in_bfloat16_are_near(checkpoints: LazyCheckpoints, name):
    checkpoint = Checkpoint.from_pretrained(checkpoints[name])
    expected, half = by_transformers(checkpoint, WINDOWS), without_padding(checkpoint, WINDOWS, "bf16")
    assert half.dtype == torch.float32
    assert 0 < (half - expected).abs().max() < 0.1 * expected.abs().max()


@needs_products
def test_long_windows_too(encoder_512, monkeypatch):
    """Test long windows, which use another attention kernel."""
    checkpoint = Checkpoint.from_pretrained(encoder_512, labels=["per"])
    windows = [np.arange(150) % 20 + 5, np.arange(30) % 9 + 5]
    assert torch.allclose(without_padding(checkpoint, windows), by_transformers(checkpoint, windows), atol=1e-5)
    monkeypatch.setattr(padding_free, "SHORT", 500)
    assert torch.allclose(without_padding(checkpoint, windows), by_transformers(checkpoint, windows), atol=1e-5)


def test_attention_reads_a_few_windows_at_once():
    lengths = [9, 4, 4, 4, 4, 4, 2]
    assert padding_free._groups(lengths, 2) == [(0, 1, 9), (9, 5, 4), (29, 1, 2)]


def test_attention_in_half_precision_does_not_see_its_padding():
    lengths, n_heads = [128, 70, 70, 64, 5], 2
    torch.manual_seed(0)
    rows = torch.randn(sum(lengths) + 3, 3 * 16).to(torch.bfloat16)
    groups = padding_free._groups(lengths, n_heads)
    expected = padding_free._attend(rows.float(), groups, n_heads)
    found = padding_free._attend(rows, groups, n_heads)
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), expected, atol=0.01)
    assert not found[-3:].any()


@needs_products
def test_few_windows_at_once_change_nothing(tagger, monkeypatch):
    checkpoint = Checkpoint.from_pretrained(tagger)
    windows = [*WINDOWS, *WINDOWS[1:3], *WINDOWS[1:3]]
    windows.sort(key=len, reverse=True)
    expected = without_padding(checkpoint, windows)
    # With two heads, one window needs 2 · 6 · 6 weights, so a group has at most two windows.
    monkeypatch.setattr(padding_free, "N_WEIGHTS", 200)
    lengths = [len(window) + 2 for window in windows]
    assert [group.n for group in padding_free._groups(lengths, 2)] == [1, 2, 2, 2, 1]
    assert torch.allclose(without_padding(checkpoint, windows), expected, atol=1e-6)


@needs_products
def test_a_head_of_another_activation_and_width(tmp_path):
    """Test ELECTRA with embeddings that are narrower than its layers, and activations other than GELU."""
    from checkpoints import save_bert, save_electra

    narrow = Checkpoint.from_pretrained(save_electra(tmp_path / "electra", embedding_size=16))
    assert narrow.model.electra.embeddings_project is not None
    assert torch.allclose(without_padding(narrow, WINDOWS), by_transformers(narrow, WINDOWS), atol=1e-5)
    for act in ("relu", "gelu_new"):
        other = Checkpoint.from_pretrained(save_bert(tmp_path / act, hidden_act=act))
        assert torch.allclose(without_padding(other, WINDOWS), by_transformers(other, WINDOWS), atol=1e-5)


@needs_products
def test_gelu_is_one_with_the_product_before_it(tagger):
    checkpoint = Checkpoint.from_pretrained(tagger)
    calls = []
    for layer in checkpoint.model.bert.encoder.layer:
        layer.intermediate.intermediate_act_fn.register_forward_hook(lambda *_: calls.append(1))
    by_transformers(checkpoint, WINDOWS)
    assert len(calls) == checkpoint.model.config.num_hidden_layers
    without_padding(checkpoint, WINDOWS)
    assert len(calls) == checkpoint.model.config.num_hidden_layers


@needs_products
@pytest.mark.parametrize(
    "precision", ["fp32", pytest.param("bf16", marks=needs_bf16), pytest.param("int8", marks=needs_int8)]
)
def test_a_window_does_not_notice_the_others(tagger, precision):
    checkpoint = Checkpoint.from_pretrained(tagger)
    together = without_padding(checkpoint, WINDOWS, precision)
    apart = torch.cat([without_padding(checkpoint, [window], precision) for window in WINDOWS])
    assert torch.allclose(together, apart, atol=1e-5 if precision != "bf16" else 0.05)


@needs_products
def test_products_are_those_of_torch():
    layer, other, x = linear(), linear(n_out=8), torch.randn(7, 24)
    with torch.inference_mode():
        assert torch.allclose(PackedLinear([layer], torch.float32)(x), layer(x), atol=1e-5)
        assert torch.allclose(PackedLinear([layer], torch.float32)(x.T.contiguous().T), layer(x), atol=1e-5)
        found = PackedLinear([layer, other], torch.float32)(x, "gelu")
        expected = torch.nn.functional.gelu(torch.cat([layer(x), other(x)], dim=1))
        assert torch.allclose(found, expected, atol=1e-5)


@needs_bf16
def test_products_in_bfloat16_are_near():
    layer, x = linear(), torch.randn(7, 24)
    with torch.inference_mode():
        half = PackedLinear([layer], torch.bfloat16)(x)
        assert half.dtype == torch.bfloat16
        assert torch.allclose(half.float(), layer(x), atol=0.05)


@needs_int8
def test_products_of_eight_bits_by_hand():
    """Test integer weights and rows up to 127, which are not rounded."""
    layer = torch.nn.Linear(2, 2)
    layer.weight.data, layer.bias.data = torch.tensor([[127.0, 1.0], [-127.0, 64.0]]), torch.tensor([0.5, -1.0])
    rows = torch.tensor([[127.0, 3.0], [-127.0, 100.0], [0.0, 0.0]])
    with torch.inference_mode():
        product = PackedInt8Linear([layer])
        expected = [[16132.5, -15938.0], [-16028.5, 22528.0], [0.5, -1.0]]
        assert torch.allclose(product(rows), torch.tensor(expected), rtol=1e-6)
        # 0.4 quantization steps are rounded to 0, and 0.6 to 1
        rounded = product(torch.tensor([[127.0, 0.4], [127.0, 0.6]]))
        assert torch.allclose(rounded[:, 0], torch.tensor([16129.5, 16130.5]), rtol=1e-6)


@needs_int8
def test_eight_bits_are_near(tagger):
    layer, x = linear(384, 64), torch.randn(50, 384)
    x[3] *= 1000  # an outlier, which has a separate scale
    with torch.inference_mode():
        product, expected = PackedInt8Linear([layer]), layer(x)
        found = product(x)
        assert ((found - expected).abs().amax(1) < 0.02 * expected.abs().amax(1)).all()
        assert torch.allclose(product(x, "gelu"), torch.nn.functional.gelu(found), atol=1e-5)
        before = x.clone()
        assert torch.equal(product(x), found)
        assert torch.equal(x, before)
        assert torch.equal(product(x, spare=True), found)
    exact = logits(make(tagger))
    found = logits(make(tagger, runtime={"@misc": TORCH, "precision": "int8"}))
    assert 0 < np.linalg.norm(found - exact) < 0.1 * np.linalg.norm(exact)


@needs_int8
@pytest.mark.parametrize("name", LIKE_BERT)
def test_eight_bits_are_near_for_all_kinds(checkpoints: LazyCheckpoints, name):
    checkpoint = Checkpoint.from_pretrained(checkpoints[name])
    expected = by_transformers(checkpoint, WINDOWS)
    found = without_padding(checkpoint, WINDOWS, "int8")
    assert 0 < (found - expected).norm() < 0.1 * expected.norm()


@needs_products
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_bert_and_its_like_predict_without_padding(checkpoints: LazyCheckpoints, name):
    nlp = make(checkpoints[name])
    assert (checkpoint_of(nlp).padding_free is not None) == (name in KINDS)
    plain = make(checkpoints[name], runtime={"@misc": TORCH, "packed_weights": False})
    assert checkpoint_of(plain).padding_free is None
    assert np.allclose(logits(nlp), logits(plain), atol=1e-5)


@needs_products
def test_where_transformers_does_more_it_does_all(tagger, tmp_path):
    from checkpoints import save_bert

    runtime = TorchRuntime()
    checkpoint = Checkpoint.from_pretrained(tagger)
    assert padding_free_forward(checkpoint, runtime) is not None
    assert padding_free_forward(checkpoint, TorchRuntime("fp16")) is None
    checkpoint.model.bert.encoder.layer[1].output.dense = torch.nn.Sequential(torch.nn.Linear(64, 32))
    assert padding_free_forward(checkpoint, runtime) is None
    decoder = Checkpoint.from_pretrained(save_bert(tmp_path / "decoder", is_decoder=True))
    assert padding_free_forward(decoder, runtime) is None
    relative = Checkpoint.from_pretrained(tagger)
    relative.model.config.position_embedding_type = "relative_key"
    assert padding_free_forward(relative, runtime) is None
    assert padding_free_forward(Checkpoint.load_tokenizer_only(tagger), runtime) is None  # the network is not loaded


@needs_products
def test_bfloat16_that_gains_nothing_is_left_to_autocast(tagger, monkeypatch):
    monkeypatch.setattr(torch_runtime, "has_fast_bf16", lambda device: False)
    assert padding_free_forward(Checkpoint.from_pretrained(tagger), TorchRuntime("bf16")) is None
    assert padding_free_forward(Checkpoint.from_pretrained(tagger), TorchRuntime("fp32")) is not None


def test_eight_bits_that_cannot_be_are_refused(checkpoints, tagger, monkeypatch):
    with pytest.raises(
        ConfigError,
        match=r"'.*' has the architecture distilbert\. .*: bert, camembert, electra, roberta, xlm-roberta\. ",
    ):
        make(checkpoints["distilbert"], runtime={"@misc": TORCH, "precision": "int8"})
    monkeypatch.setattr(torch_runtime, "has_packed_int8_linear", lambda: False)
    with pytest.raises(
        ConfigError, match=r"precision = 'int8' is invalid.*the CPU or torch does not support int8 matrix products"
    ):
        make(tagger, runtime={"@misc": TORCH, "precision": "int8"})
    with pytest.raises(ConfigError, match=r"packed_weights = False is invalid. Allowed: true if precision = \"int8"):
        make(tagger, runtime={"@misc": TORCH, "precision": "int8", "packed_weights": False})


@needs_products
def test_a_pass_is_kept_until_the_runtime_is_another(tagger):
    nlp = make(tagger)
    first = checkpoint_of(nlp).padding_free
    logits(nlp)
    assert checkpoint_of(nlp).padding_free is first
    model = nlp.get_pipe("bert_ner").model
    token_classifier.replace_checkpoint(model, checkpoint_of(nlp), TorchRuntime(packed_weights=False))
    assert checkpoint_of(nlp).padding_free is None


@needs_bf16
def test_a_pass_of_another_precision_is_another(tagger):
    nlp = make(tagger)
    token_classifier.replace_checkpoint(nlp.get_pipe("bert_ner").model, checkpoint_of(nlp), TorchRuntime("bf16"))
    assert checkpoint_of(nlp).padding_free.precision == "bf16"


@needs_products
def test_sees_that_weights_are_others(tagger):
    checkpoint = Checkpoint.from_pretrained(tagger)
    run, inputs = PaddingFreeForward(checkpoint.model, "fp32"), checkpoint.pack(WINDOWS, 2048)
    dense = checkpoint.model.bert.encoder.layer[0].output.dense
    seen = []

    def check():
        with torch.inference_mode():
            seen.append(run(*inputs))
        assert torch.allclose(seen[-1], by_transformers(checkpoint, WINDOWS), atol=1e-4)
        assert len(seen) == 1 or not torch.allclose(seen[-1], seen[-2], atol=1e-3)

    check()
    with torch.no_grad():
        dense.weight.mul_(2)  # in place
    check()
    with torch.no_grad():
        dense.bias[0] += 5
    check()
    dense.weight.data = torch.randn_like(dense.weight)  # at another address
    check()
    dense.weight.data.mul_(-3)  # torch does not count this change
    run.forget()
    check()
    checkpoint.add_labels(["art"])
    with torch.inference_mode():
        assert run(*inputs).shape[1] == seen[-1].shape[1] + 2


@needs_products
def test_copies_of_weights_made_in_inference_mode(tagger):
    with torch.inference_mode():
        checkpoint = Checkpoint.from_pretrained(tagger)
    assert torch.allclose(without_padding(checkpoint, WINDOWS), by_transformers(checkpoint, WINDOWS), atol=1e-5)


def test_a_pipeline_predicts_with_the_weights_that_it_has(tagger):
    """Test all ways in which spaCy changes weights between predictions."""

    def plain(nlp):
        checkpoint = Checkpoint(copy.deepcopy(checkpoint_of(nlp).model), checkpoint_of(nlp).tokenizer, "twin")
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
        assert np.allclose(logits(nlp), seen[-1], atol=1e-6)  # between computing the gradient and the optimizer step
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
