import pytest
import spacy
import torch
from spacy.training import Example
from thinc.api import SGD, Adam

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.nn.sparse_embedding_grad import SparseEmbeddingGrad
from spacy_bert_ner.optim.layerwise_adamw import make_adamw_v1


def table_with_gradient(rows, gradient):
    """Create an embedding table with four rows, of which only `rows` have a gradient."""
    table = torch.nn.Parameter(torch.ones(4, 2))
    table.grad = torch.sparse_coo_tensor([rows], torch.tensor(gradient), (4, 2), check_invariants=True)
    return table


def test_a_sparse_gradient_is_dense_in_the_block():
    bias = torch.nn.Parameter(torch.ones(2))
    bias.grad = torch.tensor([5.0, 6.0])
    table = table_with_gradient([3, 1, 3], [[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]])
    with SparseEmbeddingGrad().spread([table, bias], is_kept=False):
        assert table.grad.tolist() == [[0, 0], [3, 4], [0, 0], [11, 22]]
        assert bias.grad.tolist() == [5, 6]


def test_one_table_of_zeros_serves_all_steps():
    gradients = SparseEmbeddingGrad()
    table = table_with_gradient([0], [[1.0, 2.0]])
    with gradients.spread([table], is_kept=False):
        first = table.grad.data_ptr()
        table.grad += 7  # as an optimizer does for L2 regularization
    table.grad = table_with_gradient([2], [[3.0, 4.0]]).grad
    with gradients.spread([table], is_kept=False):
        assert table.grad.data_ptr() == first
        assert table.grad.tolist() == [[0, 0], [0, 0], [3, 4], [0, 0]]


def test_who_holds_on_to_a_gradient_keeps_it():
    gradients = SparseEmbeddingGrad()
    table = table_with_gradient([0], [[1.0, 2.0]])
    with gradients.spread([table], is_kept=True):
        kept = table.grad
    table.grad = table_with_gradient([2], [[3.0, 4.0]]).grad
    with gradients.spread([table], is_kept=True):
        pass
    assert kept.tolist() == [[1, 2], [0, 0], [0, 0], [0, 0]]


def test_tables_of_other_shapes_get_their_own():
    gradients = SparseEmbeddingGrad()
    with gradients.spread([table_with_gradient([0], [[1.0, 2.0]])], is_kept=False):
        pass
    larger = torch.nn.Parameter(torch.ones(5, 2))
    larger.grad = torch.sparse_coo_tensor([[4]], torch.tensor([[1.0, 2.0]]), (5, 2), check_invariants=True)
    with gradients.spread([larger], is_kept=False):
        assert larger.grad.tolist() == [[0, 0]] * 4 + [[1, 2]]


OPTIMIZERS = {
    "AdamW": lambda: make_adamw_v1(0.01, layer_decay=0.8),
    "Adam with L2": lambda: Adam(0.01, L2=0.1, L2_is_weight_decay=False, use_averages=False),
    "SGD": lambda: SGD(0.1, use_averages=False),
}


@pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_training_is_that_with_dense_gradients(make_optimizer, tagger, monkeypatch):
    def trained():
        nlp = spacy.blank("en")
        pipe = nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
        optimizer = make_optimizer()
        for text in ("Kevin Durant lives in New York.", "Kevin lives in Brooklyn.", "Kevin, who lives in York"):
            example = Example.from_dict(nlp.make_doc(text), {"entities": [(0, 5, "per")]})
            pipe.update([example])
            pipe.update([example], sgd=optimizer)
        network = pipe.model.shims[0].checkpoint.model
        return network.get_input_embeddings().sparse, dict(network.named_parameters())

    is_sparse, found = trained()
    prepare = Checkpoint.configure_training

    def prepare_dense(self, *settings):
        prepare(self, *settings)
        self.model.get_input_embeddings().sparse = False

    monkeypatch.setattr(Checkpoint, "configure_training", prepare_dense)
    is_still_sparse, wanted = trained()
    assert (is_sparse, is_still_sparse) == (True, False)
    for name, param in wanted.items():
        torch.testing.assert_close(found[name], param, msg=name)
