"""Test the advice for transformers tokenizers without character offsets."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from checkpoints import SENTENCES, VOCAB, make_config
from support import ROOT
from transformers import AutoTokenizer, BertForTokenClassification, BertJapaneseTokenizer

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.checkpoints.slow_tokenizers import slow_message
from spacy_bert_ner.errors import CheckpointError

JAPANESE = [
    "東京都に住んでいます。",
    "ﾊﾛｰ ワールド　ＡＢＣ 123",
    "王さんは2008年に京都へ行った。",
    "㈱日本①ガ  😀髙﨑\n\nは\tえらい ",
]
CHARACTERS = sorted({c for text in JAPANESE for c in text if not c.isspace()} | set("株()ガハローABC1高"))

ANOTHER = (
    "Train another encoder, such as FacebookAI/xlm-roberta-base: python -m spacy train configs/bert_ner.cfg "
    "--components.bert_ner.model.name FacebookAI/xlm-roberta-base --paths.train corpus/train.spacy "
    "--paths.dev corpus/dev.spacy"
)
SHARED = (
    "Train a new head on this encoder with a spacy-transformers component, which needs no offsets: pip install "
    "'spacy-bert-ner[spacy-transformers]'; python -m spacy train configs/shared_transformer.cfg "
    "--components.transformer.model.name {name} --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
)


def save(folder: Path, cls: str, files: dict[str, str], **settings: object) -> Path:
    config = make_config(id2label={0: "O", 1: "B-per", 2: "I-per"}, vocab_size=len(VOCAB) + 200)
    BertForTokenClassification(config).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": cls, **settings}))
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def lines(*tokens: str) -> str:
    return "".join(f"{token}\n" for token in tokens)


WORDPIECES = {"vocab.txt": lines(*VOCAB, *CHARACTERS, *(f"##{c}" for c in CHARACTERS), "東京", "京都")}
FAST_BPE = {"vocab.txt": "a 1\nb 1\n", "bpe.codes": "a b 1\n"}
CHINESE = WORDPIECES | {"word_shape.json": "{}", "word_pronunciation.json": "{}"}

REASONS = {
    "PhobertTokenizer": (
        FAST_BPE,
        "It expects text in which VnCoreNLP has joined the syllables of each word (`sinh_viên`). Normal ",
    ),
    "BertweetTokenizer": (
        FAST_BPE,
        "It is for tweets in which user names, web addresses and emojis were replaced (`@USER`",
    ),
    "CanineTokenizer": (
        {},
        "Its subwords are characters or bytes, and it has no file from which a fast tokenizer could be created",
    ),
    "ByT5Tokenizer": (
        {},
        "Its subwords are characters or bytes, and it has no file from which a fast tokenizer could be created",
    ),
    "RoCBertTokenizer": (
        CHINESE,
        "It also returns the shape and the pronunciation of each character, which no fast tokenizer returns.",
    ),
    "EsmTokenizer": (WORDPIECES, "It is for amino acid sequences, not for text."),
}


@pytest.mark.parametrize("cls", REASONS)
def test_where_no_fast_one_can_be_made_another_encoder_is_named(tmp_path, cls):
    files, reason = REASONS[cls]
    with pytest.raises(CheckpointError) as error:
        Checkpoint.from_pretrained(save(tmp_path, cls, files))
    start = (
        f"The tokenizer of '{tmp_path}' ({cls}) is not a fast tokenizer, so it provides no character offsets. {reason}"
    )
    assert str(error.value).startswith(start)
    assert str(error.value).endswith(ANOTHER)


def test_a_class_that_is_not_known_is_told():
    assert slow_message("me/x", "NewTokenizer", {}) == (
        "The tokenizer of 'me/x' (NewTokenizer) is not a fast tokenizer, so it provides no character offsets. Allowed: "
        "a checkpoint with tokenizer.json. If a fast tokenizer class in transformers produces the same subwords, save "
        "the tokenizer with that class once. If there is no such class, this tokenizer cannot be used. " + ANOTHER
    )


@pytest.mark.parametrize(("splitter", "name"), [("mecab", "MeCab"), ("sudachi", "Sudachi"), ("jumanpp", "Juman++")])
def test_japanese_words_are_cut_by_what_no_fast_tokenizer_has(splitter, name):
    assert slow_message("me/x", "BertJapaneseTokenizer", {"word_tokenizer_type": splitter}) == (
        "The tokenizer of 'me/x' (BertJapaneseTokenizer) is not a fast tokenizer, so it provides no character offsets. "
        "It first "
        f"splits text into words with {name}, which no fast tokenizer supports, so it cannot be converted. "
        + SHARED.format(name="me/x")
    )


@pytest.mark.skipif(find_spec("fugashi") is not None, reason="MeCab is installed")
def test_it_is_told_without_mecab_too(tmp_path):
    folder = save(tmp_path, "BertJapaneseTokenizer", WORDPIECES, word_tokenizer_type="mecab")
    with pytest.raises(
        CheckpointError, match=r"It first splits text into words with MeCab, which no fast tokenizer supports"
    ):
        Checkpoint.from_pretrained(folder)


@pytest.mark.skipif(find_spec("sacremoses") is not None, reason="Moses is installed")
@pytest.mark.parametrize("cls", ["XLMTokenizer", "FlaubertTokenizer", "BioGptTokenizer"])
@pytest.mark.parametrize("file", ["tokenizer_config.json", "config.json"])
def test_words_are_cut_by_moses(tmp_path, cls, file):
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<special0>", "<special1>", "a"]
    vocab = json.dumps({token: i for i, token in enumerate(tokens)})
    folder = save(tmp_path, cls, {"vocab.json": vocab, "merges.txt": "#version: 0.2\na a 1\n"})
    if file == "config.json":  # older checkpoints specify it there
        (folder / "tokenizer_config.json").unlink()
        config = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(config | {"tokenizer_class": cls}))
    with pytest.raises(CheckpointError) as error:
        Checkpoint.from_pretrained(folder)
    assert "It first splits text into words with Moses, which no fast tokenizer supports" in str(error.value)
    assert str(error.value).endswith(SHARED.format(name=folder))


def test_what_is_missing_for_another_tokenizer_is_told_as_before(tmp_path):
    folder = save(tmp_path, "BertTokenizer", {"sentencepiece.bpe.model": "x"})
    with pytest.raises(CheckpointError, match="has no tokenizer that can be loaded"):
        Checkpoint.from_pretrained(folder)


def code_in(message: str) -> str:
    return message.split('python -c "')[1].rpartition('"')[0]


@pytest.mark.parametrize("lower", [False, True])
def test_japanese_without_a_splitter_is_that_of_bert(tmp_path, lower):
    folder = save(tmp_path, "BertJapaneseTokenizer", WORDPIECES, do_lower_case=lower)
    slow = AutoTokenizer.from_pretrained(folder)
    expected = [slow(text)["input_ids"] for text in (*JAPANESE, *SENTENCES)]
    assert type(slow).__name__ == "BertJapaneseTokenizer"
    with pytest.raises(
        CheckpointError, match="BertTokenizerFast produces the same subwords. Use it to save the tokenizer"
    ) as e:
        Checkpoint.from_pretrained(folder)
    exec(code_in(str(e.value)), {})
    tokenizer = Checkpoint.from_pretrained(folder).tokenizer
    assert [tokenizer(text)["input_ids"] for text in (*JAPANESE, *SENTENCES)] == expected


def test_japanese_characters_are_made_fast_as_the_page_shows(tmp_path):
    folder = save(tmp_path, "BertJapaneseTokenizer", WORDPIECES, subword_tokenizer_type="character")
    slow = AutoTokenizer.from_pretrained(folder)
    expected = [slow(text)["input_ids"] for text in JAPANESE]
    message = (
        r'Its subwords are characters, so a fast tokenizer can be created. .* "Tokenizers that are not fast" in docs'
    )
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.from_pretrained(folder)
    page = (ROOT / "docs" / "component.md").read_text(encoding="utf-8").split("## Tokenizers that are not fast")[1]
    code = re.search(r"```py\n(.*?)```", page, re.DOTALL)[1]
    exec(code.replace('"path/to/checkpoint"', repr(str(folder))), {})
    checkpoint = Checkpoint.from_pretrained(folder)
    assert [checkpoint.tokenizer(text)["input_ids"] for text in JAPANESE] == expected
    assert checkpoint.tokenize(["㈱ 東京"])[0].offsets.tolist() == [[0, 1], [0, 1], [0, 1], [2, 3], [3, 4]]
    assert isinstance(slow, BertJapaneseTokenizer)


@pytest.mark.parametrize(
    ("cls", "fast"), [("LukeTokenizer", "RobertaTokenizerFast"), ("MLukeTokenizer", "XLMRobertaTokenizerFast")]
)
def test_the_tokenizer_of_luke_is_that_of_roberta(cls, fast, tmp_path):
    message = slow_message(str(tmp_path), cls, {})
    assert (
        f"{fast} produces the same subwords. Use it to save the tokenizer once, with sentencepiece and protobuf "
        in message
    )
    assert code_in(message) == (
        f"from transformers import {fast} as T; T.from_pretrained('{tmp_path}').save_pretrained('{tmp_path}')"
    )
    assert slow_message("me/x", cls, {}).endswith(
        'once, with sentencepiece and protobuf installed: hf download me/x --local-dir x; python -c "from transformers '
        f"import {fast} as T; T.from_pretrained('x').save_pretrained('x')\". Then specify that folder: "
        '{"model": {"name": "x"}}'
    )
