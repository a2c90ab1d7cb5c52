"""Test that a text's entities and scores do not depend on its batch or on earlier batches."""

import random
import re

import numpy as np
import pytest
import spacy
import torch
from architectures import MODEL_TYPES, N_SUBWORDS, make_config, make_model
from checkpoints import TAGS, VOCAB, make_tokenizer, watch_batches
from spacy.training import Example
from support import ROOT
from thinc.api import set_dropout_rate

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import CheckpointError
from spacy_bert_ner.nn.batch_invariance import (
    PADDING_SENSITIVE,
    UNSUPPORTED,
    is_padding_sensitive,
    make_batch_invariant,
    model_inputs,
)
from spacy_bert_ner.nn.padding_free import KINDS
from spacy_bert_ner.runtimes.onnx_checkpoint import OnnxCheckpoint

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("few_exceptions")]

SKIPPED = {
    **UNSUPPORTED,
    "layoutlmv2": "needs detectron2, which is not installed",
    "qdqbert": "needs pytorch-quantization, which is not installed",
}
"""Model types without a tiny test model, with reasons."""

SENSITIVE = ["convbert", "fnet", "mobilebert"]
"""Model types for the pipelines below.

They have a convolution, a Fourier transform, and embeddings that include neighbours.
"""

SENTENCE = "Kevin Durant lives in New York . plays for the Brooklyn Nets U.N. Zürich"
WORDS = SENTENCE.split()
DRAW = random.Random(0)
TEXTS = [" ".join(DRAW.choices(WORDS, k=DRAW.randint(1, 25))) for _ in range(60)]


def logits_of(model, ids, n_padding=0):
    """Return the logits for the first of two windows. The second window has `n_padding` more subwords."""
    length = ids.shape[1] - n_padding
    mask = torch.ones_like(ids)
    mask[0, length:] = 0
    with torch.inference_mode():
        return model(**model_inputs(model, ids.where(mask > 0, 0), mask)).logits[0, :length]


def differences(model):
    """Return the largest differences from the logits for a single window on a new model.

    The first value is for a batch with a longer window. The second is for a single window after that batch.
    """
    batches = [(torch.randint(3, N_SUBWORDS, (2, length + n)), n) for length, n in [(30, 9), (6, 1)]]
    alone = [logits_of(model, ids[:1, : ids.shape[1] - n]) for ids, n in batches]
    beside = [logits_of(model, ids, n) for ids, n in batches]
    again = [logits_of(model, ids[:1, : ids.shape[1] - n]) for ids, n in batches]
    return tuple(
        max(float((a - b).abs().max()) for a, b in zip(alone, other, strict=True)) for other in (beside, again)
    )


# Transformers 4 uses functions that are now deprecated.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence for multidimensional indexing:UserWarning")
@pytest.mark.filterwarnings("ignore:The `device` argument is deprecated:FutureWarning")
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_architectures_that_depend_on_padding_are_known(model_type):
    if model_type in SKIPPED:
        pytest.skip(SKIPPED[model_type])
    model = make_batch_invariant(make_model(make_config(model_type, num_labels=5)), "a model")
    by_padding, by_earlier_batches = differences(model)
    assert by_earlier_batches < 1e-4
    if model_type in PADDING_SENSITIVE:
        assert by_padding > 0.01
    else:
        assert by_padding < 1e-4


def test_the_documents_name_them():
    text = (ROOT / "docs" / "component.md").read_text(encoding="utf8")
    sentence = re.search(r"Logits depend on padding in seven architectures: (.*?)\. They get", text, re.DOTALL)
    assert set(re.findall("`(.*?)`", sentence[1])) == PADDING_SENSITIVE


def test_every_known_architecture_exists():
    assert PADDING_SENSITIVE - set(MODEL_TYPES) == set()
    assert PADDING_SENSITIVE & {*SKIPPED, *KINDS} == set()


