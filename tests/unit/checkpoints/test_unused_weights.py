"""Test weights in a checkpoint file that the model does not read."""

import json

import pytest
import torch
from checkpoints import make_config, make_tokenizer, save_tagger
from safetensors.torch import load_file, save_file
from spacy.training import Example
from transformers import (
    AlbertConfig,
    AlbertForPreTraining,
    AlbertForTokenClassification,
    BertForPreTraining,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForMaskedLM,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
    XLMConfig,
    XLMWithLMHeadModel,
    XLNetConfig,
    XLNetLMHeadModel,
)

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import CheckpointError

SIZES = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
BERT_Q = "bert.encoder.layer.0.attention.self.query"

ADDED = {
    "crf": ["crf.start_transitions", "crf.end_transitions", "crf.transitions"],
    "dense": ["dense.weight", "dense.bias"],
    "lstm": ["lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "lstm.bias_hh_l0"],
}
"""Layers between the encoder and the tags in custom heads."""


def change_weights(folder, change):
    path = folder / "model.safetensors"
    weights = {key: value.clone() for key, value in change(load_file(path)).items()}
    save_file(weights, path, metadata={"format": "pt"})
    return folder


def with_weights(folder, *keys):
    return change_weights(folder, lambda weights: weights | dict.fromkeys(keys, torch.ones(2)))


@pytest.fixture
def tagger(tmp_path):
    return save_tagger(tmp_path / "tagger", "O", "B-per", "I-per")


@pytest.mark.parametrize("kind", ADDED)
def test_a_trained_head_of_another_kind_is_refused(tagger, kind):
    with pytest.raises(CheckpointError) as error:
        Checkpoint.from_pretrained(with_weights(tagger, *ADDED[kind]))
    n = len(ADDED[kind])
    assert str(error.value) == (
        f"The head of the checkpoint '{tagger}' is not the head of BertForTokenClassification, which is a linear layer "
        f"on top of the encoder. BertForTokenClassification would ignore {n} weights "
        f"({', '.join(sorted(ADDED[kind]))}), so the results would be wrong. Train a "
        "head on labelled examples with nlp.initialize() and nlp.update(), or specify a checkpoint whose head is such "
        "a layer."
    )


def test_with_labels_to_train_a_head_of_another_kind_is_told(tagger):
    folder = with_weights(tagger, *ADDED["crf"])
    with pytest.warns(UserWarning, match="has 3 weights that") as warned:
        Checkpoint.from_pretrained(folder, labels=["per"])
    assert [str(w.message) for w in warned] == [
        f"The checkpoint '{tagger}' has 3 weights that BertForTokenClassification does not use: "
        "crf.end_transitions, crf.start_transitions, crf.transitions. Its results therefore differ from those of the "
        "saved model. If that matters, save the checkpoint again without these weights and with all adapters merged."
    ]
    replaced = pytest.warns(UserWarning, match="lacks art, so it is replaced with a newly initialised head")
    with replaced, pytest.warns(UserWarning, match="has 3 weights that"):
        Checkpoint.from_pretrained(folder, labels=["art"])


def test_no_label_to_train_is_nothing_to_train(tagger):
    with pytest.raises(CheckpointError, match="is not the head of BertForTokenClassification"):
        Checkpoint.from_pretrained(with_weights(tagger, "crf.transitions"), labels=[])


def test_weights_in_the_encoder_that_nothing_reads_are_told(tagger):
    added = [f"{BERT_Q}.lora_{letter}.default.weight" for letter in "AB"]
    added += [f"bert.encoder.layer.{i}.output.adapters.ner.adapter_up.weight" for i in range(7)]
    with pytest.warns(UserWarning, match="has 9 weights that BertForTokenClassification does not use: ") as warned:
        Checkpoint.from_pretrained(with_weights(tagger, *added))
    (message,) = [str(w.message) for w in warned]
    assert f"{BERT_Q}.lora_A.default.weight" in message
    assert message.count("bert.encoder") == 5
    assert ", …. Its results therefore differ" in message


def test_layers_that_the_config_leaves_out_are_told(tagger):
    def one_more(weights):
        return weights | {key.replace("layer.1.", "layer.2."): weights[key] for key in weights if "layer.1." in key}

    with pytest.warns(UserWarning, match=r"has 16 weights that .* does not use: bert.encoder.layer.2.attention"):
        Checkpoint.from_pretrained(change_weights(tagger, one_more))


BENIGN = [
    "bert.embeddings.position_ids",
    "bert.embeddings.token_type_ids",
    "bert.pooler.dense.weight",
    "cls.predictions.bias",
    "cls.seq_relationship.weight",
    "lm_head.dense.weight",
    "loss_fct.weight",
    "criterion.weight",
    "class_weights",
]


def test_what_changes_no_result_beside_a_trained_head_is_passed_over(tagger):
    assert Checkpoint.from_pretrained(with_weights(tagger, *BENIGN)).tags.labels == ("per",)


ENCODERS = {
    BertModel: make_config(),
    BertForPreTraining: make_config(),
    BertForSequenceClassification: make_config(num_labels=7),
    RobertaForMaskedLM: RobertaConfig(**SIZES),
    RobertaForSequenceClassification: RobertaConfig(**SIZES, num_labels=7),
    DistilBertForMaskedLM: DistilBertConfig(vocab_size=64, dim=32, hidden_dim=32, n_layers=1, n_heads=2),
    DistilBertForSequenceClassification: DistilBertConfig(vocab_size=64, dim=32, hidden_dim=32, n_layers=1, n_heads=2),
    ElectraForPreTraining: ElectraConfig(**SIZES, embedding_size=16),
    ElectraForMaskedLM: ElectraConfig(**SIZES, embedding_size=16),
    AlbertForPreTraining: AlbertConfig(**SIZES, embedding_size=16),
    XLNetLMHeadModel: XLNetConfig(vocab_size=64, d_model=32, n_layer=1, n_head=2, d_inner=32),
    XLMWithLMHeadModel: XLMConfig(vocab_size=64, emb_dim=32, n_layers=1, n_heads=2),
    T5ForConditionalGeneration: T5Config(vocab_size=64, d_model=32, d_ff=32, d_kv=16, num_layers=1, num_heads=2),
}


@pytest.mark.parametrize("kind", ENCODERS, ids=lambda kind: kind.__name__)
def test_heads_of_other_tasks_are_passed_over_where_a_new_one_is_made(tmp_path, kind):
    kind(ENCODERS[kind]).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    assert Checkpoint.from_pretrained(tmp_path, labels=["per"]).tags.tags == ("O", "B-per", "I-per")


def test_a_head_of_a_class_that_transformers_lacks_is_told(tmp_path):
    folder = save_tagger(tmp_path, "O", "B-per", "I-per")
    config = json.loads((folder / "config.json").read_text()) | {"architectures": ["BertCrfForNer"]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.warns(UserWarning, match=r"has 1 weight that .* does not use: crf.transitions\. "):
        Checkpoint.from_pretrained(with_weights(folder, "crf.transitions"), labels=["per"])


def test_a_pooler_of_albert_is_no_more_read_than_that_of_bert(tmp_path):
    config = AlbertConfig(**SIZES, embedding_size=16, id2label={0: "O", 1: "B-per"})
    AlbertForTokenClassification(config).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    folder = with_weights(tmp_path, "albert.pooler.weight", "sop_classifier.classifier.weight", "predictions.bias")
    assert Checkpoint.from_pretrained(folder).tags.labels == ("per",)


def wrapped(folder, prefix):
    return change_weights(folder, lambda weights: {prefix + key: value for key, value in weights.items()})


WRAPPERS = {
    "module.": "the model in torch.nn.DataParallel or DistributedDataParallel",
    "_orig_mod.": "the module that torch.compile returns",
    "net.": "a module that contains the model",
}


@pytest.mark.parametrize("prefix", WRAPPERS)
@pytest.mark.parametrize("labels", [None, ["per"], ["art"]])
@pytest.mark.filterwarnings("ignore:The trained head")
def test_a_prefix_of_all_weights_is_refused(tagger, prefix, labels):
    message = f"{WRAPPERS[prefix]} is saved instead of the model itself."
    with pytest.raises(CheckpointError) as error:
        Checkpoint.from_pretrained(wrapped(tagger, prefix), labels=labels)
    assert f"begin with '{prefix}', so none of the weights can be used." in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize("prefix", ["module.", "module.bert."])
def test_so_is_a_prefix_of_an_encoder(tmp_path, prefix):
    BertModel(make_config()).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(
        CheckpointError, match=r"begin with 'module\.', so none of the weights can be used. .*DataParallel"
    ):
        Checkpoint.from_pretrained(wrapped(tmp_path, prefix), labels=["per"])


@pytest.mark.parametrize("labels", [None, ["per"]])
def test_a_model_of_peft_is_to_be_merged(tagger, labels):
    def as_peft_names_them(weights):
        names = {key: key.replace("query.weight", "query.base_layer.weight") for key in weights}
        own = {f"base_model.model.{names[key]}": value for key, value in weights.items()}
        return own | {f"base_model.model.{BERT_Q}.lora_A.default.weight": torch.ones(2, 32)}

    with pytest.raises(CheckpointError) as error:
        Checkpoint.from_pretrained(change_weights(tagger, as_peft_names_them), labels=labels)
    assert str(error.value) == (
        f"The checkpoint '{tagger}' was saved from a peft model: the names of its weights begin with "
        "'base_model.model.'. Merge the adapters with merge_and_unload() from peft, then save the model and the "
        "tokenizer to a new folder with save_pretrained()."
    )


def test_the_code_in_the_message_takes_the_prefix_off(tagger):
    save_file({"module.classifier.bias": torch.ones(3)}, tagger / "model.fp16.safetensors")
    before = load_file(tagger / "model.safetensors")
    with pytest.raises(CheckpointError) as error:
        Checkpoint.from_pretrained(wrapped(tagger, "module."))
    exec(str(error.value).split('python -c "')[1].rpartition('"')[0], {})
    after = load_file(tagger / "model.safetensors")
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert Checkpoint.from_pretrained(tagger).tags.labels == ("per",)


def test_weights_in_several_files_have_a_prefix_too(tagger):
    weights = load_file(tagger / "model.safetensors")
    keys = sorted(weights)
    parts = {"a.safetensors": keys[:5], "b.safetensors": keys[5:]}
    for file, own in parts.items():
        save_file({f"module.{key}": weights[key].clone() for key in own}, tagger / file, metadata={"format": "pt"})
    weight_map = {f"module.{key}": file for file, own in parts.items() for key in own}
    (tagger / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    (tagger / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"begin with 'module\.'") as error:
        Checkpoint.from_pretrained(tagger)
    exec(str(error.value).split('python -c "')[1].rpartition('"')[0], {})
    assert Checkpoint.from_pretrained(tagger).tags.labels == ("per",)


def test_a_component_tells_of_it_once_it_is_used(make_nlp, tagger):
    nlp = make_nlp(name=with_weights(tagger, "crf.transitions"))
    with pytest.raises(CheckpointError, match="is not the head of"):
        nlp("Kevin lives in New York.")
    example = Example.from_dict(nlp.make_doc("Kevin came."), {"entities": [(0, 5, "per")]})
    with pytest.warns(UserWarning, match=r"has 1 weight that BertForTokenClassification does not use: crf.trans"):
        nlp.initialize(lambda: [example])
