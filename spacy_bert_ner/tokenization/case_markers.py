"""Add markers for capital letters to a tokenizer that lower-cases its text.

    text      Kevin   Durant   plays for the ( Nets )   in the   USA
    subwords  ⇧ kevin ⇧ duran ##t plays for the ( ⇧ nets ) in the ⇪ usa

The markers are subwords in the text, as in translation (inline casing: Berard et al. 2019,
https://aclanthology.org/W19-5361) and in named entity recognition (Cabrera-Diego et al. 2021,
https://ceur-ws.org/Vol-2829/paper2.pdf). The tokenizer's own normalizer inserts them. Every program that loads its
`tokenizer.json` therefore sees the same subwords.
"""

from __future__ import annotations

import sys
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.normalizers import NFD, BertNormalizer, Normalizer, Replace, Sequence

CAPITAL, CAPITALS = "⇧", "⇪"
"""Symbols of the Shift and Caps Lock keys. No BERT vocabulary contains them, and no BERT tokenizer removes them."""


_AT_WORD_START = r"(?<![\p{L}\p{N}\p{M}])"


def is_case_marker(regex: str, content: str) -> bool:
    """Return whether a normalizer rule is one of the rules that `add_case_markers` adds for a letter.

    regex (str): pattern of the rule.
    content (str): replacement of the rule.
    """
    return regex[:-1] == _AT_WORD_START and content == f" {CAPITAL} {regex[-1]}"


def add_case_markers(tokenizer: Tokenizer) -> bool:
    """Insert `⇧` before each capitalized word, and `⇪` before each word of two or more letters that are all capitals.

    A word begins with a letter that does not follow a letter, a digit or an accent. Only letters with which words of
    the vocabulary begin are marked, with or without accents: A to Z for English, more for vocabularies of more scripts.

    tokenizer (Tokenizer): changed in place if it lower-cases its text as BERT does; its vocabulary gets the two
        markers. A tokenizer that does not, or that already has markers, stays unchanged.
    RETURNS (bool): whether the tokenizer was changed.
    """
    normalizer, vocab = tokenizer.normalizer, tokenizer.get_vocab()
    if not isinstance(normalizer, BertNormalizer) or not normalizer.lowercase or CAPITAL in vocab:
        return False
    # By default (None), BERT strips accents if it lower-cases.
    is_stripping = normalizer.strip_accents is not False
    first_letters = {word[0] for word in vocab if len(word) > 1 and word.isalpha()}
    rules: list[Normalizer] = [NFD()] if is_stripping else []
    for letter in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(letter) == "Lu" and not (is_stripping and unicodedata.decomposition(letter)):
            lower_case = normalizer.normalize_str(letter)
            if lower_case in first_letters:
                # Spaces separate the marker from the text before it and from the letter.
                rules.append(Replace(Regex(f"{_AT_WORD_START}{letter}"), f" {CAPITAL} {letter}"))
    rules.append(Replace(Regex(rf"{CAPITAL} (?=(?:\p{{Lu}}\p{{M}}*){{2,}}(?![\p{{L}}\p{{M}}]))"), f"{CAPITALS} "))
    tokenizer.normalizer = Sequence([*rules, normalizer])
    tokenizer.add_tokens([AddedToken(marker, normalized=True) for marker in (CAPITAL, CAPITALS)])
    return True
