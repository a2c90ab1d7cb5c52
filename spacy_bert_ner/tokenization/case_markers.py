"""Add markers for capital letters to a tokenizer that lowercases text.

    text      Kevin   Durant   plays for the ( Nets )   in the   USA
    subwords  ⇧ kevin ⇧ duran ##t plays for the ( ⇧ nets ) in the ⇪ usa

The markers are subwords in the text. This method is known from machine translation (inline casing: Berard et al. 2019,
https://aclanthology.org/W19-5361) and from named entity recognition (Cabrera-Diego et al. 2021,
https://ceur-ws.org/Vol-2829/paper2.pdf). The tokenizer's normalizer inserts the markers, so every program that loads
its `tokenizer.json` produces the same subwords.
"""

from __future__ import annotations

import sys
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.normalizers import NFD, BertNormalizer, Normalizer, Replace, Sequence

CAPITAL, CAPITALS = "⇧", "⇪"
"""Symbols for the Shift and Caps Lock keys. No BERT vocabulary contains them, and no BERT tokenizer removes them."""


_AT_WORD_START = r"(?<![\p{L}\p{N}\p{M}])"


def is_case_marker(regex: str, content: str) -> bool:
    """Return whether a normalizer rule is one that `add_case_markers` adds for a letter.

    regex (str): pattern of the rule.
    content (str): replacement text of the rule.
    RETURNS (bool): True if the rule inserts a case marker before a letter.
    """
    return regex[:-1] == _AT_WORD_START and content == f" {CAPITAL} {regex[-1]}"


def add_case_markers(tokenizer: Tokenizer) -> bool:
    """Make a tokenizer insert case markers: `⇧` before capitalized words and `⇪` before words in all capitals.

    A word starts with a letter that does not follow a letter, a digit or an accent. A word in all capitals has at least
    two letters. Markers are only inserted before letters that start words in the vocabulary, with or without accents.
    For an English vocabulary, these are the letters A to Z. A vocabulary with other scripts has more letters.

    tokenizer (Tokenizer): tokenizer to change in place. If it lowercases text as BERT does, the two markers are added
        to its vocabulary. Otherwise, or if it already has the markers, it stays unchanged.
    RETURNS (bool): True if the tokenizer was changed.
    """
    normalizer, vocab = tokenizer.normalizer, tokenizer.get_vocab()
    if not isinstance(normalizer, BertNormalizer) or not normalizer.lowercase or CAPITAL in vocab:
        return False
    # By default (None), BERT strips accents if it lowercases text.
    is_stripping = normalizer.strip_accents is not False
    first_letters = {word[0] for word in vocab if len(word) > 1 and word.isalpha()}
    rules: list[Normalizer] = [NFD()] if is_stripping else []
    for letter in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(letter) == "Lu" and not (is_stripping and unicodedata.decomposition(letter)):
            lower_case = normalizer.normalize_str(letter)
            if lower_case in first_letters:
                # Spaces separate the marker from the preceding text and from the letter.
                rules.append(Replace(Regex(f"{_AT_WORD_START}{letter}"), f" {CAPITAL} {letter}"))
    rules.append(Replace(Regex(rf"{CAPITAL} (?=(?:\p{{Lu}}\p{{M}}*){{2,}}(?![\p{{L}}\p{{M}}]))"), f"{CAPITALS} "))
    tokenizer.normalizer = Sequence([*rules, normalizer])
    tokenizer.add_tokens([AddedToken(marker, normalized=True) for marker in (CAPITAL, CAPITALS)])
    return True
