"""Test new names for a checkpoint's tags, and heads with several columns for the same tag."""

import copy
import json
import pickle
import shutil

import numpy as np
import pytest
import spacy
import torch
from checkpoints import save_tagger
from graphs import trace_once
from safetensors.torch import load_file
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam
from transformers import AutoModelForTokenClassification, BertForTokenClassification

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.decoding.merged_tags import distinct, merge_equal
from spacy_bert_ner.decoding.tag_scheme import build_tag_set
from spacy_bert_ner.errors import CheckpointError, ConfigError
from spacy_bert_ner.export.exporter import export_checkpoint
from spacy_bert_ner.models import token_classifier

pytestmark = pytest.mark.usefixtures("few_exceptions")

TEXT = "Kevin Durant plays for the Brooklyn Nets and lives in New York."
NAMES = {"LABEL_0": "O", "LABEL_1": "B-per", "LABEL_2": "I-per", "LABEL_3": "O"}


@pytest.fixture
def nameless(tmp_path):
    """Return a token classifier whose tags have the default names in transformers."""
    return save_tagger(tmp_path / "nameless", *NAMES, initializer_range=0.5)


def entities(nlp, text=TEXT):
    return [(ent.text, ent.label_, round(ent._.score, 5)) for ent in nlp(text).ents]


def checkpoint_of(nlp):
    return token_classifier.get_checkpoint(nlp.get_pipe("bert_ner").model)


def with_tags(folder, target, *tags):
    """Return a checkpoint with the same weights and other tags in `config.json`."""
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    config |= {"id2label": dict(enumerate(tags)), "label2id": {tag: i for i, tag in enumerate(tags)}}
    (target / "config.json").write_text(json.dumps(config))
    return target


def set_bias(folder, *bias):
    """Set the logits for every token."""
    model = BertForTokenClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor(bias))
    model.save_pretrained(folder)
    return folder


# The tag map


def test_a_map_gives_tags_their_names(make_nlp, nameless, tmp_path):
    mapped = make_nlp(name=nameless, tag_map={"LABEL_0": "O", "LABEL_1": "B-per", "LABEL_2": "I-per", "LABEL_3": "B-x"})
    by_hand = make_nlp(name=with_tags(nameless, tmp_path / "by_hand", "O", "B-per", "I-per", "B-x"))
    assert entities(mapped) == entities(by_hand) != []
    assert mapped.get_pipe("bert_ner").tags == ("O", "B-per", "I-per", "B-x")
    assert mapped.get_pipe("bert_ner").labels == ("per", "x")


def test_tags_that_are_not_in_the_map_stay(make_nlp, tagger):
    nlp = make_nlp(name=tagger, tag_map={"I-geo": "I-loc", "B-geo": "B-loc"})
    nlp(TEXT)
    assert nlp.get_pipe("bert_ner").tags == ("B-per", "O", "I-loc", "I-per", "B-loc")


def test_a_map_may_be_a_list_of_pairs(make_nlp, tmp_path):
    folder = save_tagger(tmp_path, "[PAD]", "O", "B:per", "I:per")
    nlp = make_nlp(name=folder, tag_map=[["[PAD]", "O"], ["B:per", "B-per"], ["I:per", "I-per"]])
    nlp(TEXT)
    assert nlp.get_pipe("bert_ner").tags == ("O", "B-per", "I-per")
    nlp.to_disk(tmp_path / "pipeline")
    assert spacy.load(tmp_path / "pipeline").config["components"]["bert_ner"]["model"]["tag_map"] == [
        ["[PAD]", "O"],
        ["B:per", "B-per"],
        ["I:per", "I-per"],
    ]


@pytest.mark.parametrize("key", ["[PAD]", "B:per", "B=per", "#x", "x\n"])
def test_a_table_with_a_key_that_no_config_can_hold_is_saved_as_pairs(make_nlp, tmp_path, key):
    folder = save_tagger(tmp_path / "tagger", "O", "LABEL_1", key)
    nlp = make_nlp(name=folder, tag_map={"LABEL_1": "B-per", key: "O"})
    found = entities(nlp)
    assert nlp.get_pipe("bert_ner").tags == ("O", "B-per")
    assert nlp.config["components"]["bert_ner"]["model"]["tag_map"] == [["LABEL_1", "B-per"], [key, "O"]]
    nlp.to_disk(tmp_path / "pipeline")
    for other in (spacy.load(tmp_path / "pipeline"), copy.deepcopy(nlp), pickle.loads(pickle.dumps(nlp))):
        assert entities(other) == found


