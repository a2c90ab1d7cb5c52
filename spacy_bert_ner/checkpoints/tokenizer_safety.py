"""What is refused of a tokenizer.json before it is opened: parts by which tokenizers would end the process, fill the
memory, or take years for a text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import CheckpointError, Errors
from ..tokenization.case_markers import is_case_marker

MOST_GROWTH = 1000
"""Characters that a normalizer may make of one. NFKC makes 18 at most."""
MOST_REPLACED = 100
"""Bytes that a compiled table may put in the place of a character; those of SentencePiece put 33 at most."""
MOST_LETTERS = 1000
"""Letters of a word up to which WordPiece may look for subwords, which takes time that grows with their square."""

_MAY_BE_EMPTY = ("*", "?", "^", "$", "|", "{0", "{,", "\\b", "\\B", "\\A", "\\z", "\\Z", "\\G", "\\K", "()")
"""Parts of regular expressions that may match between characters."""


class _Rule(NamedTuple):
    """What stands for each match of a pattern.

    text: the pattern, where it is one as it stands; None for a regular expression.
    most: characters that come for each character of the text, at most, where nothing is known of the pattern.
    """

    text: str | None
    content: str
    most: float


def check_tokenizer(name: str, file: str, content: object) -> None:
    """Refuse a tokenizer that would do harm.

    name (str): of the checkpoint, for messages.
    file (str): its name.
    content: what it holds.
    RAISES CheckpointError: it says what was found, and what is allowed.
    """
    if not isinstance(content, dict):
        return
    normalizers = list(_parts(content.get("normalizer")))
    reasons = [reason for part in normalizers if part.get("type") == "Precompiled" and (reason := _table(part))]
    growth = _growth([*_rules(normalizers)])
    if growth > MOST_GROWTH:
        reasons.append(f"its normalizer makes up to {growth:.4g} characters of one. Allowed: {MOST_GROWTH}")
    model = content.get("model")
    letters = model.get("max_input_chars_per_word") if isinstance(model, dict) else None
    if isinstance(letters, int) and letters > MOST_LETTERS:
        reasons.append(f"max_input_chars_per_word = {letters}. Allowed: up to {MOST_LETTERS}; as a rule it is 100")
    if reasons:
        raise CheckpointError(Errors.bad_tokenizer.format(name=name, file=file, reason=reasons[0]))


def _parts(part: object) -> Iterator[dict[str, Any]]:
    """A normalizer, or those of a sequence, in their order."""
    if not isinstance(part, dict):
        return
    yield part
    listed = part.get("normalizers")
    for one in listed if isinstance(listed, list) else ():
        yield from _parts(one)


def _table(part: dict[str, Any]) -> str | None:
    """What is wrong with a table that SentencePiece has compiled: the length of an index, the index, and texts that end
    with a zero. Tokenizers asks for memory of that length without looking whether it is there."""
    try:
        table = base64.b64decode(part.get("precompiled_charsmap", ""), validate=True)
    except (TypeError, ValueError, binascii.Error):
        return "precompiled_charsmap is no base64"
    n = int.from_bytes(table[:4], "little")
    if len(table) < 8 or n < 4 or n % 4 or n > len(table) - 4:
        return f"precompiled_charsmap has an index of {n} bytes, but there are {max(len(table) - 4, 0)} in all"
    longest = max(map(len, table[4 + n :].split(b"\0")))
    if longest > MOST_REPLACED:
        return f"precompiled_charsmap puts {longest} bytes for a character. Allowed: {MOST_REPLACED}"
    return None


def _rules(normalizers: list[dict[str, Any]]) -> Iterator[_Rule]:
    marks: set[str] = set()
    for part in normalizers:
        pattern, content = part.get("pattern"), part.get("content")
        if part.get("type") == "Prepend":
            yield _Rule(None, "", 1.0 + len(str(part.get("prepend", ""))))
        if not isinstance(pattern, dict) or not isinstance(content, str):
            continue
        text, regex = pattern.get("String"), str(pattern.get("Regex"))
        if isinstance(text, str) and text:
            yield _Rule(text, content, max(1.0, len(content) / len(text)))
        elif is_case_marker(regex, content) and regex not in marks:  # there is one for each letter, which it leaves one
            marks.add(regex)
        else:
            is_between = text == "" or not regex or any(part in regex for part in _MAY_BE_EMPTY)
            yield _Rule(None, content, len(content) + 1.0 if is_between and content else max(1.0, len(content)))


def _growth(rules: list[_Rule]) -> float:
    """The most characters that rules make of one, one rule after the other.

    Of a text as a pattern it is known which characters it takes: each match is counted to its first character. A
    regular expression may match all, so that behind it nothing is known of the characters.
    """
    firsts = {rule.text[0] for rule in rules if rule.text}
    return max((_growth_of(first, rules, firsts) for first in sorted(firsts)), default=_growth_of("", rules, firsts))


def _growth_of(first: str, rules: list[_Rule], firsts: set[str]) -> float:
    counts, unknown = {first: 1.0}, 0.0  # of each character, and of those that may be any
    for rule in rules:
        if rule.text is None:
            is_harmless = rule.most == 1 and rule.content not in firsts
            if not is_harmless:
                counts, unknown = {}, (unknown + sum(counts.values())) * rule.most
        else:
            unknown *= rule.most
            matches = counts.pop(rule.text[0], 0.0) / rule.text.count(rule.text[0])
            for character in rule.content:
                counts[character] = counts.get(character, 0.0) + matches
        if unknown + sum(counts.values()) > MOST_GROWTH:
            break
    return unknown + sum(counts.values())
