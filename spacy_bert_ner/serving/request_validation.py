"""Read and validate the body of a request. Error messages show no texts of the client and no types of pydantic."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Collection
from dataclasses import dataclass
from typing import Any

import pydantic

from ..errors import Errors
from .schemas import EntitiesRequest, RequestError

ALLOWED = {
    "text": "a text",
    "texts": "a list of texts",
    "labels": "a list of labels",
    "thresholds": "a number from 0 to 1, or a JSON object with such a number for each label",
}
"""Allowed value of each key of a request."""
_MAX_SHOWN = 60
"""Characters of a client's label to show in a message."""


@dataclass(frozen=True)
class Limits:
    """Limits of a request.

    max_texts (int): maximum number of texts.
    max_characters (int): maximum number of characters per text.
    labels (Collection[str]): labels of the pipeline. If it is empty, all labels are allowed.
    """

    max_texts: int
    max_characters: int
    labels: Collection[str]


async def read_body(stream: AsyncIterable[bytes], content_length: str, *, max_bytes: int) -> bytes:
    """Read the body of a request, and no more of it than is allowed.

    stream (AsyncIterable[bytes]): the body.
    content_length (str): the Content-Length header; empty if the client sent none.
    max_bytes (int): maximum size of the body.
    RETURNS (bytes): the body.
    RAISES RequestError: the body is too large.
    """
    too_large = RequestError(413, "too_large", Errors.body_too_large.format(most=max_bytes))
    if content_length.isdigit() and int(content_length) > max_bytes:
        raise too_large
    parts: list[bytes] = []
    n_bytes = 0
    async for part in stream:
        n_bytes += len(part)
        if n_bytes > max_bytes:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def read_request(body: bytes, limits: Limits) -> EntitiesRequest:
    """Parse the body of a request, and check it against limits.

    body (bytes): the body.
    limits (Limits): the limits.
    RETURNS (EntitiesRequest): the request.
    RAISES RequestError: the body is malformed or exceeds a limit. The message does not quote texts.
    """
    request = _parse(body)
    texts = request.all_texts()
    if len(texts) > limits.max_texts:
        raise RequestError(413, "too_large", Errors.too_many_texts.format(n=len(texts), most=limits.max_texts))
    for i, text in enumerate(texts):
        _check_text(i, text, limits)
    _check_labels(request, limits)
    return request


def _check_text(i: int, text: str, limits: Limits) -> None:
    if len(text) > limits.max_characters:
        message = Errors.text_too_large.format(number=i, n=len(text), most=limits.max_characters)
        raise RequestError(413, "too_large", message)
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise _malformed(f"texts.{i} contains half of a surrogate pair, which is not a character")


def _check_labels(request: EntitiesRequest, limits: Limits) -> None:
    thresholds = request.thresholds if isinstance(request.thresholds, dict) else ()
    unknown = sorted({*(request.labels or ()), *thresholds} - {*limits.labels}) if limits.labels else []
    if unknown:
        allowed = ", ".join(sorted(limits.labels))
        raise _malformed(f"the pipeline has no label {_shown(unknown[0])}. Allowed: {allowed}")


def _parse(body: bytes) -> EntitiesRequest:
    try:
        content = json.loads(body)
    except json.JSONDecodeError as e:
        raise _malformed(f"the body is not valid JSON at character {e.pos}") from None
    except (ValueError, RecursionError):
        raise _malformed("the body is not valid JSON") from None
    if not isinstance(content, dict):
        raise _malformed("the body is not a JSON object. Allowed: a JSON object with text or texts")
    try:
        return EntitiesRequest.model_validate(content)
    except pydantic.ValidationError as e:
        raise _translate(e) from None


def _translate(e: pydantic.ValidationError) -> RequestError:
    """Translate the errors of pydantic into one error in the words of the API."""
    errors: list[Any] = list(e.errors(include_url=False, include_input=False, include_context=False))
    paths = {error["loc"] for error in errors if error["loc"]}
    if any(path[0] not in ALLOWED for path in paths):
        return _malformed(f"the body has unknown keys. Allowed: {', '.join(ALLOWED)}")
    if not paths:
        return _malformed("either text or texts is required")
    key, *rest = min(paths, key=lambda path: (list(ALLOWED).index(path[0]), str(path[1:])))
    index = f".{rest[0]}" if rest and isinstance(rest[0], int) else ""
    return _malformed(f"the value of {key}{index} is not allowed. Allowed for {key}: {ALLOWED[key]}")


def _shown(label: str) -> str:
    """Return a client's label shortened and escaped, to be readable in one line."""
    return ascii(label if len(label) <= _MAX_SHOWN else f"{label[:_MAX_SHOWN]}...")


def _malformed(reason: str) -> RequestError:
    return RequestError(422, "malformed", Errors.bad_request.format(reason=reason))
