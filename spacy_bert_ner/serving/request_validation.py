"""Read and validate request bodies. Error messages do not quote submitted texts or show pydantic's internal types."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Collection
from dataclasses import dataclass
from typing import Any

import pydantic

from ..errors import Errors
from .schemas import EntitiesRequest, RequestError

ALLOWED = {
    "text": "a string",
    "texts": "a list of strings",
    "labels": "a list of strings",
    "thresholds": "a number from 0 to 1, or a JSON object that maps labels to such numbers",
}
"""Description of the allowed values for each request key."""
_MAX_SHOWN = 60
"""Maximum number of characters to show from a submitted label."""


@dataclass(frozen=True)
class Limits:
    """The limits for a request.

    max_texts (int): maximum number of texts.
    max_characters (int): maximum number of characters per text.
    labels (Collection[str]): labels that the pipeline can predict. If empty, all labels are allowed.
    """

    max_texts: int
    max_characters: int
    labels: Collection[str]


async def read_body(stream: AsyncIterable[bytes], content_length: str, *, max_bytes: int) -> bytes:
    """Read a request body. Stop reading if the body is too large.

    stream (AsyncIterable[bytes]): the body in chunks.
    content_length (str): value of the `Content-Length` header, or an empty string if the client did not send it.
    max_bytes (int): maximum body size in bytes.
    RETURNS (bytes): the complete body.
    RAISES RequestError: the body is larger than `max_bytes`.
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
    """Parse a request body and check it against the limits.

    body (bytes): the request body.
    limits (Limits): the limits.
    RETURNS (EntitiesRequest): the parsed request.
    RAISES RequestError: the body is malformed or exceeds a limit. The error message does not quote texts.
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
        raise _malformed(f"texts.{i} contains an unpaired surrogate, which is not a valid character")


def _check_labels(request: EntitiesRequest, limits: Limits) -> None:
    thresholds = request.thresholds if isinstance(request.thresholds, dict) else ()
    unknown = sorted({*(request.labels or ()), *thresholds} - {*limits.labels}) if limits.labels else []
    if unknown:
        allowed = ", ".join(sorted(limits.labels))
        raise _malformed(f"the pipeline has no label {_shown(unknown[0])}. Allowed labels: {allowed}")


def _parse(body: bytes) -> EntitiesRequest:
    try:
        content = json.loads(body)
    except json.JSONDecodeError as e:
        raise _malformed(f"the body is not valid JSON at character {e.pos}") from None
    except (ValueError, RecursionError):
        raise _malformed("the body is not valid JSON") from None
    if not isinstance(content, dict):
        raise _malformed("the body is valid JSON but not a JSON object")
    try:
        return EntitiesRequest.model_validate(content)
    except pydantic.ValidationError as e:
        raise _translate(e) from None


def _translate(e: pydantic.ValidationError) -> RequestError:
    """Convert a pydantic validation error to a request error that uses the terms of the API."""
    errors: list[Any] = list(e.errors(include_url=False, include_input=False, include_context=False))
    paths = {error["loc"] for error in errors if error["loc"]}
    if any(path[0] not in ALLOWED for path in paths):
        return _malformed(f"the body has unknown keys. Allowed keys: {', '.join(ALLOWED)}")
    if not paths:
        return _malformed("the body must have either text or texts")
    key, *rest = min(paths, key=lambda path: (list(ALLOWED).index(path[0]), str(path[1:])))
    index = f".{rest[0]}" if rest and isinstance(rest[0], int) else ""
    return _malformed(f"the value of {key}{index} is invalid. Allowed for {key}: {ALLOWED[key]}")


def _shown(label: str) -> str:
    """Shorten and escape a submitted label for display on one line."""
    return ascii(label if len(label) <= _MAX_SHOWN else f"{label[:_MAX_SHOWN]}...")


def _malformed(reason: str) -> RequestError:
    return RequestError(422, "malformed", Errors.bad_request.format(reason=reason))
