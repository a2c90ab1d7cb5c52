"""Define the request and response schemas for the server."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, model_validator

_ID = re.compile(r"[!-~]{1,100}")
"""Pattern for valid request IDs from clients. They must be short, printable ASCII strings without spaces."""

Threshold = Annotated[StrictFloat | StrictInt, Field(ge=0, le=1)]


class EntitiesRequest(BaseModel):
    """A request to find entities in one or more texts."""

    model_config = ConfigDict(extra="forbid")
    text: StrictStr | None = Field(
        None, description="The text to annotate.", examples=["Kevin Durant plays for the Nets."]
    )
    texts: list[StrictStr] | None = Field(None, description="The texts to annotate. Set either `text` or `texts`.")
    thresholds: Threshold | dict[StrictStr, Threshold] | None = Field(
        None,
        description="The minimum entity score from 0 to 1, for all labels or for each label. Default: 0. Entities "
        "without a score are always returned.",
    )
    labels: list[StrictStr] | None = Field(None, description="The entity labels to return. Default: all labels.")

    @model_validator(mode="after")
    def _check_one_of_both(self) -> EntitiesRequest:
        if (self.text is None) == (self.texts is None):
            raise ValueError("the body must have either text or texts")
        return self

    def all_texts(self) -> list[str]:
        """Return all texts in the request as a list."""
        return [self.text] if self.text is not None else list(self.texts or ())


class FoundEntity(BaseModel):
    """An entity in a text.

    The offsets `start` and `end` are in characters (Unicode code points). The `score` is the probability of the entity,
    or null if the entity has no score.
    """

    start: int
    end: int
    text: str
    label: str
    score: float | None


class Document(BaseModel):
    """The entities in one text, in text order."""

    entities: list[FoundEntity]


class EntitiesResponse(BaseModel):
    """The response to an entities request, with one document per text, in request order."""

    request_id: str
    documents: list[Document]


class ErrorDetail(BaseModel):
    """An error, with a machine-readable code and a human-readable message."""

    code: str
    message: str


class ErrorResponse(BaseModel):
    """The response to a failed request."""

    request_id: str
    error: ErrorDetail


class ModelInfo(BaseModel):
    """Information about the pipeline and the installed packages.

    The `thresholds` are the minimum scores that are configured in the pipeline, by label.
    """

    name: str
    version: str
    lang: str
    components: list[str]
    labels: list[str]
    thresholds: dict[str, float]
    versions: dict[str, str]


class RequestError(Exception):
    """An exception that the server converts to an error response.

    status (int): HTTP status.
    code (str): machine-readable error code.
    message (str): human-readable error message.
    headers (dict[str, str] | None): additional response headers. Default: none.
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, code, message, headers)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def describe_errors(errors: list[Any]) -> str:
    """Describe the first errors in a pydantic validation error. Omit the invalid values because they can be secret.

    errors (list[Any]): the list that `ValidationError.errors` returned.
    RETURNS (str): up to three errors, separated by semicolons.
    """
    descriptions = []
    for error in errors[:3]:
        path = ".".join(str(part) for part in error["loc"] if not str(part).startswith(("function-", "constrained-")))
        descriptions.append(f"{path}: {error['msg']}" if path else str(error["msg"]))
    return "; ".join(descriptions)


def request_id_of(header: str) -> str:
    """Return the request ID from a header, or a new ID if the header is empty or invalid."""
    return header if _ID.fullmatch(header) else uuid.uuid4().hex