def test_a_key_that_is_no_tag_is_refused(make_nlp, tagger):
    with pytest.raises(ConfigError) as error:
        make_nlp(name=tagger, tag_map={"LABEL_1": "B-per", "B-geo": "B-loc", "X": "O"})(TEXT)
    assert str(error.value) == (
        f"[components.<name>.model] tag_map contains LABEL_1, X, but '{tagger}' has no such tags. Allowed: B-per, O, "
        "I-geo, I-per, B-geo. Map only these tags."
    )


def test_tags_of_no_scheme_tell_of_the_map(make_nlp, tmp_path):
    folder = save_tagger(tmp_path, "O", "B-per", "I-per", "X", "[CLS]")
    with pytest.raises(
        CheckpointError,
        match=r'These tags have no prefix: X, \[CLS\]. .*tag_map = \[\["X", "O"\]\]\. Alternatively, train',
    ):
        make_nlp(name=folder)(TEXT)
    assert make_nlp(name=folder, tag_map=[["X", "O"], ["[CLS]", "O"]])(TEXT) is not None


def test_names_without_meaning_tell_of_the_map(make_nlp, nameless):
    with pytest.raises(CheckpointError, match=r'LABEL_0, LABEL_1, .*tag_map = \[\["LABEL_0", "B-per"\]\]'):
        make_nlp(name=nameless)(TEXT)


def test_mapped_tags_may_need_a_scheme(make_nlp, nameless):
    nlp = make_nlp(name=nameless, tag_map=NAMES, tag_scheme="IOB1")
    nlp(TEXT)
    assert token_classifier.get_tags(nlp.get_pipe("bert_ner").model).scheme == "IOB1"


def test_a_trained_head_with_mapped_labels_stays(make_nlp, nameless, tmp_path):
    nlp = make_nlp(name=nameless, tag_map=NAMES)
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Kevin"), {"entities": [(0, 5, "per")]})])
    head = load_file(nameless / "model.safetensors")["classifier.weight"]
    assert torch.equal(checkpoint_of(nlp).model.classifier.weight, head)


def test_an_encoder_has_no_tags_to_map(make_nlp, encoder):
    nlp = make_nlp(name=encoder, tag_map={"B-PER": "B-per"})
    with pytest.raises(
        ConfigError, match="tag_map contains B-PER, but .* has no such tags. Allowed: LABEL_0, LABEL_1."
    ):
        nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Kevin"), {"entities": [(0, 5, "per")]})])


# Saved pipelines


SWAPPED = {"B-per": "B-geo", "I-per": "I-geo", "B-geo": "B-per", "I-geo": "I-per"}


@pytest.mark.parametrize("way", ["disk", "bytes", "pickle"])
def test_a_saved_pipeline_has_the_mapped_tags_and_maps_them_once(make_nlp, tagger, tmp_path, way):
    nlp = make_nlp(name=tagger, tag_map=SWAPPED)
    expected = entities(nlp)
    nlp.to_disk(tmp_path / "pipeline")
    config = json.loads((tmp_path / "pipeline" / "bert_ner" / "model" / "config.json").read_text())
    assert list(config["id2label"].values()) == ["B-geo", "O", "I-per", "I-geo", "B-per"]
    if way == "disk":
        again = spacy.load(tmp_path / "pipeline")
    elif way == "bytes":
        again = make_nlp(name="nothing", tag_map=SWAPPED).from_bytes(nlp.to_bytes())
    else:
        again = make_nlp(name="nothing")
        again.get_pipe("bert_ner").model = nlp.get_pipe("bert_ner").model.copy()
    assert entities(again) == expected != []
    if way != "pickle":
        assert again.config["components"]["bert_ner"]["model"]["tag_map"] == SWAPPED
        assert dict(again.get_pipe("bert_ner").model.attrs["tag_map"]) == SWAPPED
    again.to_disk(tmp_path / "again")
    assert entities(spacy.load(tmp_path / "again")) == expected


def test_initializing_a_saved_pipeline_opens_the_checkpoint_and_maps_its_tags(make_nlp, nameless, tmp_path):
    nlp = make_nlp(name=nameless, tag_map=NAMES)
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    again.initialize(lambda: [Example.from_dict(again.make_doc("Kevin"), {"entities": [(0, 5, "per")]})])
    assert again.get_pipe("bert_ner").tags == ("O", "B-per", "I-per")
    assert torch.equal(checkpoint_of(again).model.classifier.weight, checkpoint_of(nlp).model.classifier.weight)


