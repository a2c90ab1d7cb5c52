"""Check the safety of a `tokenizer.json` file before it is loaded.

Reject content that would make the `tokenizers` library abort the process, exhaust memory, or take years to process a
text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import CheckpointError, Errors
from ..tokenization.case_markers import is_separate_case_marker

MAX_GROWTH = 1000
"""Maximum number of characters that a normalizer may produce from one character. NFKC produces at most 18."""
MAX_REPLACEMENT = 100
"""Maximum length, in bytes, of a replacement in a compiled table. SentencePiece replacements have up to 33 bytes."""
MAX_LETTERS = 1000
"""Maximum length, in characters, of a word that WordPiece may split. The time grows with the square of the length."""

_MAY_BE_EMPTY = ("*", "?", "^", "$", "|", "{0", "{,", "\\b", "\\B", "\\A", "\\z", "\\Z", "\\G", "\\K", "()")
"""Constructs in regular expressions that can match the empty string between characters."""


class _Rule(NamedTuple):
    """A pattern and the text that replaces each match.

    text (str | None): the pattern if it is a literal string; None for a regular expression.
    content (str): the replacement.
    max_ratio (float): maximum number of output characters per input character, whatever the pattern matches.
    """

    text: str | None
    content: str
    max_ratio: float


def check_tokenizer(name: str, file: str, content: object) -> None:
    """Reject a harmful tokenizer.

    name (str): name of the checkpoint, for messages.
    file (str): name of the tokenizer file, for messages.
    content (object): parsed content of that file.
    RAISES CheckpointError: a value is unsafe. The message contains the value and the allowed values.
    """
    if not isinstance(content, dict):
        return
    normalizers = list(_parts(content.get("normalizer")))
    reasons = [reason for part in normalizers if part.get("type") == "Precompiled" and (reason := _check_table(part))]
    growth = _max_growth([*_rules(normalizers)])
    if growth > MAX_GROWTH:
        reasons.append(
            f"its normalizer turns one character into up to {growth:.4g} characters. Allowed: up to {MAX_GROWTH}"
        )
    model = content.get("model")
    letters = model.get("max_input_chars_per_word") if isinstance(model, dict) else None
    if isinstance(letters, int) and letters > MAX_LETTERS:
        reasons.append(f"max_input_chars_per_word = {letters}. Allowed: up to {MAX_LETTERS}. The usual value is 100")
    if reasons:
        raise CheckpointError(Errors.bad_tokenizer.format(name=name, file=file, reason=reasons[0]))


def _parts(part: object) -> Iterator[dict[str, Any]]:
    """Yield a normalizer, followed by its components in order if it is a sequence."""
    if not isinstance(part, dict):
        return
    yield part
    children = part.get("normalizers")
    for child in children if isinstance(children, list) else ():
        yield from _parts(child)


def _check_table(part: dict[str, Any]) -> str | None:
    """Describe the problem with a compiled SentencePiece table, or return None if the table is valid.

    A table consists of the length of an index, the index, and texts that end with a zero byte. The `tokenizers` library
    allocates memory for the given length without checking that the table is that long.
    """
    try:
        table = base64.b64decode(part.get("precompiled_charsmap", ""), validate=True)
    except (TypeError, ValueError, binascii.Error):
        return "precompiled_charsmap is not base64"
    n = int.from_bytes(table[:4], "little")
    if len(table) < 8 or n < 4 or n % 4 or n > len(table) - 4:
        return f"precompiled_charsmap declares an index of {n} bytes, but contains only {max(len(table) - 4, 0)}"
    longest = max(map(len, table[4 + n :].split(b"\0")))
    if longest > MAX_REPLACEMENT:
        return f"precompiled_charsmap replaces a character with {longest} bytes. Allowed: up to {MAX_REPLACEMENT}"
    return None


def _rules(normalizers: list[dict[str, Any]]) -> Iterator[_Rule]:
    case_patterns: set[str] = set()
    for part in normalizers:
        pattern, content = part.get("pattern"), part.get("content")
        if part.get("type") == "Prepend":
            yield _Rule(None, "", 1.0 + len(str(part.get("prepend", ""))))
        if not isinstance(pattern, dict) or not isinstance(content, str):
            continue
        text, regex = pattern.get("String"), str(pattern.get("Regex"))
        if isinstance(text, str) and text:
            yield _Rule(text, content, max(1.0, len(content) / len(text)))
        elif is_separate_case_marker(regex, content) and regex not in case_patterns:
            # Each letter has one case-marker pattern, whose replacement contains that letter once.
            case_patterns.add(regex)
        else:
            may_be_empty = text == "" or not regex or any(part in regex for part in _MAY_BE_EMPTY)
            yield _Rule(None, content, len(content) + 1.0 if may_be_empty and content else max(1.0, len(content)))


def _max_growth(rules: list[_Rule]) -> float:
    """Return the maximum number of characters that a sequence of rules can produce from one character.

    A literal pattern matches known characters, so each match is attributed to its first character. A regular expression
    can match anything, so it is not known which characters remain after a replacement.
    """
    firsts = {rule.text[0] for rule in rules if rule.text}
    return max((_growth_of(first, rules, firsts) for first in sorted(firsts)), default=_growth_of("", rules, firsts))


def _growth_of(first: str, rules: list[_Rule], firsts: set[str]) -> float:
    counts, unknown = {first: 1.0}, 0.0  # the count of each character, and the count of unknown characters
    for rule in rules:
        if rule.text is None:
            is_harmless = rule.max_ratio == 1 and rule.content not in firsts
            if not is_harmless:
                counts, unknown = {}, (unknown + sum(counts.values())) * rule.max_ratio
        else:
            unknown *= rule.max_ratio
            matches = counts.pop(rule.text[0], 0.0) / rule.text.count(rule.text[0])
            for character in rule.content:
                counts[character] = counts.get(character, 0.0) + matches
        if unknown + sum(counts.values()) > MAX_GROWTH:
            break
    return unknown + sum(counts.values())
