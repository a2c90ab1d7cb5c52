"""Check the token of clients."""

from __future__ import annotations

import os
import secrets

from ..errors import BertNerError, Errors
from .schemas import RequestError


def read_token(variable: str | None) -> bytes | None:
    """Read the token that clients have to send.

    variable (str | None): name of the environment variable that holds the token; None if no token is required.
    RETURNS (bytes | None): the token; None if no token is required.
    RAISES BertNerError: the environment variable is not set.
    """
    if variable is None:
        return None
    token = os.environ.get(variable, "").strip()
    if not token:
        raise BertNerError(Errors.variable_not_set.format(name=variable))
    return token.encode()


def check_token(authorization: str, token: bytes | None) -> None:
    """Check the Authorization header of a request.

    authorization (str): the header; empty if the client sent none.
    token (bytes | None): the token to require; None to require none.
    RAISES RequestError: the client did not send the token.
    """
    if token is None:
        return
    scheme, _, sent = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(sent.strip().encode(), token):
        raise RequestError(401, "unauthorized", Errors.not_authorized, {"WWW-Authenticate": "Bearer"})