CONVOLUTION = {"conv_kernel_size": 3, "conv_act": "gelu", "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}


@pytest.mark.parametrize(
    ("model_type", "settings"),
    [
        ("deberta-v2", CONVOLUTION),  # the settings of DeBERTa-v2-xlarge, which masks the input of its convolution
        ("falcon", {"alibi": True}),
        ("ibert", {"quant_mode": True}),
        ("llama", {"rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}),
        ("minimax", {"block_size": 8}),
        ("mistral", {"sliding_window": 4}),
    ],
)
def test_settings_that_suggest_a_dependence_on_padding_add_none(model_type, settings):
    model = make_model(make_config(model_type, num_labels=5, **settings))
    assert not is_padding_sensitive(model.config, 64)
    assert max(differences(model)) < 1e-4


def test_longrope_depends_on_padding_beyond_its_limit_alone():
    rope = {"type": "longrope", "short_factor": [1.0] * 4, "long_factor": [1.0, 2.0, 4.0, 8.0]}
    config = make_config("phi3", num_labels=5, original_max_position_embeddings=16, rope_scaling=rope)
    assert [is_padding_sensitive(config, longest) for longest in (1, 16, 17, 64)] == [False, False, True, True]
    model = make_model(config)
    ids = torch.randint(3, N_SUBWORDS, (2, 17))
    alone = logits_of(model, ids[:1, :6])
    assert torch.allclose(logits_of(model, ids[:, :16], 10), alone, atol=1e-5)
    assert not torch.allclose(logits_of(model, ids, 11), alone, atol=1e-2)


@pytest.mark.parametrize("nested", [False, True])
def test_longrope_is_found_wherever_the_config_has_it(nested):
    rope = {"rope_type": "longrope", "original_max_position_embeddings": 16, "rope_theta": 1e4}
    config = make_config("llama")
    config.rope_parameters = {"full_attention": rope} if nested else rope
    assert [is_padding_sensitive(config, longest) for longest in (16, 17)] == [False, True]


class Folders(dict):
    """Return a mapping from model types to token classifier folders. Each folder is created on first access."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def __missing__(self, model_type):
        self[model_type] = save(self.folder / model_type, model_type)
        return self[model_type]


def save(folder, model_type, **settings):
    id2label = dict(enumerate(TAGS))
    labels = {"id2label": id2label, "label2id": {tag: i for i, tag in id2label.items()}}
    make_model(make_config(model_type, vocab_size=len(VOCAB), **labels, **settings)).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return Folders(tmp_path_factory.mktemp("folders"))


def make_nlp(folder, **model):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "overlap": 8, **model}})
    return nlp


def checkpoint_of(nlp):
    nlp("Kevin")
    return nlp.get_pipe("bert_ner").model.shims[0].checkpoint


def found(doc):
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents], doc.spans["bert_ner"].attrs["scores"]


def assert_same(docs, expected):
    assert [found(doc)[0] for doc in docs] == [entities for entities, _ in expected]
    for doc, (_, scores) in zip(docs, expected, strict=True):
        np.testing.assert_allclose(found(doc)[1], scores, atol=1e-5)


@pytest.mark.parametrize("model_type", SENSITIVE)
def test_a_text_gets_the_same_alone_and_among_others_in_any_order(folders, model_type):
    nlp = make_nlp(folders[model_type])
    alone = {text: found(nlp(text)) for text in TEXTS}
    assert sum(len(entities) for entities, _ in alone.values()) > 100
    for texts in (TEXTS, TEXTS[::-1], sorted(TEXTS, key=len)):
        assert_same(list(nlp.pipe(texts)), [alone[text] for text in texts])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_nothing_is_padded(folders, precision):
    """Test half precision. For other encoders, it pads to multiples of four."""
    nlp = make_nlp(folders["convbert"], runtime={"@misc": "spacy_bert_ner.TorchRuntime.v1", "precision": precision})
    checkpoint = checkpoint_of(nlp)
    padded, batches, forward = [], watch_batches(checkpoint), checkpoint.forward

    def watched(ids, mask):
        padded.append(int((mask == 0).sum()))
        return forward(ids, mask)

    checkpoint.forward = watched
    list(nlp.pipe(TEXTS))
    assert set(padded) == {0}
    assert max(map(len, batches)) > 1


@pytest.mark.parametrize("model_type", SENSITIVE)
def test_a_text_has_the_same_loss_and_gradient_alone_and_among_others(folders, model_type):
    nlp = make_nlp(folders[model_type])
    pipe, checkpoint = nlp.get_pipe("bert_ner"), checkpoint_of(nlp)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"entities": [(0, 5, "per")]}) for text in TEXTS if "Kevin " in text[:6]
    ]
    assert len({len(eg.predicted) for eg in examples}) > 3
    set_dropout_rate(pipe.model, 0.0)

    def run(batch):
        scores, backprop = pipe.model.begin_update([eg.predicted for eg in batch])
        losses = [pipe.get_loss([eg], [rows]) for eg, rows in zip(batch, scores, strict=True)]
        backprop([gradient for _, (gradient,) in losses])
        return [float(loss) for loss, _ in losses]

    def gradient():
        (weight,) = [p for name, p in checkpoint.model.named_parameters() if name == "classifier.weight"]
        taken, weight.grad = weight.grad.clone(), None
        return taken

    alone, alone_gradient = [run([eg])[0] for eg in examples], gradient()
    np.testing.assert_allclose(run(examples), alone, rtol=1e-5)
    torch.testing.assert_close(gradient(), alone_gradient, rtol=1e-4, atol=1e-4)


def test_a_graph_gets_no_padding_either(folders, monkeypatch):
    """Test an exported graph, which depends on padding like its model. The model stands in for the graph here."""
    original = Checkpoint.from_pretrained(folders["convbert"])
    nlp = make_nlp(folders["convbert"], runtime={"@misc": "spacy_bert_ner.OnnxRuntime.v1"})
    nlp.get_pipe("bert_ner").model.shims[0].checkpoint = OnnxCheckpoint.of(original, b"a graph")
    monkeypatch.setattr(OnnxCheckpoint, "forward", lambda self, ids, mask: original.forward(ids, mask))
    alone = [found(nlp(text)) for text in TEXTS]
    assert_same(list(nlp.pipe(TEXTS)), alone)


@pytest.mark.onnx
@pytest.mark.parametrize("model_type", ["convbert", "fnet"])
def test_a_real_graph_finds_the_same_too(tmp_path, model_type):
    from spacy_bert_ner.export.to_onnx import convert

    folder = save(tmp_path / model_type, model_type, num_hidden_layers=1)
    original = Checkpoint.from_pretrained(folder)
    nlp = make_nlp(folder, runtime={"@misc": "spacy_bert_ner.OnnxRuntime.v1"})
    nlp.get_pipe("bert_ner").model.shims[0].checkpoint = OnnxCheckpoint.of(original, convert(original, "fp32"))
    alone = [found(nlp(text)) for text in TEXTS]
    assert_same(list(nlp.pipe(TEXTS)), alone)
    assert_same(list(make_nlp(folder).pipe(TEXTS)), alone)


def test_bigbird_does_not_remember_short_texts(folders):
    """Test blocks of four subwords. Transformers then treats windows with more than 28 subwords as long."""
    nlp = make_nlp(folders["big_bird"])
    long, short = " ".join(WORDS * 3), "Kevin Durant"
    first = found(nlp(long))
    nlp(short)
    assert_same([nlp(long)], [first])


def test_training_bigbird_draws_no_random_blocks(folders):
    """Test that NumPy's global generator is not reseeded, as sparse attention in BigBird would do."""
    nlp = make_nlp(folders["big_bird"])
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    nlp.get_pipe("bert_ner").model.begin_update([nlp.make_doc(" ".join(WORDS * 3))])
    assert np.random.random() == expected


def test_yoso_does_not_hash_at_random(tmp_path):
    nlp = make_nlp(save(tmp_path / "yoso", "yoso", use_expectation=False))
    first = [found(nlp(text)) for text in TEXTS[:9]]
    assert_same([nlp(text) for text in TEXTS[:9]], first)
    checkpoint_of(nlp).save(tmp_path / "saved")
    assert Checkpoint.from_pretrained(tmp_path / "saved").model.config.use_expectation is False


def test_a_nystromformer_of_fixed_length_is_refused(tmp_path):
    folder = save(tmp_path / "nystromformer", "nystromformer", num_landmarks=8, segment_means_seq_len=32)
    reason = r"num_landmarks = 8 and segment_means_seq_len = 32\. .* Set this in its config.json: \"num_landmarks\": 32"
    with pytest.raises(CheckpointError, match=reason):
        Checkpoint.from_pretrained(folder)


@pytest.mark.parametrize(
    ("model_type", "reason"), [("bros", "bounding box of each word"), ("mra", "replaces the attention with zeros")]
)
def test_an_architecture_that_cannot_read_plain_text_is_refused(tmp_path, model_type, reason):
    folder = save(tmp_path / model_type, model_type)
    with pytest.raises(CheckpointError, match=f"architecture '{model_type}', .*{reason}.* Allowed: a text encoder"):
        Checkpoint.from_pretrained(folder)
