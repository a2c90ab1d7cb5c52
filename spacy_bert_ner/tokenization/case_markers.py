"""Add markers for capital letters to a tokenizer that lowercases text.

    text      Kevin     Durant        plays for the ( Nets )    in the   USA
    subwords  kevin ##⇧ duran ##t ##⇧ plays for the ( nets ##⇧ ) in the  usa ##⇪

The markers are subwords in the text. This method is known from translation (inline casing: Berard et al. 2019,
https://aclanthology.org/W19-5361) and from named entity recognition (Cabrera-Diego et al. 2021,
https://ceur-ws.org/Vol-2829/paper2.pdf). Here a marker is the last subword of its word. Programs that read the tag of a
word from its first subword therefore need not know about markers. The tokenizer's normalizer inserts the markers, so
every program that loads its `tokenizer.json` produces the same subwords.
"""

from __future__ import annotations

import sys
import unicodedata

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import NFD, BertNormalizer, Normalizer, Replace, Sequence

CAPITAL, CAPITALS = "⇧", "⇪"
"""Symbols for the Shift and Caps Lock keys. No BERT vocabulary contains them, and no BERT tokenizer removes them."""


_AT_WORD_START = r"(?<![\p{L}\p{N}\p{M}])"


def is_separate_case_marker(regex: str, content: str) -> bool:
    """Return whether a normalizer rule inserts a case marker before a letter, as tokenizers from version 0.1.0 do.

    regex (str): pattern of the rule.
    content (str): replacement text of the rule.
    RETURNS (bool): True if the rule inserts a case marker as a separate word before a letter.
    """
    return regex[:-1] == _AT_WORD_START and content == f" {CAPITAL} {regex[-1]}"


def add_case_markers(tokenizer: Tokenizer) -> bool:
    """Make a tokenizer append case markers: `⇧` to capitalized words and `⇪` to words in all capitals.

    A word starts with a letter that does not follow a letter, a digit or an accent. A word in all capitals has at least
    two letters. Only words with a first letter that starts words in the vocabulary, with or without accents, get
    markers. For an English vocabulary, these are the letters A to Z. A vocabulary with other scripts has more letters.

    tokenizer (Tokenizer): tokenizer to change in place. If it lowercases text as BERT does and splits words into word
        pieces, the two markers are added to its vocabulary. Otherwise, or if it already has markers, it stays
        unchanged.
    RETURNS (bool): True if the tokenizer was changed.
    """
    normalizer, model, vocab = tokenizer.normalizer, tokenizer.model, tokenizer.get_vocab()
    if not (isinstance(normalizer, BertNormalizer) and normalizer.lowercase and isinstance(model, WordPiece)):
        return False
    markers = [model.continuing_subword_prefix + marker for marker in (CAPITAL, CAPITALS)]
    if CAPITAL in vocab or markers[0] in vocab:
        return False
    # By default (None), BERT strips accents if it lowercases text.
    is_stripping = normalizer.strip_accents is not False
    first_letters = {word[0] for word in vocab if len(word) > 1 and word.isalpha()}
    letters = "".join(
        letter
        for letter in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(letter) == "Lu"
        and not (is_stripping and unicodedata.decomposition(letter))
        and normalizer.normalize_str(letter) in first_letters
    )
    # `\K` keeps the text that the pattern has matched so far, so the marker is inserted and replaces nothing. The run
    # ends before an ideograph, since BERT treats each ideograph as a word.
    start, run = rf"{_AT_WORD_START}[{letters}]", r"[\p{Lu}\p{Ll}\p{N}\p{M}]*+"
    all_capitals = rf"{start}\p{{M}}*(?:\p{{Lu}}\p{{M}}*)+(?![\p{{L}}\p{{M}}]){run}\K"
    capitalized = rf"{start}{run}\K(?!{CAPITALS})"
    rules: list[Normalizer] = [NFD()] if is_stripping else []
    rules += [Replace(Regex(all_capitals), CAPITALS), Replace(Regex(capitalized), CAPITAL)]
    tokenizer.normalizer = Sequence([*rules, normalizer])
    known = tokenizer.get_vocab(with_added_tokens=False)
    n_ids = 1 + max(vocab.values())
    tokenizer.model = WordPiece(
        {**known, markers[0]: n_ids, markers[1]: n_ids + 1},
        unk_token=model.unk_token,
        max_input_chars_per_word=model.max_input_chars_per_word,
        continuing_subword_prefix=model.continuing_subword_prefix,
    )
    return True
