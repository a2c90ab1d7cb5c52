"""Define and validate the server settings."""

from __future__ import annotations

import pydantic

from ..errors import BertNerError, Errors
from .schemas import describe_errors


class ServerSettings(pydantic.BaseModel):
    """The server settings, from the `serve` command or from `args` in a Ray Serve config file.

    pipeline (str): pipeline folder, or name of an installed package.
    max_batch_size (int): maximum number of texts per batch. 1 disables batching. Default: 32.
    batch_wait (float): maximum time that the first text in a batch waits for more texts, in seconds. Default: 0.005.
    max_texts (int): maximum number of texts per request. Default: 64.
    max_characters (int): maximum number of characters per text. Default: 100,000.
    max_bytes (int): maximum size of a request body in bytes. Default: 2,000,000.
    max_waiting (int): maximum number of running and waiting requests per replica. Further requests are rejected with
        status 503. Default: 200.
    token_env (str | None): name of the environment variable that holds the token. Default: no token is required.
    code (str | None): Python file that each replica imports before it loads the pipeline. Default: none.
    gpu (bool): whether replicas run on a GPU. Default: False.
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
    """Validate server settings.

    args (dict[str, object]): server settings by name. See `ServerSettings`.
    RETURNS (ServerSettings): the validated settings.
    RAISES BertNerError: a setting is invalid.
    """
    try:
        return ServerSettings.model_validate(args)
    except pydantic.ValidationError as e:
        raise BertNerError(Errors.bad_server_setting.format(reason=describe_errors(list(e.errors())))) from None
