import json
import warnings
from collections import Counter

import numpy as np
import pytest
import spacy
import torch
from spacy import registry
from spacy.tokens import Doc, Span
from spacy.training import Example
from support import TRAIN_DATA, initialized
from thinc.api import SGD, Adam
from transformers import AutoModelForTokenClassification

from spacy_bert_ner import score_bert_ner
from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.checkpoints.hub import CheckpointSource
from spacy_bert_ner.decoding.tag_scheme import build_tag_set, tags_of_labels
from spacy_bert_ner.errors import BertNerError, CheckpointError, ConfigError, TagError
from spacy_bert_ner.losses import gold_tags
from spacy_bert_ner.losses.cross_entropy import WeightedMean
from spacy_bert_ner.models.token_classifier import get_tags
from spacy_bert_ner.types import Prediction

pytestmark = pytest.mark.usefixtures("few_exceptions")


def entities(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def parameters(pipe):
    return {name: p.detach().numpy() for name, p in pipe.model.shims[0].checkpoint.model.named_parameters()}


def test_overfitting_io(nlp, examples, tmp_path):
    optimizer = Adam(0.01, use_averages=False)
    for _ in range(60):
        losses = nlp.update(examples, sgd=optimizer, drop=0.0)
    assert losses["bert_ner"] < 0.05
    texts = [text for text, _ in TRAIN_DATA]
    expected = [[(text[start:end], label) for start, end, label in ents] for text, ents in TRAIN_DATA]
    assert expected[1] == [("U.N.", "org"), ("São Paulo", "geo")]
    assert [entities(nlp(text)) for text in texts] == expected
    assert [entities(doc) for doc in nlp.pipe(texts, batch_size=3)] == expected

    nlp.to_disk(tmp_path / "pipeline")
    from_disk = spacy.load(tmp_path / "pipeline")
    from_bytes = spacy.blank("en")
    from_bytes.add_pipe("bert_ner")
    from_bytes.from_bytes(nlp.to_bytes())
    for other in (from_disk, from_bytes):
        assert [entities(doc) for doc in other.pipe(texts)] == expected
        assert other.get_pipe("bert_ner").labels == ("geo", "org", "per")

    plain = AutoModelForTokenClassification.from_pretrained(tmp_path / "pipeline" / "bert_ner" / "model")
    assert list(plain.config.id2label.values()) == ["O", "B-geo", "I-geo", "B-org", "I-org", "B-per", "I-per"]


def test_a_saved_pipeline_does_not_need_its_encoder(nlp, tmp_path):
    nlp.get_pipe("bert_ner").model.attrs["name"] = "gone"
    nlp.config["components"]["bert_ner"]["model"]["name"] = "no/such-checkpoint"
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("bert_ner").labels == ("geo", "org", "per")


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\x00", "\u200d", "\u0085", "a\u0301", "😀" * 3])
def test_odd_texts_do_no_harm(nlp, text):
    doc, with_neighbours = nlp(text), nlp(f"Kevin {text} Durant")
    assert doc.text == text
    assert with_neighbours.text == f"Kevin {text} Durant"


def test_a_fine_tuned_checkpoint_runs_without_initialize(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    assert nlp.get_pipe("bert_ner").tags == ()
    assert {ent.label_ for ent in nlp("Kevin Durant lives in New York. " * 3).ents} <= {"geo", "per"}
    assert nlp.get_pipe("bert_ner").labels == ("geo", "per")


def test_an_encoder_does_not_run_untrained(make_nlp):
    with pytest.raises(CheckpointError, match="is an encoder"):
        make_nlp()("Kevin")


def test_labels_come_from_the_examples_or_from_the_config(make_nlp, examples):
    assert initialized(make_nlp, examples).get_pipe("bert_ner").label_data == ["geo", "org", "per"]
    nlp = make_nlp()
    nlp.config["initialize"]["components"]["bert_ner"] = {"labels": ["per", "org", "geo", "art"]}
    nlp.initialize(lambda: examples)
    assert nlp.get_pipe("bert_ner").tags[:3] == ("O", "B-art", "I-art")


def test_without_labels_there_is_nothing_to_learn(make_nlp, examples):
    with pytest.raises(BertNerError, match="The training data has no entities, so 'bert_ner' has no labels"):
        make_nlp().initialize(lambda: examples[3:])


def test_a_trained_head_needs_no_labels(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    nlp.initialize()
    assert nlp.get_pipe("bert_ner").labels == ("geo", "per")


def test_initialize_reads_no_example_where_labels_are_given(make_nlp, examples):
    """Test that no additional pass is made. It would take time, and an augmenter would return different examples.

    The single pass is spaCy's own validation.
    """
    nlp, reads = make_nlp(), []

    def get_examples():
        reads.append(1)
        return examples

    nlp.get_pipe("bert_ner").initialize(get_examples, labels=["per", "geo"])
    assert reads == [1]


def test_initialize_forgets_the_temperature(nlp, examples):
    pipe = nlp.get_pipe("bert_ner")
    pipe.cfg["temperature"] = 2.5
    nlp.initialize(lambda: examples)
    assert pipe.cfg == {"added_labels": [], "temperature": 1.0, "balanced_weights": {}}


def test_a_label_that_the_head_lacks_is_an_error(nlp):
    eg = Example.from_dict(nlp.make_doc("Kevin"), {"entities": [(0, 5, "dog")]})
    with pytest.raises(
        TagError, match="The examples contain the label 'dog', but 'bert_ner' has only these labels: geo"
    ):
        nlp.update([eg])


@pytest.mark.parametrize(("value", "allowed"), [("last", '"first", "all"')])
def test_subword_labels_are_checked(make_nlp, value, allowed):
    with pytest.raises(ConfigError, match=rf"\[components.bert_ner\] subword_labels = '{value}' .*Allowed: {allowed}"):
        make_nlp(config={"subword_labels": value})


@pytest.mark.parametrize(
    ("subword_labels", "carriers"),
    [
        # Mr. | O'Neill | lives | in | New | York | . is encoded as m r . | o ' n e i l l | lives | in | new | york | .
        ("first", {"B-per": 1, "I-per": 1, "O": 3, "B-geo": 1, "I-geo": 1}),
        ("all", {"B-per": 3, "I-per": 7, "O": 3, "B-geo": 1, "I-geo": 1}),
    ],
)
def test_the_subwords_that_carry_a_tag(make_nlp, examples, subword_labels, carriers):
    pipe = initialized(make_nlp, examples, config={"subword_labels": subword_labels}).get_pipe("bert_ner")
    eg = examples[2]
    rows = pipe.model.predict([eg.predicted])[0]
    assert rows.lengths.tolist() == [3, 7, 1, 1, 1, 1, 1]
    tag_ids = gold_tags.tag_ids(eg, get_tags(pipe.model), rows.lengths, "bert_ner")
    targets = gold_tags.row_targets(tag_ids, rows.lengths, subword_labels)
    assert Counter(pipe.tags[i] for i in targets if i >= 0) == carriers


def test_a_token_without_subwords_shifts_no_tag():
    tag_ids, lengths = np.array([5, 6, 7]), np.array([1, 0, 2])
    assert gold_tags.row_targets(tag_ids, lengths, "first").tolist() == [5, 7, -1]
    assert gold_tags.row_targets(tag_ids, lengths, "all").tolist() == [5, 7, 7]


@pytest.mark.parametrize("subword_labels", ["first", "all"])
def test_the_loss_is_the_mean_cross_entropy_of_plain_torch(make_nlp, examples, subword_labels):
    pipe = initialized(make_nlp, examples, config={"subword_labels": subword_labels}).get_pipe("bert_ner")
    output = pipe.model.predict([eg.predicted for eg in examples])
    loss, gradient = pipe.get_loss(examples, output)
    tags = get_tags(pipe.model)
    targets = np.concatenate(
        [
            gold_tags.row_targets(gold_tags.tag_ids(eg, tags, o.lengths, ""), o.lengths, subword_labels)
            for eg, o in zip(examples, output, strict=True)
        ]
    )
    logits = torch.tensor(np.concatenate([o.dataXd for o in output]), requires_grad=True)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(targets), ignore_index=-1)
    expected.backward()
    assert loss == pytest.approx(expected.item(), abs=1e-6)
    np.testing.assert_allclose(np.concatenate([g.dataXd for g in gradient]), logits.grad.numpy(), atol=1e-7)


def test_tokens_without_annotation_get_no_loss(nlp):
    doc = nlp.make_doc("Kevin Durant plays")
    reference = doc.copy()
    reference.set_ents([Span(reference, 0, 2, label="per")], default="missing")
    pipe = nlp.get_pipe("bert_ner")
    loss, _ = pipe.get_loss([Example(doc, reference)], pipe.model.predict([doc]))
    assert loss.weight == 2


def test_an_entity_on_no_token_boundary_gets_no_loss_and_no_warning(nlp):
    pipe = nlp.get_pipe("bert_ner")
    predicted = Doc(nlp.vocab, words=["KevinDurant", "plays"])
    reference = Doc(nlp.vocab, words=["Kevin", "Durant", "plays"], spaces=[False, True, True], ents=["B-per", "O", "O"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eg, lengths = Example(predicted, reference), np.array([2, 1])
        assert gold_tags.tag_ids(eg, get_tags(pipe.model), lengths, "").tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("scheme", "words", "ents", "tags"),
    [
        # Entities with the same label, separated only by a line feed without a subword
        ("IOB1", "Lagos \n Lyon", "B-geo O B-geo", "I-geo ? B-geo"),
        ("IOE1", "Lagos \n Lyon", "B-geo O B-geo", "E-geo ? I-geo"),
        ("IOB2", "Lagos \n Lyon", "B-geo O B-geo", "B-geo ? B-geo"),
        ("plain", "Lagos \n Lyon", "B-geo O B-geo", "geo ? geo"),
        # An entity that continues across the line feed, ends with it, or starts with it
        ("BILUO", "Sierra \n Leone", "B-geo I-geo I-geo", "B-geo ? L-geo"),
        ("BILUO", "Lyon \n left", "B-geo I-geo O", "U-geo ? O"),
        ("IOBES", "\n New York", "B-geo I-geo I-geo", "? B-geo E-geo"),
        ("BMES", "New \n York City", "B-geo I-geo I-geo I-geo", "B-geo ? M-geo E-geo"),
        ("BMEWO", "Lyon \n left", "B-geo I-geo O", "W-geo ? O"),
        ("IOE2", "New York \n", "B-geo I-geo I-geo", "I-geo E-geo ?"),
        ("BILUO", "New \n York City \n", "B-geo I-geo I-geo I-geo I-geo", "B-geo ? I-geo L-geo ?"),
        ("BILUO", "\n \n left", "B-geo I-geo O", "? ? O"),
        ("BILUO", "New York Lagos \n", "B-geo I-geo B-geo O", "B-geo L-geo U-geo ?"),
    ],
)
def test_tokens_without_subwords_are_no_neighbours_in_training(nlp, scheme, words, ents, tags):
    words = words.split(" ")
    eg = Example(Doc(nlp.vocab, words), Doc(nlp.vocab, words, ents=ents.split()))
    known = build_tag_set(tags_of_labels(["geo", "per"], scheme), scheme)
    lengths = np.array([int(word != "\n") for word in words])
    tag_ids = gold_tags.tag_ids(eg, known, lengths, "")
    assert " ".join(known.tags[i] if i >= 0 else "?" for i in tag_ids) == tags


@pytest.mark.parametrize(
    ("ents", "tags"),
    [
        # The second and third of four tokens share a subword with the first.
        ("B-per I-per I-per O", "B-per O"),
        ("B-per I-per I-per I-per", "B-per I-per"),
        ("O B-per I-per I-per", "B-per I-per"),
        ("O B-per O B-geo", "B-per B-geo"),
        ("B-per O O O", "B-per O"),
        ("B-per I-per B-geo I-geo", "? B-geo"),
        ("B-per B-per O O", "? O"),
        ("O O O B-geo", "O B-geo"),
        (" O O B-geo", "? B-geo"),
        ("O O  O", "? O"),
        (" B-per I-per O", "B-per O"),
        ("B-per   B-per", "B-per B-per"),
    ],
)
def test_tokens_that_share_a_subword_have_one_tag_in_training(nlp, ents, tags):
    words = ["Ke", "vi", "n", "Durant"]
    eg = Example(Doc(nlp.vocab, words), Doc(nlp.vocab, words, ents=ents.split(" ")))
    known = build_tag_set(tags_of_labels(["geo", "per"]))
    lengths, is_joined = np.array([1, 0, 0, 1]), np.array([False, True, True, False])
    tag_ids = gold_tags.tag_ids(eg, known, lengths, "", is_joined=is_joined)
    assert tag_ids[1:3].tolist() == [-1, -1]
    assert " ".join(known.tags[i] if i >= 0 else "?" for i in tag_ids[[0, 3]]) == tags


def test_a_shared_subword_is_trained_once(make_nlp, tagger):
    """Test an entity of two tokens that share the subword `nets`. Its row must not be trained on `I-`."""
    nlp = make_nlp(name=tagger)
    losses = []
    for words in (["nets", "lives"], ["ne", "ts", "lives"]):
        spaces = [word != "ne" for word in words]
        ents = ["B-per", *["I-per"] * (len(words) - 2), "O"]
        docs = [Doc(nlp.vocab, words, spaces), Doc(nlp.vocab, words, spaces, ents=ents)]
        losses.append(nlp.get_pipe("bert_ner").update([Example(*docs)])["bert_ner"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_no_examples_have_no_loss(nlp):
    assert nlp.get_pipe("bert_ner").get_loss([], []) == (0.0, [])


def test_losses_stay_a_mean_over_batches(nlp, examples):
    one_by_one: dict[str, float] = {}
    for eg in examples:
        nlp.update([eg], losses=one_by_one, drop=0.0, sgd=False)
    together = nlp.update(examples, losses={}, drop=0.0, sgd=False)
    assert one_by_one["bert_ner"] == pytest.approx(together["bert_ner"], rel=1e-5)
    assert isinstance(together["bert_ner"], WeightedMean)


def test_without_an_optimizer_the_gradient_waits_for_a_step(nlp, examples):
    pipe = nlp.get_pipe("bert_ner")
    before = {name: weights.copy() for name, weights in parameters(pipe).items()}
    for sgd in (None, False):
        pipe.update(examples, sgd=sgd)
        for name, weights in parameters(pipe).items():
            np.testing.assert_array_equal(weights, before[name])
        assert pipe.model.shims[0].checkpoint.model.classifier.bias.grad is not None


@pytest.mark.parametrize("parts", [[[0, 1, 2, 3]], [[0], [1, 3], [2]], [[3, 2], [1, 0]]])
def test_accumulation_does_not_change_the_step(make_nlp, examples, parts):
    results = []
    for division in ([[0, 1, 2, 3]], parts):
        torch.manual_seed(0)
        nlp = initialized(make_nlp, examples)
        optimizer = SGD(0.5, use_averages=False, grad_clip=0.0)
        for part in division:
            nlp.update([examples[i] for i in part], drop=0.0, sgd=False)
        nlp.get_pipe("bert_ner").finish_update(optimizer)
        results.append(parameters(nlp.get_pipe("bert_ner")))
    for name, weights in results[0].items():
        np.testing.assert_allclose(results[1][name], weights, atol=1e-5, err_msg=name)


def test_the_dropout_of_the_config_reaches_torch(nlp, examples):
    module = nlp.get_pipe("bert_ner").model.shims[0].checkpoint.model
    nlp.update(examples, drop=0.25, sgd=False)
    assert {m.p for m in module.modules() if isinstance(m, torch.nn.Dropout)} == {0.25}


def test_the_seed_decides_the_head(make_nlp, examples):
    heads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        heads.append(parameters(initialized(make_nlp, examples).get_pipe("bert_ner"))["classifier.weight"])
    np.testing.assert_array_equal(heads[0], heads[1])
    assert not np.array_equal(heads[0], heads[2])


def test_updating_with_empty_docs_changes_nothing(nlp):
    before = {name: weights.copy() for name, weights in parameters(nlp.get_pipe("bert_ner")).items()}
    empty = [Example(nlp.make_doc(text), nlp.make_doc(text)) for text in ("", "  ")]
    assert nlp.update(empty, sgd=Adam(0.1, use_averages=False)) == {"bert_ner": 0.0}
    for name, weights in parameters(nlp.get_pipe("bert_ner")).items():
        np.testing.assert_array_equal(weights, before[name])


def test_a_batch_of_nothing(make_nlp):
    # This does not require a checkpoint.
    pipe = make_nlp(name="no/such-checkpoint").get_pipe("bert_ner")
    assert pipe.predict([]) == []
    assert pipe.update([]) == pipe.rehearse([]) == {"bert_ner": 0.0}


def test_rehearsing_a_batch_of_nothing(nlp):
    nlp.resume_training()
    assert nlp.get_pipe("bert_ner").rehearse([]) == {"bert_ner": 0.0}


def test_entities_that_are_there_stay(nlp):
    doc = nlp.make_doc("Kevin Durant plays for Brooklyn")
    doc.set_ents([Span(doc, 1, 3, label="mine")])
    nlp.get_pipe("bert_ner").set_annotations([doc], [[Prediction("per", 0, 2, 0.9), Prediction("geo", 4, 5, 0.8)]])
    assert entities(doc) == [("Durant plays", "mine"), ("Brooklyn", "geo")]


def test_blocked_tokens_stay_blocked(nlp):
    doc = nlp.make_doc("Kevin Durant plays for Brooklyn")
    doc.set_ents([], blocked=[doc[1:2]])
    nlp.get_pipe("bert_ner").set_annotations([doc], [[Prediction("per", 0, 2, 0.9), Prediction("geo", 4, 5, 0.8)]])
    assert entities(doc) == [("Brooklyn", "geo")]
    assert [(t.ent_iob_, t.ent_type_) for t in doc] == [("O", ""), ("B", ""), ("O", ""), ("O", ""), ("B", "geo")]


@pytest.mark.parametrize(
    ("config", "model", "labels"),
    [
        ({}, {}, ("geo", "per")),
        ({"labels": ["per"]}, {}, ("per",)),
        ({"label_map": {"geo": "loc"}}, {}, ("loc", "per")),
        ({"labels": ["loc"], "label_map": {"geo": "loc", "per": None}}, {}, ("loc",)),
        ({}, {"tag_scheme": "plain"}, ("B-geo", "B-per", "I-geo", "I-per")),
        ({}, {"tag_map": {"B-geo": "B-place", "I-geo": "I-place"}}, ("per", "place")),
        ({}, {"name": "no/such-checkpoint"}, ()),
        ({}, {"name": "../cache"}, ()),
        ({"labels": ["art"]}, {}, ()),  # loading it is an error, as in the following cases
        ({"labels": ["per", "art"]}, {}, ()),
        ({}, {"tag_scheme": "IOE1"}, ()),
        ({}, {"tag_map": {"B-art": "O"}}, ()),
        ({}, {"revision": "v1"}, ()),
    ],
)
def test_labels_are_known_before_weights_are_loaded(make_nlp, tagger, monkeypatch, config, model, labels):
    monkeypatch.setattr(Checkpoint, "from_pretrained", None)
    nlp = make_nlp(**{"name": tagger, "config": config, **model})
    pipe = nlp.get_pipe("bert_ner")
    assert (pipe.labels, pipe.label_data, nlp.pipe_labels) == (labels, list(labels), {"bert_ner": list(labels)})
    assert nlp.meta["labels"] == {"bert_ner": list(labels)}
    assert pipe.tags == ()


def test_an_encoder_has_no_labels_before_it_is_initialized(make_nlp, encoder):
    assert make_nlp().get_pipe("bert_ner").labels == ()
    assert make_nlp(config={"labels": ["per"]}).get_pipe("bert_ner").labels == ()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"id2label": {"0": "O", "2": "B-per"}}', '{"id2label": {"x": "O"}}']
)
def test_a_damaged_config_tells_no_labels(make_nlp, tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    assert make_nlp(name=tmp_path).get_pipe("bert_ner").labels == ()


def test_a_label_that_is_added_before_loading_stays_in_a_new_head(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    pipe = nlp.get_pipe("bert_ner")
    assert (pipe.add_label("per"), pipe.add_label("per")) == (1, 0)
    example = Example.from_dict(nlp.make_doc("Nets"), {"entities": [(0, 4, "org")]})
    with pytest.warns(UserWarning, match="org"):
        nlp.initialize(lambda: [example])
    assert pipe.labels == ("org", "per")


def test_saving_before_the_first_use_saves_the_weights(make_nlp, tagger, tmp_path):
    make_nlp(name=tagger).to_disk(tmp_path / "pipeline")
    assert (tmp_path / "pipeline" / "bert_ner" / "model" / "model.safetensors").exists()
    other = make_nlp().from_bytes(make_nlp(name=tagger).to_bytes())
    assert other.get_pipe("bert_ner").labels == ("geo", "per")


def test_an_encoder_that_was_not_initialized_has_nothing_to_save(make_nlp, tmp_path):
    make_nlp().to_disk(tmp_path)
    assert not (tmp_path / "bert_ner" / "model").exists()
    assert spacy.load(tmp_path).get_pipe("bert_ner").labels == ()


def test_a_checkpoint_that_cannot_be_opened_is_not_saved_as_nothing(make_nlp, tmp_path):
    nlp = make_nlp(name="no/such-checkpoint")
    with pytest.raises(CheckpointError, match="'no/such-checkpoint'"):
        nlp.to_disk(tmp_path)
    with pytest.raises(CheckpointError, match="'no/such-checkpoint'"):
        nlp.to_bytes()


def test_weights_that_are_excluded_need_not_be_there(make_nlp, tmp_path):
    pipe = make_nlp(name="no/such-checkpoint").get_pipe("bert_ner")
    pipe.to_disk(tmp_path, exclude=["model", "vocab"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cfg", "sha256.json"]
    assert pipe.to_bytes(exclude=["model"])


@pytest.mark.filterwarnings("ignore:sha256.json in .* lists no files")
def test_what_a_saved_cfg_does_not_tell_stays(make_nlp, tmp_path):
    pipe = make_nlp().get_pipe("bert_ner")
    (tmp_path / "cfg").write_text('{"temperature": 2.5}')
    (tmp_path / "sha256.json").write_text("{}")
    assert pipe.from_disk(tmp_path, exclude=["vocab"]).cfg == {
        "added_labels": [],
        "temperature": 2.5,
        "balanced_weights": {},
    }


def test_the_commit_that_was_opened_is_recorded(monkeypatch, tagger, tmp_path):
    """Test a stand-in for the Hub: a branch is requested, and the name of the cache folder is the commit."""
    with monkeypatch.context() as patched:
        patched.setattr(
            "spacy_bert_ner.checkpoints.checkpoint.locate_checkpoint",
            lambda name, **_: CheckpointSource(name, tagger, "0123abc"),
        )
        nlp = spacy.blank("en")
        nlp.add_pipe("bert_ner", config={"model": {"name": "me/x", "revision": "v1", "overlap": 8}})
        nlp("")
    source = {"name": "me/x", "commit": "0123abc"}
    nlp.to_disk(tmp_path / "first")
    assert json.loads((tmp_path / "first" / "bert_ner" / "cfg").read_text())["source"] == source
    spacy.load(tmp_path / "first").to_disk(tmp_path / "second")
    assert json.loads((tmp_path / "second" / "bert_ner" / "cfg").read_text())["source"] == source
    other = spacy.blank("en")
    other.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    other.to_disk(tmp_path / "third")
    assert "source" not in json.loads((tmp_path / "third" / "bert_ner" / "cfg").read_text())
    assert other.from_bytes(nlp.to_bytes()).get_pipe("bert_ner").cfg["source"] == source


def test_the_strings_of_the_vocab_are_saved_with_the_component(nlp, make_nlp, tmp_path):
    nlp.vocab.strings.add("wolverine")
    nlp.get_pipe("bert_ner").to_disk(tmp_path)
    other, without = make_nlp(), make_nlp()
    other.get_pipe("bert_ner").from_disk(tmp_path)
    without.get_pipe("bert_ner").from_disk(tmp_path, exclude=["vocab"])
    assert ("wolverine" in other.vocab.strings, "wolverine" in without.vocab.strings) == (True, False)


def test_bytes_replace_another_head(make_nlp, nlp, tagger):
    other = make_nlp(name=tagger)
    other("Kevin")
    other.from_bytes(nlp.to_bytes())
    assert other.get_pipe("bert_ner").labels == ("geo", "org", "per")


def test_what_is_excluded_is_neither_saved_nor_loaded(nlp, tmp_path):
    pipe = nlp.get_pipe("bert_ner")
    pipe.to_disk(tmp_path / "without", exclude=["model"])
    assert sorted(p.name for p in (tmp_path / "without").iterdir()) == ["cfg", "sha256.json", "vocab"]
    pipe.to_disk(tmp_path / "whole", exclude=["vocab"])
    assert sorted(p.name for p in (tmp_path / "whole").iterdir()) == ["cfg", "model", "sha256.json"]
    empty = spacy.blank("en").add_pipe("bert_ner")
    assert empty.from_disk(tmp_path / "whole", exclude=["vocab", "model"]).tags == ()


def test_a_component_can_be_sourced_from_another_pipeline(nlp):
    other = spacy.blank("en")
    other.add_pipe("bert_ner", source=nlp)
    assert other.get_pipe("bert_ner").labels == ("geo", "org", "per")
    assert other.config["components"]["bert_ner"]["model"]["overlap"] == 8


def test_a_frozen_component_is_not_updated(nlp, examples):
    before = {name: weights.copy() for name, weights in parameters(nlp.get_pipe("bert_ner")).items()}
    assert nlp.update(examples, sgd=Adam(0.1, use_averages=False), exclude=["bert_ner"]) == {}
    for name, weights in parameters(nlp.get_pipe("bert_ner")).items():
        np.testing.assert_array_equal(weights, before[name])


def test_scores_on_literal_docs():
    vocab = spacy.blank("en").vocab
    words = ["Kevin", "Durant", "left", "New", "York"]
    gold = Doc(vocab, words=words, ents=["B-per", "I-per", "O", "B-geo", "I-geo"])
    predicted = Doc(vocab, words=words, ents=["B-per", "I-per", "O", "B-geo", "O"])
    silent = Doc(vocab, words=["Nobody"], ents=["O"])
    scores = score_bert_ner([Example(predicted, gold), Example(silent.copy(), silent)])
    assert (scores["ents_p"], scores["ents_r"], scores["ents_f"]) == (0.5, 0.5, 0.5)
    assert scores["ents_per_type"]["per"] == {"p": 1.0, "r": 1.0, "f": 1.0}
    assert scores["ents_per_type"]["geo"] == {"p": 0.0, "r": 0.0, "f": 0.0}
    assert scores["iob_acc"] == 5 / 6
    assert scores["iob_doc_acc"] == (4 / 5 + 1) / 2


def test_accuracy_counts_gold_tokens_whatever_the_tokenizer_makes_of_them():
    vocab = spacy.blank("en").vocab
    gold = Doc(vocab, words=["hour-long", "U.N.-led", "talks"], ents=["O", "B-org", "O"])
    predicted = Doc(
        vocab,
        words=["hour", "-", "long", "U.N.-led", "talks"],
        spaces=[False, False, True, True, True],
        ents=["B-tim", "O", "O", "B-org", "O"],
    )
    assert score_bert_ner([Example(predicted, gold)])["iob_acc"] == 2 / 3
    gold = Doc(vocab, words=["do", "n't"], spaces=[False, False], ents=["B-art", "I-art"])
    predicted = Doc(vocab, words=["don't"], spaces=[False], ents=["B-art"])
    assert score_bert_ner([Example(predicted, gold)])["iob_acc"] == 1.0


def test_accuracy_leaves_out_tokens_without_annotation():
    vocab = spacy.blank("en").vocab
    gold = Doc(vocab, words=["Kevin", "left", "York"])
    gold.set_ents([Span(gold, 0, 1, label="per")], missing=[gold[2:3]], default="outside")
    predicted = Doc(vocab, words=["Kevin", "left", "York"], ents=["B-per", "B-org", "B-geo"])
    assert score_bert_ner([Example(predicted, gold)])["iob_acc"] == 1 / 2


def test_the_first_of_two_entities_in_a_gold_token_counts():
    vocab = spacy.blank("en").vocab
    gold = Doc(vocab, words=["Durant-Nets"], ents=["B-per"])
    predicted = Doc(vocab, words=["Durant", "-", "Nets"], spaces=[False] * 3, ents=["B-per", "O", "B-org"])
    assert score_bert_ner([Example(predicted, gold)])["iob_acc"] == 1.0


def test_every_registered_name_resolves():
    from spacy_bert_ner.evaluation.scorer import make_ner_scorer_v1
    from spacy_bert_ner.models.token_classifier import build_token_classifier_v1

    assert registry.architectures.get("spacy_bert_ner.TokenClassifier.v1") is build_token_classifier_v1
    assert registry.scorers.get("spacy_bert_ner.ner_scorer.v1") is make_ner_scorer_v1
    assert spacy.blank("en").has_factory("bert_ner")
    assert "bert-ner" in registry.cli.get_all()


def test_the_default_names_a_fine_tuned_checkpoint_and_reads_nothing():
    pipe = spacy.blank("en").add_pipe("bert_ner")
    assert pipe.model.attrs["name"] == "dslim/bert-base-NER"
    assert pipe.tags == ()


def test_training_keeps_the_pipeline_with_the_best_f_score():
    assert spacy.blank("en").get_factory_meta("bert_ner").default_score_weights == {
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
        "iob_acc": 0.0,
        "iob_doc_acc": 0.0,
    }
