"""Test the requirements that spaCy has for trainable components.

The list follows spaCy's own tests for its trainable components. `bert_ner` is combined with other components, trained,
saved, loaded and moved.
"""

from itertools import islice

import numpy as np
import pytest
import spacy
import srsly
import torch
from spacy.cli._util import app
from spacy.language import DEFAULT_CONFIG, Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config_from_str, load_model_from_config
from support import TRAIN_DATA
from thinc.api import Adam, NumpyOps, get_current_ops
from typer.testing import CliRunner

from spacy_bert_ner import BertNer
from spacy_bert_ner.models.token_classifier import get_checkpoint

pytestmark = pytest.mark.usefixtures("few_exceptions")

TEXTS = [text for text, _ in TRAIN_DATA]


def entities(doc):
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def iob(doc):
    return [f"{token.ent_iob_}-{token.ent_type_}".rstrip("-") for token in doc]


def weights(pipe):
    return {name: p.detach().clone().numpy() for name, p in get_checkpoint(pipe.model).model.named_parameters()}


def is_same(found, expected):
    return all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.fixture
def nlp(make_nlp, examples):
    nlp = make_nlp()
    nlp.initialize(lambda: examples)
    return nlp


@pytest.fixture(scope="module")
def trained(encoder, tmp_path_factory):
    """Return a folder with a pipeline that has memorized the entities in the training data."""
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(encoder), "overlap": 8}})
    examples = [Example.from_dict(nlp.make_doc(text), {"entities": ents}) for text, ents in TRAIN_DATA]
    torch.manual_seed(0)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01, use_averages=False)
    for _ in range(40):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    folder = tmp_path_factory.mktemp("trained")
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def expected():
    """Return the expected entities in each text, by token."""
    nlp = spacy.blank("en")
    docs = [Example.from_dict(nlp.make_doc(text), {"entities": ents}).reference for text, ents in TRAIN_DATA]
    return [entities(doc) for doc in docs]


@pytest.fixture
def loaded(trained):
    return spacy.load(trained)


# Annotations by other components


def test_a_ruler_before_keeps_its_entities(loaded):
    ruler = loaded.add_pipe("entity_ruler", before="bert_ner")
    ruler.add_patterns([{"label": "toy", "pattern": "Nets"}, {"label": "verb", "pattern": "plays"}])
    assert iob(loaded(TEXTS[0])) == ["B-per", "I-per", "B-verb", "O", "O", "B-org", "B-toy", "O"]


def test_a_ruler_after_adds_entities_and_takes_no_token(loaded):
    ruler = loaded.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "toy", "pattern": "Nets"}, {"label": "verb", "pattern": "plays"}])
    assert iob(loaded(TEXTS[0])) == ["B-per", "I-per", "B-verb", "O", "O", "B-org", "I-org", "O"]


def test_every_token_is_annotated_and_blocked_ones_stay_empty(loaded):
    @Language.component("block_two_tokens")
    def block(doc):
        doc.set_ents([], blocked=[doc[0:2]], default="missing")
        return doc

    loaded.add_pipe("block_two_tokens", first=True)
    doc = loaded(TEXTS[0])
    assert [token.ent_iob_ for token in doc] == ["B", "B", "O", "O", "O", "B", "I", "O"]
    assert [token.ent_type_ for token in doc] == ["", "", "", "", "", "org", "org", ""]
    assert doc.has_annotation("ENT_IOB", require_complete=True)


def test_tokens_outside_entities_are_written_as_outside(loaded):
    doc = loaded.make_doc(TEXTS[3])
    assert {token.ent_iob_ for token in doc} == {""}
    assert iob(loaded(doc)) == ["O", "O", "O"]


def test_two_components_with_weights_and_labels_of_their_own(loaded, tagger, tmp_path):
    loaded.add_pipe("bert_ner", name="second", config={"model": {"name": str(tagger), "overlap": 8}})
    first, second = loaded.get_pipe("bert_ner"), loaded.get_pipe("second")
    docs = list(loaded.pipe(TEXTS))
    assert (first.labels, second.labels) == (("geo", "org", "per"), ("geo", "per"))
    loaded.to_disk(tmp_path)
    assert [doc.to_json() for doc in spacy.load(tmp_path).pipe(TEXTS)] == [doc.to_json() for doc in docs]


