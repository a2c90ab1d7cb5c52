"""Whether what a client sends is a request, in words of our own: what checked it, its types and its paths are ours."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pydantic

from ..errors import Errors
from .schemas import EntitiesRequest, RequestError

ALLOWED = {
    "text": "a text",
    "texts": "a list of texts",
    "labels": "a list of labels",
    "thresholds": "a number from 0 to 1, or a table with one for each label",
}
"""What each part of a request may be."""
_MOST_SHOWN = 60
"""Characters of a label that a client has sent."""


@dataclass(frozen=True)
class Limits:
    """Of a request.

    max_texts (int): texts.
    max_characters (int): of a text.
    labels: those that the pipeline gives; without any, all are allowed.
    """

    max_texts: int
    max_characters: int
    labels: Collection[str]


def read_request(body: bytes, limits: Limits) -> EntitiesRequest:
    """Read the body of a request.

    RAISES Refused: it is none, or more than is allowed. It says what is wrong, without what was sent.
    """
    asked = _parse(body)
    texts = asked.all_texts()
    if len(texts) > limits.max_texts:
        raise RequestError(413, "too_large", Errors.too_many_texts.format(n=len(texts), most=limits.max_texts))
    for i, text in enumerate(texts):
        if len(text) > limits.max_characters:
            found = {"number": i, "n": len(text), "most": limits.max_characters}
            raise RequestError(413, "too_large", Errors.text_too_large.format(**found))
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise _malformed(f"texts.{i}: half of a surrogate pair, which is no character")
    named = [*(asked.labels or ()), *(asked.thresholds if isinstance(asked.thresholds, dict) else ())]
    unknown = sorted({*named} - {*limits.labels}) if limits.labels else []
    if unknown:
        raise _malformed(f"there is no label {_shown(unknown[0])}. Allowed: {', '.join(sorted(limits.labels))}")
    return asked


def _parse(body: bytes) -> EntitiesRequest:
    try:
        content = json.loads(body)
    except json.JSONDecodeError as e:
        raise _malformed(f"the body is no JSON from character {e.pos} on") from None
    except (ValueError, RecursionError):
        raise _malformed("the body is no JSON") from None
    if not isinstance(content, dict):
        raise _malformed("the body is no table. Allowed: a table with text or texts")
    try:
        return EntitiesRequest.model_validate(content)
    except pydantic.ValidationError as e:
        errors: list[Any] = list(e.errors(include_url=False, include_input=False, include_context=False))
    places = {one["loc"] for one in errors if one["loc"]}
    more = [place for place in places if place[0] not in ALLOWED]
    if more:
        raise _malformed(f"there is more than is known. Allowed: {', '.join(ALLOWED)}")
    if not places:
        raise _malformed("either text or texts is needed")
    first = min(places, key=lambda place: (list(ALLOWED).index(place[0]), str(place[1:])))
    number = f".{first[1]}" if len(first) > 1 and isinstance(first[1], int) else ""
    raise _malformed(f"{first[0]}{number} is not allowed. Allowed: {first[0]} is {ALLOWED[first[0]]}")


def _shown(label: str) -> str:
    """A label that a client has sent, as a line that can be read."""
    return ascii(label if len(label) <= _MOST_SHOWN else f"{label[:_MOST_SHOWN]}...")


def _malformed(reason: str) -> RequestError:
    return RequestError(422, "malformed", Errors.bad_request.format(reason=reason))
