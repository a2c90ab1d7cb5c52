"""Test class weights in training: counting, saving, and their effect on a step."""

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from support import initialized
from thinc.api import SGD

from spacy_bert_ner.decoding.tag_scheme import build_tag_set
from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.losses.class_weights import balanced_weights, tag_weights
from spacy_bert_ner.losses.gold_tags import count_tokens

pytestmark = pytest.mark.usefixtures("few_exceptions")

# Number of tokens in the examples
COUNTS = {"O": 18, "geo": 4, "org": 3, "per": 4}


def test_labels_that_are_balanced_have_the_same_share():
    weights = balanced_weights({"O": 6, "per": 3, "art": 1})
    assert weights == {"O": pytest.approx(10 / 18), "per": pytest.approx(10 / 9), "art": pytest.approx(10 / 3)}
    assert 6 * weights["O"] == pytest.approx(3 * weights["per"]) == pytest.approx(weights["art"])
    assert balanced_weights({}) == {}


def test_every_tag_of_a_label_weighs_the_same():
    tags = build_tag_set(("B-per", "O", "I-geo", "I-per", "B-geo"), "IOB2")
    assert tag_weights({"per": 2.0, "O": 0.5, "new": 9.0}, tags).tolist() == [2.0, 0.5, 1.0, 2.0, 1.0]


def test_tokens_are_counted_where_they_are_known_and_have_text():
    vocab = spacy.blank("en").vocab
    doc = Doc(vocab, words=["Kevin", "\n", "Durant", "left", "Lyon"], ents=["B-per", "I-per", "I-per", "O", ""])
    assert count_tokens([Example(doc, doc)]) == {"per": 2, "O": 1}


@pytest.mark.parametrize("labels", [None, ["geo", "org", "per"]])
def test_balanced_weights_are_counted_and_kept(make_nlp, examples, labels, tmp_path):
    nlp = make_nlp(config={"class_weights": "balanced"})
    nlp.config["initialize"]["components"]["bert_ner"] = {"labels": labels}
    nlp.initialize(lambda: (eg for eg in examples))
    n = sum(COUNTS.values())
    expected = {label: pytest.approx(n / (4 * count)) for label, count in COUNTS.items()}
    nlp.to_disk(tmp_path)
    other = make_nlp(config={"class_weights": "balanced"}).from_bytes(nlp.to_bytes())
    for pipeline in (nlp, spacy.load(tmp_path), other):
        assert pipeline.get_pipe("bert_ner").cfg["balanced_weights"] == expected
    loss = spacy.load(tmp_path).update(examples, losses={}, sgd=False)["bert_ner"]
    assert loss.weight == pytest.approx(n)


def test_nothing_is_counted_for_other_weights(make_nlp, examples):
    reads = []
    nlp = make_nlp(config={"class_weights": {"per": 2.0}})
    nlp.initialize(lambda: reads.append(1) or examples)
    before = len(reads)
    nlp = make_nlp(config={"class_weights": "balanced"})
    nlp.initialize(lambda: reads.append(1) or examples)
    assert len(reads) - before == before + 1
    assert nlp.get_pipe("bert_ner").cfg["balanced_weights"]


def test_balanced_weights_that_were_not_counted_are_an_error(make_nlp, tagger, examples):
    pipe = make_nlp(name=tagger, config={"class_weights": "balanced"}).get_pipe("bert_ner")
    assert pipe.predict([eg.predicted for eg in examples])
    with pytest.raises(
        ConfigError, match=r"class_weights = 'balanced' .*Allowed: a weight for each label, because the labels in the"
    ):
        pipe.update([examples[3]])


def test_weights_of_labels_that_are_not_in_the_data_are_an_error(make_nlp, examples):
    with pytest.raises(ConfigError, match="art = 2.0 is invalid. Allowed: O and the labels geo, org, per"):
        initialized(make_nlp, examples, config={"class_weights": {"art": 2.0}})


def test_rows_weigh_as_their_labels(make_nlp, examples):
    pipe = initialized(make_nlp, examples, config={"class_weights": {"per": 3.0, "O": 0.5}}).get_pipe("bert_ner")
    loss, gradient = pipe.get_loss(examples, pipe.model.predict([eg.predicted for eg in examples]))
    assert loss.weight == 4 * 3.0 + COUNTS["O"] * 0.5 + COUNTS["geo"] + COUNTS["org"]
    weights = np.concatenate([np.abs(part.dataXd).max(axis=1) for part in gradient])
    assert (weights > 0).sum() == sum(COUNTS.values())


@pytest.mark.parametrize("config", [{"class_weights": {"per": 5.0, "O": 0.1}}, {"class_weights": "balanced"}])
def test_accumulation_with_weights_does_not_change_the_step(make_nlp, examples, config):
    results = []
    for division in ([[0, 1, 2, 3]], [[0, 1], [2, 3]], [[3], [0, 1, 2]]):
        torch.manual_seed(0)
        nlp = initialized(make_nlp, examples, config=config)
        for part in division:
            nlp.update([examples[i] for i in part], drop=0.0, sgd=False)
        pipe = nlp.get_pipe("bert_ner")
        pipe.finish_update(SGD(0.5, use_averages=False, grad_clip=0.0))
        results.append({n: p.detach().numpy() for n, p in pipe.model.shims[0].checkpoint.model.named_parameters()})
    for other in results[1:]:
        for name, weights in results[0].items():
            np.testing.assert_allclose(other[name], weights, atol=1e-5, err_msg=name)


def test_rehearsal_is_not_weighted(make_nlp, examples):
    losses = []
    for config in ({}, {"class_weights": {"O": 0.1}, "focal_gamma": 2.0}):
        torch.manual_seed(0)
        nlp = initialized(make_nlp, examples, config=config)
        nlp.resume_training(sgd=SGD(0.5))
        torch.nn.init.zeros_(nlp.get_pipe("bert_ner").model.shims[0].checkpoint.model.classifier.weight)
        losses.append(nlp.rehearse(examples, losses={}, sgd=SGD(0.0))["bert_ner"])
    assert losses[0] == losses[1] > 0
    assert losses[0].weight == losses[1].weight
