"""Test a model compiled with `torch.compile`."""

from collections import Counter
from functools import partial

import numpy as np
import pytest
import torch
import torch._dynamo
import torch._inductor.config
from checkpoints import TAGS, save_tagger
from spacy.training import Example
from thinc.api import Adam
from tiny_pipelines import TEXT, TORCH, make
from torch._dynamo.utils import counters

pytestmark = [
    pytest.mark.onnx,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),  # torch calls its own deprecated functions
    pytest.mark.filterwarnings("ignore:Guards may run slower:RuntimeWarning"),  # torch recommends Python 3.13.1
]


@pytest.fixture
def n_compiled(monkeypatch):
    """Return a function that returns the number of graphs compiled in this test."""
    torch._dynamo.reset()
    monkeypatch.setitem(counters, "stats", Counter())
    yield lambda: counters["stats"]["unique_graphs"]
    torch._dynamo.reset()


def logits(nlp, text):
    return nlp.get_pipe("bert_ner").model.predict([nlp.make_doc(text)])[0].dataXd


def check_compiled(folder, text, others):
    """Compare a compiled model with an uncompiled one on a text, on other texts, and after a change of weights."""
    exact, nlp = make(folder), make(folder, runtime={"@misc": TORCH, "compile": True})
    checkpoint = nlp.get_pipe("bert_ner").model.shims[0].checkpoint
    calls = []
    compiled = checkpoint.compiled_forward
    checkpoint.compiled_forward = lambda *inputs: (calls.append(1), compiled(*inputs))[1]
    assert np.allclose(logits(nlp, text), logits(exact, text), atol=1e-4)
    assert calls == [1]
    assert [doc.to_json() for doc in nlp.pipe(others)] == [doc.to_json() for doc in exact.pipe(others)]
    for one in (nlp, exact):
        torch.manual_seed(0)
        example = Example.from_dict(one.make_doc(TEXT), {"entities": [(0, 12, "per")]})
        one.get_pipe("bert_ner").update([example], sgd=Adam(0.01), drop=0.0)
    assert np.allclose(logits(nlp, text), logits(exact, text), atol=1e-4)
    assert not np.allclose(logits(nlp, text), logits(make(folder), text), atol=1e-2)


def test_a_compiled_model_predicts_the_same(tmp_path, n_compiled):
    """Test that one graph handles changed weights and all batch shapes, except batches with one window.

    The C++ compiler takes most of the time. Therefore, the model has one layer, and torch does not check that the
    compiler supports the CPU.
    """
    bare = {"num_hidden_layers": 1, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    tagger = save_tagger(tmp_path, *TAGS, initializer_range=0.5, **bare)
    with torch._inductor.config.patch({"cpp.vec_isa_ok": True}):
        check_compiled(tagger, TEXT * 2, ["Kevin", "New York", TEXT * 3, TEXT * 5])
    assert n_compiled() == 1


def test_a_model_that_is_compiled_again_predicts_the_same(tagger, n_compiled, monkeypatch):
    """Test recompilation, without generating kernels.

    Torch compiles again for batches with one window, and for another dropout rate.
    """
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    check_compiled(tagger, TEXT, ["Kevin", "Kevin Durant lives in New York.", TEXT * 5])
    assert n_compiled() > 1
