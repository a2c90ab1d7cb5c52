"""Test a head on shared vectors, which come from spaCy's own `tok2vec` here."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
import srsly
import torch
from numpy.testing import assert_allclose
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from support import found, gold
from thinc.api import Model, Ragged, serialize_attr, set_dropout_rate

from spacy_bert_ner.errors import BertNerError, CheckpointError, ConfigError
from spacy_bert_ner.export.exporter import export_checkpoint
from spacy_bert_ner.models.shared_head import HEAD, TAGS, TagHead
from spacy_bert_ner.models.shared_token_classifier import build_shared_token_classifier_v1
from spacy_bert_ner.models.token_classifier import get_checkpoint

pytestmark = pytest.mark.usefixtures("few_exceptions")

SHARED = "spacy_bert_ner.SharedTokenClassifier.v1"
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 8, "upstream": "*"}
TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 8,
    "depth": 1,
    "embed_size": 100,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
}


def make(examples: list[Example], tok2vec: dict[str, object] = LISTENER, **config: object) -> Language:
    """Return an initialized pipeline with `tok2vec`, and with a tagger and `bert_ner` that use it."""
    nlp = spacy.blank("en")
    if tok2vec is LISTENER:
        nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
        nlp.add_pipe("tagger", config={"model": {"tok2vec": LISTENER}})
    nlp.add_pipe("bert_ner", config={"model": {"@architectures": SHARED, "tok2vec": tok2vec}, **config})
    for example in examples:
        for i, token in enumerate(example.reference):
            token.tag_ = "odd" if i % 2 else "even"
    nlp.initialize(lambda: examples)
    return nlp


@pytest.fixture
def nlp(examples: list[Example]) -> Language:
    return make(examples)


def train(nlp: Language, examples: list[Example], n: int = 60) -> dict[str, float]:
    optimizer = nlp.create_optimizer()
    optimizer.learn_rate = 0.02
    losses: dict[str, float] = {}
    for _ in range(n):
        losses = nlp.update(examples, sgd=optimizer, losses={}, drop=0.1)
    return losses


def numbers(model: Model) -> list[np.ndarray]:
    return [node.get_param(name).copy() for node in model.walk() for name in node.param_names if node.has_param(name)]


def test_it_learns_beside_a_tagger(nlp: Language, examples: list[Example]) -> None:
    train(nlp, examples)
    assert found(nlp, examples) == gold(examples)
    assert [token.tag_ for token in nlp(examples[0].text)][:4] == ["even", "odd", "even", "odd"]
    doc = nlp(examples[0].text)
    assert all(0 < score <= 1 for score in doc.spans["bert_ner"].attrs["scores"])
    assert nlp.evaluate(examples)["ents_f"] == 1.0


def test_labels_are_those_of_the_examples(nlp: Language) -> None:
    pipe = nlp.get_pipe("bert_ner")
    assert pipe.labels == ("geo", "org", "per")
    assert pipe.tags == ("O", "B-geo", "I-geo", "B-org", "I-org", "B-per", "I-per")


def test_the_logits_are_those_of_a_linear_layer(nlp: Language, examples: list[Example]) -> None:
    docs = [nlp.get_pipe("tok2vec")(nlp.make_doc(text)) for text in ("Zoë  left.", "", " ", "Nobody came")]
    head = get_checkpoint(nlp.get_pipe("bert_ner").model).model.classifier
    output = nlp.get_pipe("bert_ner").model.predict(docs)
    assert [rows.lengths.tolist() for rows in output] == [[1, 0, 1, 1], [], [0], [1, 1]]
    for doc, rows in zip(docs, output, strict=True):
        vectors = doc.tensor[[not token.is_space for token in doc]] if len(doc) else np.zeros((0, 8), np.float32)
        assert_allclose(rows.dataXd, head(torch.from_numpy(vectors)).detach().numpy(), atol=1e-6)


def test_gradients_are_those_of_the_loss_to_the_bottom(examples: list[Example]) -> None:
    """Test the gradient of a weight in `tok2vec` against the effect of a small change on the sum of logits."""
    nlp = make(examples, TOK2VEC)
    model = nlp.get_pipe("bert_ner").model
    docs = [nlp.make_doc("Kevin Durant  plays"), nlp.make_doc(" "), nlp.make_doc("")]
    weights = np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)
    set_dropout_rate(model, 0.0)
    output, backprop = model.begin_update(docs)
    backprop([Ragged(weights[: len(rows.dataXd)], rows.lengths) for rows in output])
    node = next(node for node in model.walk() if node.has_grad("W"))
    gradient = node.get_grad("W").copy()
    place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
    sums = []
    for step in (0.001, -0.002):
        moved = node.get_param("W").copy()
        moved[place] += step
        node.set_param("W", moved)
        sums.append(float((model.predict(docs)[0].dataXd * weights).sum()))
    assert_allclose((sums[0] - sums[1]) / 0.002, gradient[place], rtol=0.01)


def test_a_batch_without_entities_to_learn_lets_the_others_learn(nlp: Language, examples: list[Example]) -> None:
    """Test the last listener, which sends the gradients of all listeners to the encoder."""
    train(nlp, examples, 3)  # a new tagger has zero weights, so the encoder gets no gradient from it
    doc = nlp.make_doc("Kevin Durant plays")
    reference = Doc(nlp.vocab, words=[token.text for token in doc], tags=["even", "odd", "even"])
    tok2vec = nlp.get_pipe("tok2vec").model
    before = numbers(tok2vec)
    losses = nlp.update([Example(doc, reference)], sgd=nlp.create_optimizer())
    assert losses["bert_ner"] == 0
    assert any(not np.array_equal(old, new) for old, new in zip(before, numbers(tok2vec), strict=True))


def test_gradients_are_those_of_the_sum_over_tokens(nlp: Language, examples: list[Example]) -> None:
    """Test that gradients are sums, as in spaCy's own components. Twice the examples must give twice the gradient."""
    pipe = nlp.get_pipe("bert_ner")
    sizes = []
    for batch in ([examples[0]], [examples[0], examples[0]]):
        nlp.get_pipe("tok2vec").update(batch)
        pipe.update(batch)
        sizes.append(get_checkpoint(pipe.model).model.classifier.weight.grad.clone())
        get_checkpoint(pipe.model).model.zero_grad()
    assert_allclose(2 * sizes[0], sizes[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("way", ["disk", "bytes", "pickle", "copy"])
def test_it_is_saved_and_read(nlp: Language, examples: list[Example], tmp_path: Path, way: str) -> None:
    train(nlp, examples)
    if way == "pickle":
        # `tok2vec` can only be pickled untrained.
        nlp = spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    if way == "disk":
        nlp.to_disk(tmp_path)
        assert sorted(path.name for path in (tmp_path / "bert_ner").iterdir()) == ["cfg", "model", "sha256.json"]
        again = spacy.load(tmp_path)
    elif way == "bytes":
        again = spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    elif way == "pickle":
        again = pickle.loads(pickle.dumps(nlp))
    else:
        again = copy.deepcopy(nlp)
    assert found(again, examples) == gold(examples)
    assert again.get_pipe("bert_ner").labels == ("geo", "org", "per")


@pytest.mark.parametrize("is_replaced", [False, True])
def test_it_cannot_be_exported(nlp: Language, tmp_path: Path, is_replaced: bool) -> None:
    if is_replaced:
        nlp.replace_listeners("tok2vec", "bert_ner", ["model.tok2vec"])
    nlp.to_disk(tmp_path / "pipeline")
    with pytest.raises(BertNerError, match=r"cannot be exported, .* has no transformers checkpoint\. Allowed"):
        export_checkpoint(tmp_path / "pipeline", tmp_path / "out", "onnx")


def test_bytes_whose_settings_no_config_may_have_are_refused(nlp: Language, examples: list[Example]) -> None:
    train(nlp, examples)
    pipe = nlp.get_pipe("bert_ner")
    data = srsly.msgpack_loads(pipe.to_bytes())
    model = srsly.msgpack_loads(data["model"])
    model["attrs"][0]["tag_scheme"] = serialize_attr(None, "IOB7", "tag_scheme", pipe.model)
    data["model"] = srsly.msgpack_dumps(model)
    with pytest.raises(ConfigError, match="tag_scheme = 'IOB7' is invalid"):
        pipe.from_bytes(srsly.msgpack_dumps(data))
    assert pipe.model.attrs["tag_scheme"] is None
    assert found(nlp, examples) == gold(examples)


def test_a_listener_is_replaced_by_a_copy_of_the_encoder(
    nlp: Language, examples: list[Example], tmp_path: Path
) -> None:
    train(nlp, examples)
    nlp.replace_listeners("tok2vec", "bert_ner", ["model.tok2vec"])
    nlp.remove_pipe("tagger")
    nlp.remove_pipe("tok2vec")
    assert found(nlp, examples) == gold(examples)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.pipe_names == ["bert_ner"]
    assert found(again, examples) == gold(examples)
    assert train(again, examples, 2)["bert_ner"] < 0.5


def test_a_frozen_component_stays_as_it_is(nlp: Language, examples: list[Example]) -> None:
    optimizer = nlp.create_optimizer()
    head = get_checkpoint(nlp.get_pipe("bert_ner").model).model.classifier.weight
    before = head.detach().clone()
    nlp.update(examples, sgd=optimizer, exclude=["bert_ner"])
    assert torch.equal(head, before)


def test_a_frozen_encoder_annotates_and_stays_as_it_is(nlp: Language, examples: list[Example]) -> None:
    before = numbers(nlp.get_pipe("tok2vec").model)
    optimizer = nlp.create_optimizer()
    optimizer.learn_rate = 0.05
    for _ in range(80):
        losses = nlp.update(examples, sgd=optimizer, losses={}, exclude=["tok2vec"], annotates=["tok2vec"])
    assert all(
        np.array_equal(old, new) for old, new in zip(before, numbers(nlp.get_pipe("tok2vec").model), strict=True)
    )
    assert losses["bert_ner"] < 1.0


def test_averaged_weights_are_used(nlp: Language, examples: list[Example]) -> None:
    optimizer = nlp.create_optimizer()
    optimizer.averages = {}
    nlp.update(examples, sgd=optimizer)
    nlp.update(examples, sgd=optimizer)
    head = get_checkpoint(nlp.get_pipe("bert_ner").model).model.classifier
    own = head.weight.detach().clone()
    with nlp.use_params(optimizer.averages):
        assert not torch.equal(head.weight, own)
    assert torch.equal(head.weight, own)


def test_a_label_is_added(nlp: Language, examples: list[Example]) -> None:
    train(nlp, examples)
    pipe = nlp.get_pipe("bert_ner")
    assert pipe.add_label("art") == 1
    assert pipe.labels == ("art", "geo", "org", "per")
    assert pipe.tags[-2:] == ("B-art", "I-art")
    assert found(nlp, examples) == gold(examples)


def test_tags_may_be_of_another_scheme(examples: list[Example]) -> None:
    nlp = spacy.blank("en")
    model = {"@architectures": SHARED, "tok2vec": TOK2VEC, "tag_scheme": "plain"}
    nlp.add_pipe("bert_ner", config={"model": model})
    nlp.initialize(lambda: examples)
    assert nlp.get_pipe("bert_ner").tags == ("O", "geo", "org", "per")


def test_without_a_head_it_says_to_train(examples: list[Example]) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"@architectures": SHARED, "tok2vec": TOK2VEC}})
    with pytest.raises(
        CheckpointError, match=r"head has not been trained\. .* spacy train configs/shared_transformer.cfg"
    ):
        nlp("Kevin Durant")
    with pytest.raises(BertNerError, match="has no labels to learn"):
        nlp.initialize(lambda: [examples[3]])