# Several columns for the same tag


def test_equal_columns_are_one_tag_with_the_sum_of_their_probabilities():
    logits = torch.tensor([[1.0, 2.0, 3.0, 4.0], [-60.0, 0.0, 9.0, -1.0]])
    tags = ("O", "B-per", "O", "I-per")
    merged = merge_equal(logits, tags)
    shares = logits.softmax(-1)
    expected = torch.stack([shares[:, 0] + shares[:, 2], shares[:, 1], shares[:, 3]], dim=1)
    torch.testing.assert_close(merged.softmax(-1), expected)
    torch.testing.assert_close(merged[:, 1:], logits[:, [1, 3]], rtol=0, atol=0)
    assert distinct(build_tag_set(tags, "IOB2")).tags == ("O", "B-per", "I-per")
    assert distinct(build_tag_set(tags, "IOB2")).scheme == "IOB2"
    assert merge_equal(logits, ("O", "B-per", "I-per", "X")) is logits


def test_no_probability_is_a_logit_of_its_own():
    logits = torch.tensor([[float("-inf"), 0.0, 1.0]], requires_grad=True)
    merged = merge_equal(logits, ("O", "O", "B-per"))
    merged.sum().backward()
    assert merged.tolist() == [[0.0, 1.0]]
    assert logits.grad.tolist() == [[0.0, 1.0, 1.0]]


@pytest.mark.parametrize("decoding", ["viterbi", "greedy"])
def test_two_columns_outside_outweigh_one_inside(make_nlp, tmp_path, decoding):
    # Softmax: O 0.31, X 0.31, B-per 0.38. O and X have 0.62 in total.
    folder = set_bias(save_tagger(tmp_path, "O", "B-per", "I-per", "X"), 1.0, 1.2, -30.0, 1.0)
    config = {"decoding": decoding}
    one = make_nlp(name=folder, tag_map={"X": "B-misc"}, config=config)
    assert entities(one, "Kevin") == [("Kevin", "per", 0.37915)]
    assert entities(make_nlp(name=folder, tag_map={"X": "O"}, config=config), "Kevin") == []


def test_the_probability_of_an_entity_is_the_sum_over_equal_columns(make_nlp, tmp_path):
    # B-per 0.25 + 0.4, O 0.35
    folder = set_bias(save_tagger(tmp_path, "O", "B-PER", "B-PERSON"), *np.log([0.35, 0.25, 0.4]).tolist())
    nlp = make_nlp(name=folder, tag_map={"B-PER": "B-per", "B-PERSON": "B-per"})
    assert entities(nlp, "Kevin came") == [("Kevin", "per", 0.65), ("came", "per", 0.65)]


