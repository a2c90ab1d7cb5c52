"""Create tiny token classifiers for every kind of encoder, saved by plain transformers.

The weights are random but seeded, and the best tag varies between tokens. The tokenizers are built from the sentences
below. Every checkpoint has 64 positions, so long texts are split into windows.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    AddedToken,
    BertWordPieceTokenizer,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertForTokenClassification,
    BertTokenizerFast,
    DebertaV2Config,
    DebertaV2TokenizerFast,
    DistilBertConfig,
    DistilBertForTokenClassification,
    DistilBertTokenizerFast,
    ElectraConfig,
    ElectraForTokenClassification,
    ElectraTokenizerFast,
    EsmConfig,
    EsmForTokenClassification,
    EsmTokenizer,
    ModernBertConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForTokenClassification,
    RobertaTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForTokenClassification,
    XLMRobertaTokenizerFast,
)

with warnings.catch_warnings():
    # When transformers 4 imports these two classes, it calls a torch function that is deprecated.
    warnings.filterwarnings("ignore", message="`torch.jit.script", category=DeprecationWarning)
    from transformers import DebertaV2ForTokenClassification, ModernBertForTokenClassification

TAGS = ["B-per", "O", "I-geo", "I-per", "B-geo"]  # not sorted, because a checkpoint's tags can have any order
POSITIONS = 64

LETTERS = "abcdefghijklmnopqrstuvwxyzé0123456789.,'-$#@[]()"
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{c}" for c in LETTERS)]
VOCAB += ["kevin", "durant", "plays", "for", "the", "brooklyn", "nets", "lives", "in", "new", "york", "un", "##ited"]

SENTENCES = [
    "The United Nations held hour-long talks with Mr. O'Neill in New York, officials said on Tuesday.",
    "Kevin Durant plays for the Brooklyn Nets and lives in the city of São Paulo.",
    "The U.N. said that $3.5bn would go to the north of the country in 2009.",
    "RT @nobody: the #weekend in Zürich was the best, see https://example.com/talks !!",
    "नई दिल्ली और मुंबई में बारिश, القاهرة في مصر, 東京 と 大阪",
]


def make_tokenizer() -> BertTokenizerFast:
    vocab = {token: i for i, token in enumerate(VOCAB)}
    backend = BertWordPieceTokenizer(vocab=vocab, lowercase=True)
    return BertTokenizerFast(tokenizer_object=backend._tokenizer, model_max_length=512)


def make_config(**changes: object) -> BertConfig:
    settings: dict[str, object] = {
        "vocab_size": len(VOCAB),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": POSITIONS,
    }
    return BertConfig(**(settings | changes))


def save_bert(folder: Path, **changes: object) -> Path:
    """Save a BERT checkpoint with an uncased WordPiece tokenizer.

    The tokenizer also strips accents and splits at punctuation.
    """
    return _save(folder, BertForTokenClassification, make_config(**_settings(changes)), make_tokenizer())


def save_tagger(folder: Path, *tags: str, **changes: object) -> Path:
    """Save a BERT token classifier with the given tags."""
    torch.manual_seed(0)
    config = make_config(id2label=dict(enumerate(tags)), **changes)
    BertForTokenClassification(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def save_distilbert(folder: Path, **changes: object) -> Path:
    """Save a DistilBERT checkpoint with a cased WordPiece tokenizer, for which most words are `[UNK]`."""
    backend = BertWordPieceTokenizer(vocab={token: i for i, token in enumerate(VOCAB)}, lowercase=False)
    tokenizer = DistilBertTokenizerFast(tokenizer_object=backend._tokenizer, do_lower_case=False)
    settings = _settings(changes, vocab_size=len(VOCAB), dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    return _save(folder, DistilBertForTokenClassification, DistilBertConfig(**settings), tokenizer)


def save_electra(folder: Path, **changes: object) -> Path:
    """Save an ELECTRA checkpoint with a different head and with embeddings that are narrower than the layers."""
    backend = BertWordPieceTokenizer(vocab={token: i for i, token in enumerate(VOCAB)}, lowercase=True)
    config = ElectraConfig(**_settings(changes, **_sizes(len(VOCAB)), embedding_size=16))
    tokenizer = ElectraTokenizerFast(tokenizer_object=backend._tokenizer)
    return _save(folder, ElectraForTokenClassification, config, tokenizer)


def save_roberta(folder: Path, **changes: object) -> Path:
    """Save a RoBERTa checkpoint with a byte-level BPE tokenizer whose offsets exclude spaces.

    Padding uses two of the positions.
    """
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    backend = _byte_level_bpe(special)
    ends = [(token, backend.token_to_id(token)) for token in ("</s>", "<s>")]
    backend.post_processor = processors.RobertaProcessing(*ends, trim_offsets=True, add_prefix_space=False)
    settings = _settings(changes, **_sizes(backend.get_vocab_size()), **_roberta_positions())
    tokenizer = RobertaTokenizerFast(tokenizer_object=backend)
    return _save(folder, RobertaForTokenClassification, RobertaConfig(**settings), tokenizer)


def save_xlm_roberta(folder: Path, **changes: object) -> Path:
    """Save an XLM-RoBERTa checkpoint with a SentencePiece tokenizer that splits at white space first.

    The tokenizer changes characters by NFKC normalization.
    """
    backend = Tokenizer(_unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], unk_id=3))
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    backend.post_processor = _template(backend, "<s>", "</s>")
    backend.decoder = decoders.Metaspace()
    settings = _settings(changes, **_sizes(backend.get_vocab_size()), **_roberta_positions())
    tokenizer = XLMRobertaTokenizerFast(tokenizer_object=backend)
    return _save(folder, XLMRobertaForTokenClassification, XLMRobertaConfig(**settings), tokenizer)


def save_deberta_v2(folder: Path, **changes: object) -> Path:
    """Save a DeBERTa checkpoint with relative positions as in DeBERTa v3.

    Its SentencePiece tokenizer encodes the text as a whole, so subwords can contain spaces.
    """
    backend = Tokenizer(_unigram(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], unk_id=1))
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = _template(backend, "[CLS]", "[SEP]")
    backend.decoder = decoders.Metaspace()
    relative = {
        "relative_attention": True,
        "position_buckets": 16,
        "pos_att_type": ["p2c", "c2p"],
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
    }
    settings = _settings(changes, **_sizes(backend.get_vocab_size()), **relative)
    tokenizer = DebertaV2TokenizerFast(tokenizer_object=backend)
    return _save(folder, DebertaV2ForTokenClassification, DebertaV2Config(**settings), tokenizer)


def save_modernbert(folder: Path, **changes: object) -> Path:
    """Save a ModernBERT checkpoint with a byte-level BPE tokenizer whose offsets include spaces.

    The encoder has rotary positions, and local attention in one layer.
    """
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend = _byte_level_bpe(special)
    backend.normalizer = normalizers.NFC()
    backend.post_processor = _template(backend, "[CLS]", "[SEP]")
    backend.add_tokens([AddedToken("  ", normalized=True)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "attention_mask"],
        **{f"{token[1:-1].lower()}_token": token for token in special},
    )
    dropouts = ("attention_dropout", "embedding_dropout", "mlp_dropout", "classifier_dropout")
    settings = _settings(
        changes,
        **_sizes(backend.get_vocab_size()),
        **dict.fromkeys(dropouts, 0.1),
        local_attention=16,
        global_attn_every_n_layers=2,
        initializer_cutoff_factor=3.0,
        **{f"{token[1:-1].lower()}_token_id": backend.token_to_id(token) for token in ("[PAD]", "[CLS]", "[SEP]")},
        bos_token_id=None,
        eos_token_id=None,
    )
    return _save(folder, ModernBertForTokenClassification, ModernBertConfig(**settings), tokenizer)


def save_esm(folder: Path, **changes: object) -> Path:
    """Save an ESM checkpoint, which has one subword per letter and no fast tokenizer."""
    vocab = ["<cls>", "<pad>", "<eos>", "<unk>", *LETTERS, "<mask>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocab), encoding="utf-8")
    mask = {"mask_token_id": vocab.index("<mask>")}
    config = EsmConfig(**_settings(changes, **_sizes(len(vocab)), **_roberta_positions(), **mask))
    return _save(folder, EsmForTokenClassification, config, EsmTokenizer(str(folder / "vocab.txt")))


ARCHITECTURES: dict[str, Callable[..., Path]] = {
    "bert": save_bert,
    "distilbert": save_distilbert,
    "electra": save_electra,
    "roberta": save_roberta,
    "xlm-roberta": save_xlm_roberta,
    "deberta-v2": save_deberta_v2,
    "modernbert": save_modernbert,
}
"""Functions that save a checkpoint in a folder, by architecture: `save(folder, **config_changes)`."""


def watch_batches(checkpoint: Any) -> list[list[int]]:
    """Return a list to which the checkpoint will add each batch's window lengths, including special subwords."""
    batches: list[list[int]] = []
    add_special_subwords = checkpoint.subword_encoder.add_special_subwords

    def watched(windows: Any) -> Any:
        complete = add_special_subwords(windows)
        batches.append(list(map(len, complete)))
        return complete

    checkpoint.subword_encoder.add_special_subwords = watched
    return batches


