import re

import pytest

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.nn.parameter_depth import ParameterDepth, parameter_depths

# Names of some parameters at each level, by architecture. All parameters in a layer have the layer's number.
LEVELS = {
    "bert": {
        0: ["bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm.bias"],
        1: ["bert.encoder.layer.0.attention.self.query.weight", "bert.encoder.layer.0.output.LayerNorm.weight"],
        2: ["bert.encoder.layer.1.intermediate.dense.weight"],
        3: ["classifier.weight", "classifier.bias"],
    },
    "distilbert": {
        0: ["distilbert.embeddings.position_embeddings.weight"],
        1: ["distilbert.transformer.layer.0.attention.q_lin.weight"],
        2: ["distilbert.transformer.layer.1.output_layer_norm.weight"],
        3: ["classifier.weight", "classifier.bias"],
    },
    "electra": {
        0: ["electra.embeddings.token_type_embeddings.weight", "electra.embeddings_project.weight"],
        1: ["electra.encoder.layer.0.attention.output.dense.weight"],
        2: ["electra.encoder.layer.1.output.dense.bias"],
        3: ["classifier.weight", "classifier.bias"],
    },
    "roberta": {
        0: ["roberta.embeddings.position_embeddings.weight"],
        1: ["roberta.encoder.layer.0.attention.self.key.weight"],
        2: ["roberta.encoder.layer.1.attention.self.key.weight"],
        3: ["classifier.weight", "classifier.bias"],
    },
    "xlm-roberta": {
        0: ["roberta.embeddings.word_embeddings.weight"],
        1: ["roberta.encoder.layer.0.output.dense.weight"],
        2: ["roberta.encoder.layer.1.output.dense.weight"],
        3: ["classifier.weight", "classifier.bias"],
    },
    "deberta-v2": {
        0: [
            "deberta.embeddings.word_embeddings.weight",
            "deberta.encoder.rel_embeddings.weight",
            "deberta.encoder.LayerNorm.weight",
        ],
        1: ["deberta.encoder.layer.0.attention.self.query_proj.weight"],
        2: ["deberta.encoder.layer.1.attention.self.query_proj.weight"],
        3: ["classifier.weight", "classifier.bias"],
    },
    "modernbert": {
        0: ["model.embeddings.tok_embeddings.weight", "model.embeddings.norm.weight"],
        1: ["model.layers.0.attn.Wqkv.weight"],
        2: ["model.layers.1.mlp.Wi.weight", "model.final_norm.weight"],
        3: ["head.dense.weight", "head.norm.weight", "classifier.weight", "classifier.bias"],
    },
}


@pytest.mark.parametrize("name", LEVELS)
def test_the_levels_of_every_architecture(name, checkpoints):
    found = Checkpoint.from_pretrained(checkpoints[name]).parameter_depths
    named = {param: level for level, params in LEVELS[name].items() for param in params}
    assert {param: found[param] for param in named} == {
        param: ParameterDepth(level, 2) for param, level in named.items()
    }
    in_layers = {param: int(number[1]) for param in found if (number := re.search(r"\.layers?\.(\d)\.", param))}
    assert {param: found[param].level - 1 for param in in_layers} == in_layers
    assert len(in_layers) > len(found) / 2


def test_layers_of_one_set_of_weights_cannot_be_told_apart():
    names = ["albert.embeddings.weight", "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight", "out.bias"]
    assert parameter_depths(names, "albert") == {
        names[0]: ParameterDepth(0, 0),
        names[1]: ParameterDepth(0, 0),
        names[2]: ParameterDepth(1, 0),
    }


def test_a_name_that_only_begins_like_the_encoder_is_of_the_head():
    found = parameter_depths(["bert.h.11.weight", "bert.block.2.weight", "bert_head.layer.0.weight"], "bert")
    assert [place.level for place in found.values()] == [12, 3, 13]
    assert [place.is_head for place in found.values()] == [False, False, True]
