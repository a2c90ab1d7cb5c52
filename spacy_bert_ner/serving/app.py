"""A server of entities on Ray Serve, which schedules, replicates, scales and restarts it.

    python -m spacy bert-ner serve training/model-best

`application` is what a config file of Serve names: `import_path: spacy_bert_ner.serving.app:application`.
"""

# No `annotations` of the future here: FastAPI reads those of the routes, also where Serve has made them anew.

import asyncio
import logging
import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pydantic
import starlette.exceptions
from fastapi import FastAPI, Response
from fastapi import Request as HttpRequest
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from ray import serve
from ray.util.metrics import Counter, Histogram
from thinc.api import require_gpu

from ..annotate.text_annotator import TextAnnotator
from ..annotate.writers import row_of
from ..errors import BertNerError, Errors
from ..util.pipelines import entity_labels, load, our_components
from ..util.provenance import versions
from ..util.user_code import import_code
from .landing_page import page
from .metrics import addresses, gather
from .request_validation import Limits, read_request
from .schemas import (
    EntitiesRequest,
    EntitiesResponse,
    ErrorResponse,
    ModelInfo,
    RequestError,
    describe_errors,
    request_id_of,
)

_STATUSES = {
    401: "no or a wrong token",
    413: "too large",
    422: "malformed",
    500: "it failed",
    503: "too busy, try again",
}
_OWN_PAGE = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
"""What a browser may load for the page: nothing from elsewhere."""
_LOG = logging.getLogger("ray.serve")


