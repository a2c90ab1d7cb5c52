"""Define the settings of the server."""

from __future__ import annotations

import pydantic

from ..errors import BertNerError, Errors
from .schemas import describe_errors


class ServerSettings(pydantic.BaseModel):
    """Settings of the server: arguments of the command, and `args` in a Ray Serve config file.

    pipeline (str): folder of the pipeline, or name of an installed package.
    max_batch_size (int): maximum number of texts to annotate together; 1 for no batching.
    batch_wait (float): seconds that the first text of a batch waits for others.
    max_texts (int): maximum number of texts per request.
    max_characters (int): maximum number of characters per text.
    max_bytes (int): maximum number of bytes of a request body.
    max_waiting (int): maximum number of requests that a replica processes or has waiting. Further requests are refused
        with status 503.
    token_env (str | None): name of the environment variable that holds the token; None if no token is required.
    code (str | None): Python file that each replica imports before it loads the pipeline; None for none.
    gpu (bool): whether each replica computes on a GPU.
    """

    model_config = pydantic.ConfigDict(extra="forbid")
    pipeline: str
    max_batch_size: int = pydantic.Field(32, ge=1)
    batch_wait: float = pydantic.Field(0.005, ge=0)
    max_texts: int = pydantic.Field(64, ge=1)
    max_characters: int = pydantic.Field(100_000, ge=1)
    max_bytes: int = pydantic.Field(2_000_000, ge=1)
    max_waiting: int = pydantic.Field(200, ge=1)
    token_env: str | None = None
    code: str | None = None
    gpu: bool = False


def parse_settings(args: dict[str, object]) -> ServerSettings:
    """Validate settings.

    args (dict[str, object]): see `ServerSettings`.
    RETURNS (ServerSettings): the settings.
    RAISES BertNerError: a setting is not allowed.
    """
    try:
        return ServerSettings.model_validate(args)
    except pydantic.ValidationError as e:
        raise BertNerError(Errors.bad_server_setting.format(reason=describe_errors(list(e.errors())))) from None
