"""What clients of the server send, and what they get."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, model_validator

_ID = re.compile(r"[!-~]{1,100}")
"""An id of a request that is taken over: printable, and short."""

Threshold = Annotated[StrictFloat | StrictInt, Field(ge=0, le=1)]


class EntitiesRequest(BaseModel):
    """One text, or several."""

    model_config = ConfigDict(extra="forbid")
    text: StrictStr | None = Field(None, description="one text", examples=["Kevin Durant plays for the Nets."])
    texts: list[StrictStr] | None = Field(None, description="or several")
    thresholds: Threshold | dict[StrictStr, Threshold] | None = Field(
        None, description="least score of entities, from 0 to 1: of all, or by label; those without a score stay"
    )
    labels: list[StrictStr] | None = Field(
        None, description="labels of the entities that are given; of all if left out"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> EntitiesRequest:
        if (self.text is None) == (self.texts is None):
            raise ValueError("either text or texts is needed")
        return self

    def all_texts(self) -> list[str]:
        """The text, or the texts."""
        return [self.text] if self.text is not None else list(self.texts or ())


class FoundEntity(BaseModel):
    """An entity: its first character, one past its last (Unicode code points), and its probability, if it has one."""

    start: int
    end: int
    text: str
    label: str
    score: float | None


class Document(BaseModel):
    """The entities of a text, in its order."""

    entities: list[FoundEntity]


class EntitiesResponse(BaseModel):
    """A document for each text, in their order."""

    request_id: str
    documents: list[Document]


class ErrorDetail(BaseModel):
    """What is wrong: a name for programs, and a sentence for people."""

    code: str
    message: str


class ErrorResponse(BaseModel):
    """An answer that is none."""

    request_id: str
    error: ErrorDetail


class ModelInfo(BaseModel):
    """The pipeline that answers: its name and version, its components, the labels that it gives, the thresholds that it
    has itself, and what is installed."""

    name: str
    version: str
    lang: str
    components: list[str]
    labels: list[str]
    thresholds: dict[str, float]
    versions: dict[str, str]


class RequestError(Exception):
    """A request that is answered with a failure.

    status (int): of HTTP.
    code: a name for programs.
    headers: beside those that all answers have.
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, code, message, headers)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def told(errors: list[Any]) -> str:
    """What pydantic found wrong, without the values, which may be what nobody else shall read."""
    found = []
    for one in errors[:3]:
        place = ".".join(str(part) for part in one["loc"] if not str(part).startswith(("function-", "constrained-")))
        found.append(f"{place}: {one['msg']}" if place else str(one["msg"]))
    return "; ".join(found)


def id_of(given: str) -> str:
    """The id that a client gave to its request, or a new one where that is none."""
    return given if _ID.fullmatch(given) else uuid.uuid4().hex
