"""Test the head on vectors from spacy-curated-transformers."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.training import Example
from spacy.util import load_model_from_config
from support import found, gold
from thinc.api import Config

from spacy_bert_ner.errors import BertNerError

pytestmark = [
    # The package compiles with torch when it is imported, that is, when the first pipeline is created.
    pytest.mark.filterwarnings("ignore:.*torch.jit.script"),
    # The package converts an array with one element to a number, which NumPy 2.4 rejects.
    pytest.mark.filterwarnings("ignore:Conversion of an array"),
]

CONFIG = """
[nlp]
lang = "en"
pipeline = ["transformer", "tagger", "bert_ner"]

[components]

[components.transformer]
factory = "curated_transformer"
all_layer_outputs = false

[components.transformer.model]
@architectures = "spacy-curated-transformers.BertTransformer.v1"
vocab_size = {vocab_size}
padding_idx = 0
hidden_width = 32
intermediate_width = 64
num_attention_heads = 2
num_hidden_layers = 2
max_position_embeddings = 64
model_max_length = 64
hidden_dropout_prob = 0.0
attention_probs_dropout_prob = 0.0

[components.transformer.model.piece_encoder]
@architectures = "spacy-curated-transformers.BertWordpieceEncoder.v1"

[components.transformer.model.with_spans]
@architectures = "spacy-curated-transformers.WithStridedSpans.v1"
stride = 24
window = 32

[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy-curated-transformers.LastTransformerLayerListener.v1"
width = 32
pooling = {{"@layers":"reduce_mean.v1"}}

[components.bert_ner]
factory = "bert_ner"

[components.bert_ner.model]
@architectures = "spacy_bert_ner.SharedTokenClassifier.v1"

[components.bert_ner.model.tok2vec]
@architectures = "spacy-curated-transformers.LastTransformerLayerListener.v1"
width = 32
pooling = {{"@layers":"reduce_mean.v1"}}

[initialize]

[initialize.components]

[initialize.components.transformer]

[initialize.components.transformer.piecer_loader]
@model_loaders = "spacy-curated-transformers.WordpieceLoader.v1"
path = "{vocab}"
"""


@pytest.fixture
def nlp(encoder: Path, examples: list[Example], tmp_path: Path) -> Language:
    from transformers import AutoTokenizer

    known = AutoTokenizer.from_pretrained(encoder).get_vocab()
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("\n".join(sorted(known, key=known.__getitem__)) + "\n", encoding="utf8")
    config = Config().from_str(CONFIG.format(vocab=vocab, vocab_size=len(known)))
    nlp = load_model_from_config(config, auto_fill=True)
    for example in examples:
        for token in example.reference:
            token.tag_ = "upper" if token.text[0].isupper() else "lower"
    nlp.initialize(lambda: examples)
    return nlp


def learn(nlp: Language, examples: list[Example], n: int = 150) -> None:
    optimizer = nlp.create_optimizer()
    optimizer.learn_rate = 0.003
    for _ in range(n):
        nlp.update(examples, sgd=optimizer)


def test_it_learns_is_saved_and_stands_alone(nlp: Language, examples: list[Example], tmp_path: Path) -> None:
    learn(nlp, examples)
    assert found(nlp, examples) == gold(examples)
    assert [token.tag_ for token in nlp("Kevin plays")] == ["upper", "lower"]
    nlp.to_disk(tmp_path / "shared")
    again = spacy.load(tmp_path / "shared")
    assert found(again, examples) == gold(examples)
    again.replace_listeners("transformer", "bert_ner", ["model.tok2vec"])
    again.remove_pipe("tagger")
    again.remove_pipe("transformer")
    assert found(again, examples) == gold(examples)
    again.to_disk(tmp_path / "alone")
    assert found(spacy.load(tmp_path / "alone"), examples) == gold(examples)


def test_without_the_transformer_it_says_so(nlp: Language) -> None:
    with (
        nlp.select_pipes(enable="bert_ner"),
        pytest.raises(BertNerError, match="not processed the text 'Kevin plays'"),
    ):
        nlp("Kevin plays")