class LazyCheckpoints:
    """A mapping from architecture names to checkpoint folders. Each checkpoint is built on first access."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built: dict[str, Path] = {}

    def __getitem__(self, name: str) -> Path:
        if name not in self._built:
            self._built[name] = ARCHITECTURES[name](self._folder / name)
        return self._built[name]


def _save(folder: Path, model_class: type[PreTrainedModel], config: Any, tokenizer: PreTrainedTokenizerBase) -> Path:
    torch.manual_seed(0)
    model = model_class(config).eval()
    with torch.no_grad():
        # With random layers, nearly all subwords have the same best tag. This bias balances the tags.
        ids = [tokenizer(sentence, return_tensors="pt")["input_ids"][:, :POSITIONS] for sentence in SENTENCES]
        model.classifier.bias -= torch.cat([model(input_ids=i).logits[0] for i in ids]).mean(dim=0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _settings(changes: dict[str, object], **own: object) -> dict[str, Any]:
    tags = {"id2label": dict(enumerate(TAGS)), "label2id": {tag: i for i, tag in enumerate(TAGS)}}
    return {"max_position_embeddings": POSITIONS, "initializer_range": 0.2, **tags, **own, **changes}


def _sizes(vocab_size: int) -> dict[str, object]:
    return {
        "vocab_size": vocab_size,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }


def _roberta_positions() -> dict[str, object]:
    """Return the settings for RoBERTa and related models, which start positions after the padding position."""
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    return {"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1, **ids}


def _byte_level_bpe(special: list[str]) -> Tokenizer:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(SENTENCES, trainer)
    return backend


def _unigram(special: list[str], unk_id: int) -> models.Unigram:
    """Return a unigram model with the space, every character and every word in the sentences."""
    characters = sorted({c for sentence in SENTENCES for c in sentence if c != " "})
    words = sorted({word for sentence in SENTENCES for word in re.findall(r"\w+", sentence)})
    pieces = [("▁", -3.0), *((c, -4.0) for c in characters), *((f"▁{word}", -5.0) for word in words)]
    return models.Unigram([(token, 0.0) for token in special] + pieces, unk_id=unk_id)


def _template(backend: Tokenizer, begin: str, end: str) -> processors.TemplateProcessing:
    ids = [(token, backend.token_to_id(token)) for token in (begin, end)]
    return processors.TemplateProcessing(single=f"{begin} $A {end}", special_tokens=ids)
