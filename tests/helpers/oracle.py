"""Create checkpoints for which a test chooses the tag of each subword, with several kinds of tokenizers.

`oracle(lang, kind, tags_of)` returns a pipeline. Tokenization, alignment, windows, batches and decoding are the same as
for a real checkpoint. Only the encoder's forward pass is replaced.

Plain Python computes the expected results from the tokenizer's offsets and words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import spacy
import torch
from checkpoints import POSITIONS
from spacy.language import Language
from spacy.tokens import Doc
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

from spacy_bert_ner.models.token_classifier import get_checkpoint

TAGS = ("O", "B-per", "I-per", "B-loc", "I-loc")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

TEXTS = [
    "2017年在北京GDP",
    "On Wed, Kevin Durant met id 7 Brooklyn Nets fans.",
    "Paris🙂 and Wien👩‍🚀",
    "Die Straße ﬁndet Zürich, Mün\u00adchen",
    "DOB:01/02/1990 ID#12345 Tel:+49-30-1234",
    "김태웅이고 서울에서 왔다",
    "東京都庁は新宿にある",
    "ไทยแลนด์ กรุงเทพ",
    "Nguyễn Phú Trọng ở Hà Nội",
    "القاهرة في مصر، محمد",
    "שלום תל אביב־יפו",
    "cafe\u0301 Z\u0335a\u0336lgo  two  spaces\n\nline ",
    " leading, 東京 (Iran) \ufeffmark\u200d",
    "I'd've can't don't U.S.-led 110km",
]

LANGUAGES: dict[str, dict[str, Any]] = {lang: {} for lang in ("en", "de", "zh", "ar", "he", "xx")}
# Use spaCy's rule-based tokenizer for these languages. Their default tokenizers require extra packages.
LANGUAGES |= {lang: {"nlp": {"tokenizer": {"@tokenizers": "spacy.Tokenizer.v1"}}} for lang in ("ja", "ko", "th")}
LANGUAGES["vi"] = {"nlp": {"tokenizer": {"@tokenizers": "spacy.vi.VietnameseTokenizer", "use_pyvi": False}}}

KINDS = ("wordpiece", "byte-level", "metaspace", "characters")


class Subword(NamedTuple):
    """A subword in a text.

    It has character offsets, the index of the containing word according to the tokenizer, and an ID.
    """

    start: int
    end: int
    word: int
    id: int


@cache
def tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer trained on `TEXTS`. Its subwords often cross the boundaries of spaCy's tokens."""
    make = {"wordpiece": _wordpiece, "byte-level": _byte_level, "metaspace": _metaspace, "characters": _characters}
    backend = make[kind]()
    ends = [(token, backend.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    backend.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    if kind != "characters":
        names["unk_token"] = "[UNK]"
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def _trained(backend: Tokenizer, trainer: Any, texts: Sequence[str] = TEXTS) -> Tokenizer:
    backend.train_from_iterator(texts, trainer)
    return backend


def _wordpiece() -> Tokenizer:
    backend = Tokenizer(models.WordPiece({}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # Emoji are unknown, so words that are attached to them are unknown, too.
    return _trained(backend, trainers.WordPieceTrainer(vocab_size=1000, special_tokens=SPECIAL, show_progress=False))


def _byte_level() -> Tokenizer:
    backend = Tokenizer(models.BPE(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    options = {"special_tokens": SPECIAL, "initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}
    return _trained(backend, trainers.BpeTrainer(vocab_size=420, show_progress=False, **options))


def _metaspace() -> Tokenizer:
    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace()
    options = {"special_tokens": SPECIAL, "unk_token": "[UNK]"}
    return _trained(backend, trainers.UnigramTrainer(vocab_size=260, show_progress=False, **options))


def _characters() -> Tokenizer:
    """Return a BPE tokenizer that has neither Latin letters nor an unknown subword."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    texts = ["".join(c for c in text if not "a" <= c.lower() <= "z") for text in TEXTS]
    return _trained(backend, trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False), texts)


@cache
def _folder(kind: str) -> Path:
    folder = Path(mkdtemp(prefix="oracle-"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer(kind)),
        max_position_embeddings=4 * POSITIONS,
        id2label=dict(enumerate(TAGS)),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
    )
    BertForTokenClassification(config).save_pretrained(folder)
    tokenizer(kind).save_pretrained(folder)
    return folder


def oracle(lang: str, kind: str, tags_of: Callable[[Sequence[int]], Iterable[str]], **config: Any) -> Language:
    """Return a pipeline whose checkpoint predicts the tags that a function chooses.

    lang: language code of the pipeline.
    kind: kind of tokenizer. One of `KINDS`.
    tags_of: function that takes the IDs of the subwords in a window, without special subwords, and returns their tags.
    """
    nlp = spacy.blank(lang, config=LANGUAGES[lang])
    runtime = {"@misc": "spacy_bert_ner.TorchRuntime.v1", "packed_weights": False}
    model = {"name": str(_folder(kind)), "overlap": 8, "runtime": runtime}
    pipe: Any = nlp.add_pipe("bert_ner", config={"model": model, **config})
    checkpoint: Any = get_checkpoint(pipe.model)

    def forward(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(*ids.shape, len(TAGS))
        for row, own in enumerate(ids.tolist()):
            window = own[1 : int(mask[row].sum()) - 1]
            for i, tag in enumerate(tags_of(window), start=1):
                logits[row, i, TAGS.index(tag)] = 9.0
        return logits

    checkpoint.forward = forward
    return nlp


def subwords(kind: str, text: str) -> list[Subword]:
    """Return the subwords of a text without special subwords."""
    e = tokenizer(kind).backend_tokenizer.encode(text, add_special_tokens=False)
    return [Subword(*offsets, word, own) for offsets, word, own in zip(e.offsets, e.word_ids, e.ids, strict=True)]


def owners(doc: Doc, pieces: Sequence[Subword]) -> list[int | None]:
    """Return the index of each subword's token, or None.

    A subword belongs to the token with its first visible character. A space that is the first subword in a word belongs
    to the same token as the next subword.
    """
    token_at = {i: token.i for token in doc if not token.is_space for i in range(token.idx, token.idx + len(token))}
    found: list[int | None] = [
        next((token_at[i] for i in range(piece.start, piece.end) if i in token_at), None) for piece in pieces
    ]
    for i in range(len(pieces) - 1):
        begins_word = i == 0 or pieces[i - 1].word != pieces[i].word
        if found[i] is None and begins_word and pieces[i].word == pieces[i + 1].word:
            found[i] = found[i + 1]
    return found


def positions(doc: Doc, pieces: Sequence[Subword]) -> dict[int, tuple[list[int], int]]:
    """Return the positions, by the index of the first token in each position.

    Each value contains the subwords of the token, and the end index of the last token that is joined to it.
    """
    found: dict[int, tuple[list[int], int]] = {}
    own = owners(doc, pieces)
    for i, token in enumerate(own):
        if token is not None:
            found.setdefault(token, ([], token + 1))[0].append(i)
    for token in doc:
        if not token.is_space and token.i not in found:
            covering = [i for i, piece in enumerate(pieces) if piece.start <= token.idx < piece.end]
            if covering and own[covering[-1]] is not None:
                first: Any = own[covering[-1]]
                found[first] = (found[first][0], token.i + 1)
    return found