def test_rehearsing_takes_an_encoder_of_its_own(nlp: Language, examples: list[Example]) -> None:
    nlp.resume_training()
    with pytest.raises(BertNerError, match=r"cannot be rehearsed. .* nlp.replace_listeners"):
        nlp.get_pipe("bert_ner").rehearse(examples)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tok2vec": None}, "tok2vec = None is invalid. Allowed: a section with @architectures"),
        ({"tag_scheme": "IOB9"}, "tag_scheme = 'IOB9' is invalid. Allowed: .*IOB2"),
    ],
)
def test_settings_are_checked(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_shared_token_classifier_v1(**{"tok2vec": Model("x", lambda m, x, t: (x, None)), **change})


def test_a_tag_scheme_may_have_another_name() -> None:
    model = build_shared_token_classifier_v1(Model("x", lambda m, x, t: (x, None)), tag_scheme="bilou")
    assert model.attrs["tag_scheme"] == "BILUO"


DAMAGES: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "no weights": lambda files: {TAGS: files[TAGS]},
    "cut off": lambda files: {**files, HEAD: files[HEAD][:-5]},
    "no tags": lambda files: {HEAD: files[HEAD]},
    "no json": lambda files: {**files, TAGS: b"{"},
    "a list": lambda files: {**files, TAGS: b"[]"},
    "too few tags": lambda files: {**files, TAGS: json.dumps({"tags": ["O"], "tag_scheme": "IOB2"}).encode()},
    "numbers": lambda files: {**files, TAGS: json.dumps({"tags": [1, 2], "tag_scheme": "IOB2"}).encode()},
    "no scheme": lambda files: {**files, TAGS: files[TAGS].replace(b"IOB2", b"IOB9")},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_head_is_refused(damage: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
    files = TagHead.new(8, ["B-per", "I-per", "O"], "IOB2").to_files()
    assert TagHead.from_files(files).tags.labels == ("per",)
    with pytest.raises(CheckpointError, match="the head on shared vectors"):
        TagHead.from_files(damage(files))


def test_a_saved_file_that_is_damaged_is_refused(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path)
    file = tmp_path / "bert_ner" / "model"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="model"):
        spacy.load(tmp_path)
    (tmp_path / "bert_ner" / "sha256.json").write_text("{}")
    with pytest.warns(UserWarning, match="sha256.json"), pytest.raises(CheckpointError, match="model"):
        spacy.load(tmp_path)


def test_the_loss_of_dev_data_is_measured_with_the_vectors_of_the_encoder(
    nlp: Language, examples: list[Example], tmp_path: Path
) -> None:
    from spacy.tokens import DocBin

    from spacy_bert_ner.training.csv_logger import LearningCurves

    train(nlp, examples)
    DocBin(docs=[eg.reference for eg in examples]).to_disk(tmp_path / "dev.spacy")
    corpus = {
        "@readers": "spacy.Corpus.v1",
        "path": str(tmp_path / "dev.spacy"),
        **{"gold_preproc": False, "max_length": 0, "limit": 0, "augmenter": None},
    }
    nlp.config["corpora"] = {"train": corpus, "dev": corpus}
    nlp.config["training"] = {"train_corpus": "corpora.train", "dev_corpus": "corpora.dev"}
    measured = LearningCurves(nlp, 4).measure()
    pipe = nlp.get_pipe("bert_ner")
    seen = [Example(nlp(eg.text), eg.reference) for eg in examples]
    assert measured["dev_loss_bert_ner"] == pytest.approx(float(pipe.measure_loss(seen)), rel=1e-4)
    assert measured["train_ents_f"] == 1.0
