"""Marks for capital letters, so that an encoder that lower-cases its text is told of them all the same.

    text      Kevin   Durant   plays for the ( Nets )   in the   USA
    subwords  ⇧ kevin ⇧ duran ##t plays for the ( ⇧ nets ) in the ⇪ usa

The marks are subwords in the text, as in translation (inline casing: Berard et al. 2019,
https://aclanthology.org/W19-5361) and in named entity recognition (Cabrera-Diego et al. 2021,
https://ceur-ws.org/Vol-2829/paper2.pdf). The tokenizer's own normalizer puts them there, so that every program that
opens its `tokenizer.json` sees the same subwords.
"""

from __future__ import annotations

import sys
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.normalizers import NFD, BertNormalizer, Normalizer, Replace, Sequence

CAPITAL, CAPITALS = "⇧", "⇪"
"""The keys Shift and Caps Lock. No vocabulary of BERT has them, and no step of its tokenizers removes them."""


_BEHIND_NO_LETTER = r"(?<![\p{L}\p{N}\p{M}])"


def is_case_marker(regex: str, content: str) -> bool:
    """Whether a rule of a normalizer is one of those that `add_case_markers` makes for a letter."""
    return regex[:-1] == _BEHIND_NO_LETTER and content == f" {CAPITAL} {regex[-1]}"


def add_case_markers(tokenizer: Tokenizer) -> bool:
    """Put `⇧` before each word that begins with a capital letter, and `⇪` before each of two capital letters or more
    and no small one.

    A word begins with a letter that follows no letter, digit or accent. The letters are those that words of the
    vocabulary begin with, whatever their accents: A to Z for English, more of them where more scripts are known.

    tokenizer (Tokenizer): is changed, if it lower-cases its text as BERT does; its vocabulary gets the two marks.
        Others are left alone, as are those that have marks: see what is returned.
    RETURNS (bool): whether it was changed.
    """
    normalizer, vocab = tokenizer.normalizer, tokenizer.get_vocab()
    if not isinstance(normalizer, BertNormalizer) or not normalizer.lowercase or CAPITAL in vocab:
        return False
    # Without a word for it, BERT strips accents where it lower-cases.
    is_stripping = normalizer.strip_accents is not False
    firsts = {word[0] for word in vocab if len(word) > 1 and word.isalpha()}
    rules: list[Normalizer] = [NFD()] if is_stripping else []
    for letter in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(letter) == "Lu" and not (is_stripping and unicodedata.decomposition(letter)):
            small = normalizer.normalize_str(letter)
            if small in firsts:
                # Spaces keep the mark apart from what stands before it, and the letter from the mark.
                rules.append(Replace(Regex(f"{_BEHIND_NO_LETTER}{letter}"), f" {CAPITAL} {letter}"))
    rules.append(Replace(Regex(rf"{CAPITAL} (?=(?:\p{{Lu}}\p{{M}}*){{2,}}(?![\p{{L}}\p{{M}}]))"), f"{CAPITALS} "))
    tokenizer.normalizer = Sequence([*rules, normalizer])
    tokenizer.add_tokens([AddedToken(mark, normalized=True) for mark in (CAPITAL, CAPITALS)])
    return True
