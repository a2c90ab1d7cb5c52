"""Define the requests and responses of the server."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, model_validator

_ID = re.compile(r"[!-~]{1,100}")
"""Request ids that are accepted from clients: short and printable."""

Threshold = Annotated[StrictFloat | StrictInt, Field(ge=0, le=1)]


class EntitiesRequest(BaseModel):
    """One text or several texts."""

    model_config = ConfigDict(extra="forbid")
    text: StrictStr | None = Field(None, description="one text", examples=["Kevin Durant plays for the Nets."])
    texts: list[StrictStr] | None = Field(None, description="several texts, instead of one")
    thresholds: Threshold | dict[StrictStr, Threshold] | None = Field(
        None,
        description="minimum score of entities, from 0 to 1, for all labels or by label; entities without a score stay",
    )
    labels: list[StrictStr] | None = Field(None, description="labels of the entities to return; default: all labels")

    @model_validator(mode="after")
    def _check_one_of_both(self) -> EntitiesRequest:
        if (self.text is None) == (self.texts is None):
            raise ValueError("either text or texts is required")
        return self

    def all_texts(self) -> list[str]:
        """Return the text or the texts as a list."""
        return [self.text] if self.text is not None else list(self.texts or ())


class FoundEntity(BaseModel):
    """An entity: start and end offset in characters (Unicode code points), text, label, and probability if it has
    one."""

    start: int
    end: int
    text: str
    label: str
    score: float | None


class Document(BaseModel):
    """The entities of a text, in the order of the text."""

    entities: list[FoundEntity]


class EntitiesResponse(BaseModel):
    """A document for each text, in the order of the request."""

    request_id: str
    documents: list[Document]


class ErrorDetail(BaseModel):
    """An error: a code for programs and a message for people."""

    code: str
    message: str


class ErrorResponse(BaseModel):
    """The response to a request that failed."""

    request_id: str
    error: ErrorDetail


class ModelInfo(BaseModel):
    """The pipeline: name and version, components, labels, its own thresholds, and versions of installed packages."""

    name: str
    version: str
    lang: str
    components: list[str]
    labels: list[str]
    thresholds: dict[str, float]
    versions: dict[str, str]


class RequestError(Exception):
    """A request that gets an error response.

    status (int): HTTP status.
    code (str): error code for programs.
    message (str): message for people.
    headers (dict[str, str] | None): headers of the response, in addition to the usual ones.
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, code, message, headers)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def describe_errors(errors: list[Any]) -> str:
    """Describe the first errors of pydantic without the values, which may be secret.

    errors (list[Any]): the result of `ValidationError.errors`.
    RETURNS (str): up to three errors, separated by semicolons.
    """
    descriptions = []
    for error in errors[:3]:
        path = ".".join(str(part) for part in error["loc"] if not str(part).startswith(("function-", "constrained-")))
        descriptions.append(f"{path}: {error['msg']}" if path else str(error["msg"]))
    return "; ".join(descriptions)


def request_id_of(header: str) -> str:
    """Return the request id that a client sent, or a new one if it sent none that is accepted."""
    return header if _ID.fullmatch(header) else uuid.uuid4().hex