def test_two_components_are_trained_together(make_nlp, examples, tagger):
    nlp = make_nlp()
    nlp.add_pipe("bert_ner", name="second", config={"model": {"name": str(tagger), "overlap": 8}})
    known = [eg for eg in examples if "org" not in {ent.label_ for ent in eg.reference.ents}]
    optimizer = nlp.initialize(lambda: known)
    before = [weights(nlp.get_pipe(name)) for name in nlp.pipe_names]
    losses = nlp.update(known, sgd=optimizer)
    assert losses.keys() == {"bert_ner", "second"}
    assert not any(is_same(weights(nlp.get_pipe(name)), b) for name, b in zip(nlp.pipe_names, before, strict=True))
    assert len(optimizer.mom1) == sum(map(len, before))  # the optimizer treats their weights as different


# Streams


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_a_stream_gives_what_single_calls_give(loaded, expected, batch_size):
    assert [entities(doc) for doc in loaded.pipe(TEXTS, batch_size=batch_size)] == expected
    assert [entities(loaded(text)) for text in TEXTS] == expected


def test_one_empty_text_does_not_spoil_its_batch(loaded, expected):
    assert [entities(doc) for doc in loaded.pipe(["", *TEXTS, " "])] == [[], *expected, []]


def test_a_stream_is_read_as_far_as_needed(loaded):
    pulled = []

    def texts():
        for number in range(50):
            pulled.append(number)
            yield TEXTS[number % 4]

    docs = loaded.pipe(texts(), batch_size=2)
    assert pulled == []
    assert [doc.text for doc in islice(docs, 5)] == [*TEXTS, TEXTS[0]]
    assert pulled == list(range(6))


def test_an_empty_stream(loaded):
    assert list(loaded.pipe([])) == []
    assert list(loaded.pipe(iter(()), as_tuples=True)) == []


def test_texts_come_back_with_their_context(loaded, expected):
    pairs = loaded.pipe(((text, {"id": i}) for i, text in enumerate(TEXTS)), as_tuples=True, batch_size=3)
    assert [(entities(doc), context["id"]) for doc, context in pairs] == list(zip(expected, range(4), strict=True))


def test_a_batch_size_for_the_component_alone(loaded, monkeypatch):
    sizes = []
    pipe = loaded.get_pipe("bert_ner")
    predict = pipe.predict
    monkeypatch.setattr(pipe, "predict", lambda docs: sizes.append(len(docs)) or predict(docs))
    list(loaded.pipe(TEXTS, batch_size=4, component_cfg={"bert_ner": {"batch_size": 3}}))
    assert sizes == [3, 1]


def test_docs_are_taken_and_given_back(loaded, expected):
    docs = [loaded.make_doc(text) for text in TEXTS]
    assert loaded(docs[0]) is docs[0]
    assert all(a is b for a, b in zip(loaded.pipe(docs), docs, strict=True))
    assert [entities(doc) for doc in docs] == expected


def test_a_doc_of_another_vocab(loaded, expected):
    doc = spacy.blank("en").make_doc(TEXTS[0])
    assert doc.vocab is not loaded.vocab
    assert entities(loaded.get_pipe("bert_ner")(doc)) == expected[0]
    assert doc.ents[0].label_ == "per"
    assert entities(next(loaded.get_pipe("bert_ner").pipe([spacy.blank("de").make_doc(TEXTS[0])]))) == expected[0]


def test_predict_leaves_the_docs_alone(loaded):
    docs = [loaded.make_doc(text) for text in TEXTS]
    loaded.get_pipe("bert_ner").predict(docs)
    assert [doc.ents for doc in docs] == [(), (), (), ()]


# Pipelines


ASSIGNS = ["doc.ents", "doc.spans", "span._.score", "token.ent_iob", "token.ent_type"]


def test_what_the_component_says_of_itself(nlp):
    analysis = nlp.analyze_pipes()
    assert analysis["summary"]["bert_ner"]["assigns"] == ASSIGNS
    assert analysis["summary"]["bert_ner"]["requires"] == []
    assert analysis["problems"] == {"bert_ner": []}
    assert set(analysis["summary"]["bert_ner"]["scores"]) == {
        "ents_f",
        "ents_p",
        "ents_r",
        "ents_per_type",
        "iob_acc",
        "iob_doc_acc",
    }
    assert isinstance(nlp.get_pipe("bert_ner"), BertNer)
    assert nlp.get_pipe("bert_ner").is_trainable
    assert nlp.pipe_labels == {"bert_ner": ["geo", "org", "per"]}