def test_the_model_gives_a_column_for_each_tag(make_nlp, nameless):
    nlp = make_nlp(name=nameless, tag_map=NAMES)
    nlp(TEXT)
    checkpoint = checkpoint_of(nlp)
    (found,) = nlp.get_pipe("bert_ner").model.predict([nlp.make_doc("Kevin lives in")])
    ids, mask = checkpoint.pad([checkpoint.tokenize(["Kevin lives in"])[0].ids])
    with torch.no_grad():
        rows = checkpoint.forward(ids, mask)[0, 1:4]
    expected = torch.stack([rows[:, [0, 3]].logsumexp(1), rows[:, 1], rows[:, 2]], dim=1)
    np.testing.assert_allclose(found.dataXd, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("objective", ["tokens", "sequences"])
def test_loss_and_gradient_are_those_of_the_sum(make_nlp, nameless, objective):
    nlp = make_nlp(name=nameless, tag_map=NAMES, config={"objective": objective})
    pipe = nlp.get_pipe("bert_ner")
    nlp(TEXT)
    words = ["Kevin", "lives"]
    loss = pipe.update([Example(Doc(nlp.vocab, words), Doc(nlp.vocab, words, ents=["B-per", "O"]))], drop=0.0)
    checkpoint = checkpoint_of(nlp)
    own = {name: param.grad.clone() for name, param in checkpoint.model.named_parameters() if param.grad is not None}
    plain = AutoModelForTokenClassification.from_pretrained(nameless).eval()
    ids, mask = checkpoint.pad([checkpoint.tokenize(["Kevin lives"])[0].ids])
    logits = plain(input_ids=ids, attention_mask=mask).logits[0, 1:3].double()
    p = logits.softmax(-1)
    kevin, lives = p[0, 1], p[1, 0] + p[1, 3]
    if objective == "tokens":
        expected = -(kevin.log() + lives.log())
    else:  # in IOB, `I-` starts an entity if no entity ends directly before it
        legal = {(a, b) for a in "OBI" for b in "OBI"}
        column = {"O": p[:, 0] + p[:, 3], "B": p[:, 1], "I": p[:, 2]}
        expected = -(kevin * lives / sum(column[a][0] * column[b][1] for a, b in legal)).log()
    expected = expected / 2  # the mean of two tokens
    expected.backward()
    assert loss["bert_ner"] == pytest.approx(float(expected.detach()), rel=1e-4)
    for name in ("classifier.weight", "classifier.bias", "bert.encoder.layer.0.output.dense.weight"):
        torch.testing.assert_close(own[name], plain.get_parameter(name).grad, rtol=1e-3, atol=1e-5)
    assert own["classifier.bias"].shape == (4,)


def test_a_head_with_equal_columns_learns(make_nlp, nameless, examples, tmp_path):
    nlp = make_nlp(name=nameless, tag_map=NAMES)
    pipe = nlp.get_pipe("bert_ner")
    for label in ("geo", "org"):
        pipe.add_label(label)
    nlp.initialize(lambda: examples)
    assert pipe.tags == ("O", "B-per", "I-per", "B-geo", "I-geo", "B-org", "I-org")
    assert checkpoint_of(nlp).model.classifier.out_features == 8
    optimizer = Adam(0.01, use_averages=False)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    gold = [[(ent.text, ent.label_) for ent in eg.reference.ents] for eg in examples]
    nlp.to_disk(tmp_path / "pipeline")
    for pipeline in (nlp, spacy.load(tmp_path / "pipeline")):
        assert [[(ent.text, ent.label_) for ent in pipeline(eg.text).ents] for eg in examples] == gold


def test_a_plain_checkpoint_keeps_its_columns(make_nlp, nameless, tmp_path):
    nlp = make_nlp(name=nameless, tag_map=NAMES)
    nlp(TEXT)
    checkpoint_of(nlp).save(tmp_path / "plain")
    plain = AutoModelForTokenClassification.from_pretrained(tmp_path / "plain")
    assert plain.config.id2label == {0: "O", 1: "B-per", 2: "I-per", 3: "O"}
    assert plain.config.label2id == {"O": 0, "B-per": 1, "I-per": 2}
    assert Checkpoint.from_pretrained(tmp_path / "plain").tags.tags == ("O", "B-per", "I-per", "O")


def test_rehearsing_compares_tags(make_nlp, nameless, examples):
    nlp = make_nlp(name=nameless, tag_map=NAMES)
    nlp(TEXT)
    nlp.resume_training(sgd=Adam(0.01))
    assert nlp.rehearse(examples)["bert_ner"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.onnx
@pytest.mark.parametrize("names", [NAMES | {"LABEL_2": "B-geo", "LABEL_3": "B-per"}, NAMES | {"LABEL_3": "B-x"}])
def test_the_tags_of_a_graph_are_mapped_too(make_nlp, nameless, tmp_path, monkeypatch, names):
    trace_once(monkeypatch)
    runtime = {"@misc": "spacy_bert_ner.OnnxRuntime.v1"}
    source = make_nlp(name=nameless, tag_map={"LABEL_0": "O", "LABEL_1": "B-a", "LABEL_2": "B-b", "LABEL_3": "B-c"})
    source.to_disk(tmp_path / "source")
    export_checkpoint(tmp_path / "source", tmp_path / "graph", "onnx")
    back = {"O": "LABEL_0", "B-a": "LABEL_1", "B-b": "LABEL_2", "B-c": "LABEL_3"}
    as_graph = {tag: names[name] for tag, name in back.items()}
    nlp = make_nlp(name=tmp_path / "graph", tag_map=as_graph, runtime=runtime)
    expected = entities(make_nlp(name=nameless, tag_map=names))
    found = entities(nlp)
    assert [e[:2] for e in found] == [e[:2] for e in expected] != []
    np.testing.assert_allclose([e[2] for e in found], [e[2] for e in expected], atol=1e-3)
    nlp.to_disk(tmp_path / "pipeline")
    assert entities(spacy.load(tmp_path / "pipeline")) == found