class ServerSettings(pydantic.BaseModel):
    """What a server is told: arguments of the command, and `args` in a config file of Serve.

    pipeline: its folder, or the name of an installed package.
    max_batch_size: texts that are annotated together; 1 for one by one.
    batch_wait: seconds that the first of them waits for others.
    max_texts: of a request.
    max_characters: of a text.
    max_bytes: of the body of a request.
    max_waiting: requests that a replica works at or has waiting; more are told to come back.
    token_env: name of the environment variable that holds the token; None for no token.
    code: a Python file that each replica imports before it opens the pipeline; None for none.
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


# The pages that FastAPI has for an API take scripts from the open net; `landing` has one of our own.
api = FastAPI(
    title="spacy-bert-ner", description="Named entities of texts.", version="1", docs_url=None, redoc_url=None
)
_FAILURES: dict[int | str, dict[str, Any]] = {
    s: {"model": ErrorResponse, "description": text} for s, text in _STATUSES.items()
}
_BODY = {"required": True, "content": {"application/json": {"schema": EntitiesRequest.model_json_schema()}}}


# What the class uses stands before it: Serve takes it to replicas as it is where it is defined.


def token_of(settings: ServerSettings) -> bytes | None:
    """The token that clients have to send; None for none.

    RAISES BertNerError: the environment variable that is named is not set.
    """
    if settings.token_env is None:
        return None
    token = os.environ.get(settings.token_env, "").strip()
    if not token:
        raise BertNerError(Errors.variable_not_set.format(name=settings.token_env))
    return token.encode()


def _chosen(entities: Sequence[dict[str, Any]], asked: EntitiesRequest) -> list[dict[str, Any]]:
    least = asked.thresholds
    return [
        one
        for one in entities
        if (asked.labels is None or one["label"] in asked.labels)
        and (
            one["score"] is None
            or least is None
            or one["score"] >= (least.get(one["label"], 0) if isinstance(least, dict) else least)
        )
    ]


def _failure(request_id: str, code: str, message: str) -> dict[str, Any]:
    return {"request_id": request_id, "error": {"code": code, "message": message}}


@api.exception_handler(starlette.exceptions.HTTPException)
async def _no_route(request: HttpRequest, e: starlette.exceptions.HTTPException) -> Response:
    """Routes and methods that there are not."""
    request_id = request_id_of(request.headers.get("x-request-id", ""))
    content = _failure(request_id, "not_found" if e.status_code == 404 else "refused", str(e.detail))
    return JSONResponse(content, e.status_code, e.headers)


@serve.deployment(name="bert-ner")
@serve.ingress(api)
class Server:
    """A replica: a pipeline, and the routes of the API."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = ServerSettings(**settings)
        self._token = token_of(self.settings)
        if self.settings.gpu:
            require_gpu(0)  # Ray shows it no others
        if self.settings.code is not None:
            import_code(Path(self.settings.code))
        self.nlp = load(self.settings.pipeline)
        self.annotator = TextAnnotator(self.nlp)
        self.labels = entity_labels(self.nlp)
        # One thread, as one pipeline at work uses all that the replica has; the event loop answers meanwhile.
        self._thread = ThreadPoolExecutor(1)
        self._waiting = 0
        self.annotate.set_max_batch_size(self.settings.max_batch_size)  # type: ignore[attr-defined]
        self.annotate.set_batch_wait_timeout_s(self.settings.batch_wait)  # type: ignore[attr-defined]
        self._answers = Counter("bert_ner_answers", "Answers to requests, by status.", tag_keys=("status",))
        self._texts = Counter("bert_ner_texts", "Texts that were annotated.")
        self._words = Counter("bert_ner_words", "Tokens of spaCy that were annotated.")
        self._batches = Histogram(
            "bert_ner_batch_texts", "Texts that were annotated together.", boundaries=[1, 2, 4, 8, 16, 32, 64, 128]
        )

    @api.get("/", include_in_schema=False)
    @api.get("/docs", include_in_schema=False)
    async def page(self) -> Response:
        """What the server takes and gives, for people."""
        return HTMLResponse(page(api.openapi()), headers={"Content-Security-Policy": _OWN_PAGE})

    @api.get("/metrics", response_class=PlainTextResponse, responses={401: _FAILURES[401]}, tags=["server"])
    async def metrics(self, request: HttpRequest) -> Response:
        """What Ray exports for Prometheus of the server, of all replicas."""

        async def told(_: str) -> str:
            try:
                return await asyncio.to_thread(lambda: gather(addresses()))
            except OSError:
                raise RequestError(503, "busy", Errors.no_metrics, {"Retry-After": "5"}) from None

        return await self._answer(request, told)

    @api.get("/healthz", tags=["server"])
    async def healthz(self) -> dict[str, str]:
        """Whether the server is there; no token is needed."""
        return {"status": "ok"}

    @api.get("/v1/model", response_model=ModelInfo, responses={401: _FAILURES[401]}, tags=["model"])
    async def model(self, request: HttpRequest) -> Response:
        """Labels and versions of the pipeline."""

        async def about(_: str) -> dict[str, Any]:
            meta = self.nlp.meta
            ours = our_components(self.nlp)
            pipe: Any = self.nlp.get_pipe(ours[0]) if ours else None
            return {
                **{key: str(meta.get(key) or "") for key in ("name", "version", "lang")},
                "components": list(self.nlp.pipe_names),
                "labels": sorted(self.labels),
                "thresholds": dict(pipe.settings.thresholds) if pipe else {},
                "versions": versions(),
            }

        return await self._answer(request, about)

    @api.post(
        "/v1/entities",
        response_model=EntitiesResponse,
        responses=_FAILURES,
        openapi_extra={"requestBody": _BODY},
        tags=["model"],
    )
    async def entities(self, request: HttpRequest) -> Response:
        """Find the entities of a text, or of several. Places are in characters, that is, in Unicode code points."""

        async def found(request_id: str) -> dict[str, Any]:
            if self._waiting >= self.settings.max_waiting:
                raise RequestError(503, "busy", Errors.server_busy, {"Retry-After": "1"})
            self._waiting += 1
            try:
                asked = read_request(await self._body(request), self._limits())
                documents = await asyncio.gather(*(self.annotate(text) for text in asked.all_texts()))
            finally:
                self._waiting -= 1
            for i, one in enumerate(documents):
                if one is None:
                    raise RequestError(500, "failed", Errors.text_failed.format(number=i))
            answers = [{"entities": _chosen(one or [], asked)} for one in documents]
            return {"request_id": request_id, "documents": answers}

        return await self._answer(request, found)

    async def _answer(self, request: HttpRequest, work: Any) -> Response:
        """What a request gets, whatever happens: an answer, or what is wrong, and nothing of the code."""
        request_id = request_id_of(request.headers.get("x-request-id", ""))
        status = 200
        headers: dict[str, str] = {}  # Serve itself gives the id back, as X-Request-ID
        try:
            self._check_token(request)
            content = await work(request_id)
        except RequestError as e:
            status, headers = e.status, e.headers
            content = _failure(request_id, e.code, e.message)
        except Exception as e:  # whatever it is, the client gets an answer, and the log the kind, but never the text
            _LOG.error("request %s failed: %s", request_id, type(e).__name__)
            status = 500
            content = _failure(request_id, "failed", Errors.server_failed)
        self._answers.inc(tags={"status": str(status)})
        if isinstance(content, str):
            return PlainTextResponse(content, status, headers)
        return JSONResponse(content, status, headers)

    def _check_token(self, request: HttpRequest) -> None:
        if self._token is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), self._token):
            raise RequestError(401, "unauthorized", Errors.not_authorized, {"WWW-Authenticate": "Bearer"})

    def _limits(self) -> Limits:
        most = min(self.settings.max_characters, self.nlp.max_length)
        return Limits(self.settings.max_texts, most, self.labels)

    async def _body(self, request: HttpRequest) -> bytes:
        """The body, of which no more is read than is allowed."""
        too_large = RequestError(413, "too_large", Errors.body_too_large.format(most=self.settings.max_bytes))
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self.settings.max_bytes:
            raise too_large
        parts: list[bytes] = []
        n = 0
        async for part in request.stream():
            n += len(part)
            if n > self.settings.max_bytes:
                raise too_large
            parts.append(part)
        return b"".join(parts)

    @serve.batch
    async def annotate(self, texts: list[str]) -> list[list[dict[str, Any]] | None]:
        """The entities of each text; None of one that fails. Texts of all requests come together here."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._annotate, texts)

    def _annotate(self, texts: Sequence[str]) -> list[list[dict[str, Any]] | None]:
        self._batches.observe(len(texts))
        # What the vocabulary learns of a batch is forgotten after it, else it would grow as long as the server runs.
        with self.nlp.memory_zone():
            docs, reasons = self.annotator.annotate(texts)
            self._texts.inc(len(texts))
            if n_words := sum(map(len, docs.values())):
                self._words.inc(n_words)
            found = [
                row_of(docs[i], "", {}, with_text=False)["entities"] if i in docs else None for i in range(len(texts))
            ]
        for reason in reasons.values():
            # The name of the component and of the error: what comes behind may hold the text.
            _LOG.error("a text failed: %s", ": ".join(reason.split(": ")[:2]))
        return found


def application(args: dict[str, Any]) -> serve.Application:
    """The application of Serve, as a config file of Serve names it.

    args: see `ServerSettings`.
    RAISES BertNerError: one of them is not allowed.
    """
    return build(args, {})


def build(args: dict[str, Any], options: dict[str, Any]) -> serve.Application:
    """The application, with options of its deployment, such as `num_replicas`, as Serve takes them."""
    try:
        settings = ServerSettings(**args)
    except pydantic.ValidationError as e:
        raise BertNerError(Errors.bad_server_setting.format(reason=describe_errors(list(e.errors())))) from None
    # Beyond what waits here, those that are told to come back, and questions of health.
    ongoing = {"max_ongoing_requests": 2 * settings.max_waiting + 10}
    deployment: Any = Server  # which its decorators have made of the class
    try:
        bound: serve.Application = deployment.options(**{**ongoing, **options}).bind(settings.model_dump())
        return bound
    except (TypeError, ValueError) as e:
        raise BertNerError(Errors.bad_server_setting.format(reason=" ".join(str(e).split()))) from e