def test_components_that_need_entities_find_them(loaded):
    loaded.add_pipe("merge_entities")
    assert loaded.analyze_pipes()["problems"] == {"bert_ner": [], "merge_entities": []}
    assert [token.text for token in loaded(TEXTS[0])][:3] == ["Kevin Durant", "plays", "for"]


def test_a_disabled_component_does_nothing(loaded, expected):
    with loaded.select_pipes(disable="bert_ner"):
        assert loaded.pipe_names == []
        assert entities(loaded(TEXTS[0])) == []
    assert entities(loaded(TEXTS[0])) == expected[0]
    assert [doc.ents for doc in loaded.pipe(TEXTS, disable=["bert_ner"])] == [()] * 4
    with loaded.select_pipes(enable="bert_ner"):
        assert entities(loaded(TEXTS[0])) == expected[0]


def test_a_renamed_component_goes_on(loaded, examples, tmp_path, expected):
    loaded.rename_pipe("bert_ner", "names")
    assert entities(loaded(TEXTS[0])) == expected[0]
    loaded.to_disk(tmp_path)
    assert (tmp_path / "names" / "model" / "model.safetensors").exists()
    assert entities(spacy.load(tmp_path)(TEXTS[0])) == expected[0]


def test_a_component_is_removed_and_replaced(loaded, tagger):
    name, removed = loaded.remove_pipe("bert_ner")
    assert (name, loaded.pipe_names, entities(loaded(TEXTS[0]))) == ("bert_ner", [], [])
    loaded.add_pipe("bert_ner")
    new = loaded.replace_pipe("bert_ner", "bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    assert new is loaded.get_pipe("bert_ner") is not removed
    loaded(TEXTS[0])
    assert new.labels == ("geo", "per")
    assert loaded.config["components"]["bert_ner"]["model"]["name"] == str(tagger)


def test_a_component_from_another_pipeline_under_another_name(loaded, expected, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("bert_ner", name="names", source=loaded)
    with pytest.raises(KeyError):
        nlp.add_pipe("not_there", source=loaded)
    assert entities(nlp(TEXTS[0])) == expected[0]
    nlp.to_disk(tmp_path)
    assert [entities(doc) for doc in spacy.load(tmp_path).pipe(TEXTS)] == expected


def test_a_component_from_a_folder_in_a_config(trained, expected):
    config = {
        "nlp": {"lang": "en", "pipeline": ["sentencizer", "names"]},
        "components": {
            "sentencizer": {"factory": "sentencizer"},
            "names": {"source": str(trained), "component": "bert_ner"},
        },
    }
    nlp = spacy.blank("en").from_config(config)
    assert nlp.pipe_factories == {"sentencizer": "sentencizer", "names": "bert_ner"}
    assert nlp.config["components"]["names"]["factory"] == "bert_ner"
    assert [entities(doc) for doc in nlp.pipe(TEXTS)] == expected


def test_the_config_of_a_pipeline_builds_it_again(nlp):
    nlp.config["components"]["bert_ner"]["model"]["max_batch_tokens"] = 99
    config = load_config_from_str(nlp.config.to_str())
    again = load_model_from_config(config, auto_fill=True, validate=True)
    assert again.config.to_str() == nlp.config.to_str()
    assert again.get_pipe("bert_ner").model.attrs["max_batch_tokens"] == 99
    assert again.get_pipe("bert_ner").labels == ()


# Saving and loading


def test_bytes_and_folders_round_trip(loaded, make_nlp, tmp_path, expected):
    data = loaded.to_bytes()
    assert make_nlp().from_bytes(data).to_bytes() == data
    pipe = loaded.get_pipe("bert_ner")
    fresh = make_nlp().get_pipe("bert_ner").from_bytes(pipe.to_bytes())
    assert fresh.labels == pipe.labels
    pipe.to_disk(tmp_path)
    again = make_nlp().get_pipe("bert_ner").from_disk(tmp_path)
    assert [entities(doc) for doc in again.pipe(make_nlp().make_doc(text) for text in TEXTS)] == expected
    assert is_same(weights(again), weights(pipe))


def test_what_is_excluded_from_bytes_is_left_out(loaded, make_nlp):
    pipe = loaded.get_pipe("bert_ner")
    assert set(srsly.msgpack_loads(pipe.to_bytes(exclude=["model", "vocab"]))) == {"cfg"}
    assert set(srsly.msgpack_loads(pipe.to_bytes(exclude=["cfg", "vocab"]))) == {"model"}
    fresh = make_nlp()
    assert fresh.get_pipe("bert_ner").from_bytes(pipe.to_bytes(), exclude=["model"]).labels == ()
    fresh.from_bytes(loaded.to_bytes(exclude=["bert_ner"]))
    assert fresh.get_pipe("bert_ner").labels == ()
    fresh.from_bytes(loaded.to_bytes(), exclude=["bert_ner"])
    assert fresh.get_pipe("bert_ner").labels == ()


def test_a_pipeline_is_saved_without_the_component(loaded, tmp_path):
    loaded.to_disk(tmp_path, exclude=["bert_ner"])
    assert not (tmp_path / "bert_ner").exists()


def test_loading_leaves_out_or_disables_the_component(trained, expected):
    excluded = spacy.load(trained, exclude=["bert_ner"])
    assert (excluded.component_names, entities(excluded(TEXTS[0]))) == ([], [])
    disabled = spacy.load(trained, disable=["bert_ner"])
    assert (disabled.disabled, entities(disabled(TEXTS[0]))) == (["bert_ner"], [])
    disabled.enable_pipe("bert_ner")
    assert entities(disabled(TEXTS[0])) == expected[0]
    assert spacy.load(trained, enable=["bert_ner"]).pipe_names == ["bert_ner"]


def test_a_disabled_component_is_saved(loaded, tmp_path, expected):
    loaded.disable_pipe("bert_ner")
    loaded.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    assert nlp.disabled == ["bert_ner"]
    nlp.enable_pipe("bert_ner")
    assert entities(nlp(TEXTS[0])) == expected[0]


def test_labels_do_not_depend_on_the_strings_of_the_vocab(trained, expected, loaded):
    nlp = spacy.load(trained, exclude=["strings"])
    assert "per" not in nlp.vocab.strings
    assert [entities(doc) for doc in nlp.pipe(TEXTS)] == expected
    assert "per" in nlp.vocab.strings
    blank = spacy.blank("en")
    pipe = blank.create_pipe("bert_ner").from_bytes(loaded.get_pipe("bert_ner").to_bytes(exclude=["vocab"]))
    doc = pipe(blank.make_doc(TEXTS[0]))
    assert [ent.label_ for ent in doc.ents] == ["per", "org"]
    assert [ent.label_ for ent in Doc(blank.vocab).from_bytes(doc.to_bytes()).ents] == ["per", "org"]


def test_a_saved_pipeline_can_be_saved_over_itself(trained, tmp_path, expected):
    nlp = spacy.load(trained)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    again.to_disk(tmp_path)
    assert [entities(doc) for doc in spacy.load(tmp_path).pipe(TEXTS)] == expected


# Training


def test_a_text_without_tokens_among_others_is_trained_on(make_nlp, examples):
    nlp = make_nlp()
    empty = Example.from_dict(nlp.make_doc(""), {"entities": []})
    optimizer = nlp.initialize(lambda: [empty, *examples])
    for batch in ([empty, *examples], [empty], [examples[0], empty]):
        losses = nlp.update(batch, sgd=optimizer)
    assert losses["bert_ner"] > 0


@pytest.mark.parametrize("batch", ["texts", "docs"])
@pytest.mark.parametrize("method", ["update", "rehearse", "calibrate"])
def test_what_is_no_example_is_an_error(nlp, method, batch):
    with pytest.raises(TypeError, match=f"E978.*BertNer.{method}"):
        getattr(nlp.get_pipe("bert_ner"), method)(TEXTS if batch == "texts" else [nlp.make_doc(text) for text in TEXTS])


@pytest.mark.parametrize(
    ("get_examples", "error"), [(lambda: None, "E930"), (list, "E930"), (lambda: TEXTS, "E978"), (TEXTS, "E930")]
)
def test_initialize_takes_a_function_that_gives_examples(make_nlp, get_examples, error):
    with pytest.raises(TypeError, match=error):
        make_nlp().get_pipe("bert_ner").initialize(get_examples)


def test_a_loaded_pipeline_is_trained_on(loaded, examples):
    before = weights(loaded.get_pipe("bert_ner"))
    losses = loaded.update(examples, sgd=loaded.resume_training(sgd=Adam(0.001)))
    assert 0 < losses["bert_ner"] < 1
    assert not is_same(weights(loaded.get_pipe("bert_ner")), before)


def test_averaged_weights_stand_in_for_a_block(nlp, examples):
    optimizer = Adam(0.1, use_averages=True)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    pipe = nlp.get_pipe("bert_ner")
    own, shim = weights(pipe), pipe.model.shims[0]
    key = shim.key("classifier.bias", shim.checkpoint.model.classifier.bias)
    with nlp.use_params(optimizer.averages):
        averaged = weights(pipe)
        np.testing.assert_array_equal(averaged["classifier.bias"], optimizer.averages[key])
        assert not np.array_equal(averaged["classifier.bias"], own["classifier.bias"])
    assert is_same(weights(pipe), own)
    with pytest.raises(ZeroDivisionError), nlp.use_params(optimizer.averages):
        1 / 0  # noqa: B018
    assert is_same(weights(pipe), own)


def test_averaged_weights_are_what_is_saved_in_the_block(nlp, examples, tmp_path):
    optimizer = Adam(0.1, use_averages=True)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    with nlp.use_params(optimizer.averages):
        averaged = weights(nlp.get_pipe("bert_ner"))
        nlp.to_disk(tmp_path)
    saved = weights(spacy.load(tmp_path).get_pipe("bert_ner"))
    assert is_same(saved, averaged)
    assert not is_same(saved, weights(nlp.get_pipe("bert_ner")))


def see_entities(name, seen):
    """Register a trainable component that records the entities in the Docs it is trained on."""

    class Seer:
        def __call__(self, doc):
            return doc

        def update(self, examples, *, drop=0.0, sgd=None, losses=None):
            seen.extend(entities(eg.predicted) for eg in examples)

    Language.factory(name, func=lambda nlp, name: Seer())


def test_an_annotating_component_shows_its_entities_to_later_ones(loaded, examples, expected):
    seen = []
    see_entities("see_entities_directly", seen)
    loaded.add_pipe("see_entities_directly")
    before = weights(loaded.get_pipe("bert_ner"))
    loaded.update(examples, sgd=Adam(0.1), exclude=["bert_ner"])
    assert seen == [[], [], [], []]
    seen.clear()
    loaded.update(examples, sgd=Adam(0.1), exclude=["bert_ner"], annotates=["bert_ner"])
    assert seen == expected
    assert is_same(weights(loaded.get_pipe("bert_ner")), before)


TRAINING = """
[paths]
train = null
encoder = null

[nlp]
lang = "en"
pipeline = ["bert_ner"]

[components]

[components.bert_ner]
factory = "bert_ner"

[components.bert_ner.model]
@architectures = "spacy_bert_ner.TokenClassifier.v1"
name = ${paths.encoder}
overlap = 8

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.train}

[training]
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
max_steps = 4
eval_frequency = 2

[training.logger]
@loggers = "spacy.ConsoleLogger.v1"
progress_bar = false

[training.optimizer]
@optimizers = "Adam.v1"
use_averages = true
"""


@pytest.fixture
def config(encoder, examples, tmp_path):
    """Return a config for `spacy train` with the four examples."""
    DocBin(docs=[eg.reference for eg in examples]).to_disk(tmp_path / "train.spacy")
    overrides = {"paths.train": str(tmp_path / "train.spacy"), "paths.encoder": str(encoder)}
    return DEFAULT_CONFIG.merge(load_config_from_str(TRAINING, overrides=overrides))


def test_training_by_config_saves_a_pipeline_that_loads(config, tmp_path):
    nlp = init_nlp(config)
    assert nlp.get_pipe("bert_ner").labels == ("geo", "org", "per")
    train(nlp, tmp_path)
    for name in ("model-best", "model-last"):
        again = spacy.load(tmp_path / name)
        assert again.get_pipe("bert_ner").labels == ("geo", "org", "per")
        assert set(again.meta["performance"]) >= {"ents_f", "ents_p", "ents_r", "iob_acc", "bert_ner_loss"}


def test_a_frozen_annotating_component_of_a_config(config, trained, tmp_path, expected):
    seen = []
    see_entities("see_entities_by_config", seen)
    config["nlp"]["pipeline"] = ["bert_ner", "seer"]
    config["components"] = {"bert_ner": {"source": str(trained)}, "seer": {"factory": "see_entities_by_config"}}
    config["training"] |= {"frozen_components": ["bert_ner"], "annotating_components": ["bert_ner"]}
    config["training"]["score_weights"] = {"ents_f": 1.0}
    nlp = init_nlp(config)
    before = weights(nlp.get_pipe("bert_ner"))
    train(nlp, tmp_path)
    assert sorted(seen[:4]) == sorted(expected)
    assert is_same(weights(nlp.get_pipe("bert_ner")), before)
    assert is_same(weights(spacy.load(tmp_path / "model-last").get_pipe("bert_ner")), before)


def test_a_component_from_another_pipeline_is_trained_on(config, trained, tmp_path):
    config["components"] = {"bert_ner": {"source": str(trained)}}
    nlp = init_nlp(config)
    before = weights(spacy.load(trained).get_pipe("bert_ner"))
    assert is_same(weights(nlp.get_pipe("bert_ner")), before)
    train(nlp, tmp_path)
    assert not is_same(weights(nlp.get_pipe("bert_ner")), before)


def test_labels_are_written_down_and_read_again(config, tmp_path):
    config.to_disk(tmp_path / "train.cfg")
    result = CliRunner().invoke(app, ["init", "labels", str(tmp_path / "train.cfg"), str(tmp_path / "labels")])
    assert result.exit_code == 0, result.output
    path = tmp_path / "labels" / "bert_ner.json"
    assert srsly.read_json(path) == ["geo", "org", "per"]
    # So the labels can only come from the file.
    DocBin(docs=[spacy.blank("en")("Nobody came.")]).to_disk(tmp_path / "train.spacy")
    labels = {"@readers": "spacy.read_labels.v1", "path": str(path)}
    config["initialize"]["components"] = {"bert_ner": {"labels": labels}}
    assert init_nlp(config).get_pipe("bert_ner").labels == ("geo", "org", "per")


# Scores


def test_evaluation_scores_the_entities_and_leaves_the_examples_alone(loaded, examples):
    scores = loaded.evaluate(examples)
    assert (scores["ents_p"], scores["ents_r"], scores["ents_f"]) == (1.0, 1.0, 1.0)
    assert scores["ents_per_type"].keys() == {"geo", "org", "per"}
    assert (scores["iob_acc"], scores["iob_doc_acc"]) == (1.0, 1.0)
    assert scores["speed"] > 0
    assert [entities(eg.predicted) for eg in examples] == [[], [], [], []]


def test_a_component_scores_and_may_have_another_scorer_or_none(loaded, make_nlp, examples):
    done = [Example(loaded(eg.reference.text), eg.reference) for eg in examples]
    assert loaded.get_pipe("bert_ner").score(done)["ents_f"] == 1.0
    none = make_nlp(config={"scorer": None}).get_pipe("bert_ner")
    assert none.score(done) == {}
    other = make_nlp(config={"scorer": {"@scorers": "spacy.ner_scorer.v1"}}).get_pipe("bert_ner")
    assert set(other.score(done)) == {"ents_p", "ents_r", "ents_f", "ents_per_type"}


def test_nothing_to_score(loaded):
    scores = loaded.get_pipe("bert_ner").score([])
    assert (scores["ents_f"], scores["ents_per_type"]) == (None, None)
    doc = loaded.make_doc("Kevin")
    doc.set_ents([Span(doc, 0, 1, "per")])
    assert loaded.get_pipe("bert_ner").score([Example(doc.copy(), doc)])["ents_f"] == 1.0


# Machines


def test_a_gpu_that_is_not_there_is_not_missed(trained, expected):
    ops = get_current_ops()
    if spacy.prefer_gpu():
        pytest.skip("this machine has a GPU")
    assert isinstance(ops, NumpyOps)
    assert [entities(doc) for doc in spacy.load(trained).pipe(TEXTS)] == expected
