"""Authenticate clients with a bearer token."""

from __future__ import annotations

import os
import secrets

from ..errors import BertNerError, Errors
from .schemas import RequestError


def read_token(variable: str | None) -> bytes | None:
    """Read the token that clients must send.

    variable (str | None): name of the environment variable that holds the token, or None if no token is required.
    RETURNS (bytes | None): the token, or None if no token is required.
    RAISES BertNerError: the environment variable is not set or is empty.
    """
    if variable is None:
        return None
    token = os.environ.get(variable, "").strip()
    if not token:
        raise BertNerError(Errors.variable_not_set.format(name=variable))
    return token.encode()


def check_token(authorization: str, token: bytes | None) -> None:
    """Check the `Authorization` header in a request.

    authorization (str): value of the header, or an empty string if the client did not send it.
    token (bytes | None): the required token, or None if no token is required.
    RAISES RequestError: the token is missing or invalid.
    """
    if token is None:
        return
    scheme, _, sent = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(sent.strip().encode(), token):
        raise RequestError(401, "unauthorized", Errors.not_authorized, {"WWW-Authenticate": "Bearer"})
