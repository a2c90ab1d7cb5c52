"""Define the named entity recognition server. Ray Serve schedules, replicates, scales and restarts it.

    python -m spacy bert-ner serve training/model-best

In a Ray Serve config file, specify `import_path: spacy_bert_ner.serving.app:application`.
"""

# Do not add `from __future__ import annotations`. FastAPI evaluates the annotations on routes, and it cannot resolve
# string annotations in the copy of the class that Serve creates.

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import starlette.exceptions
from fastapi import FastAPI, Response
from fastapi import Request as HttpRequest
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from ray import serve
from ray.util.metrics import Counter
from thinc.api import require_gpu

from ..errors import BertNerError, Errors
from ..util.pipelines import entity_labels, load, our_components
from ..util.provenance import versions
from ..util.user_code import import_code
from .authentication import check_token, read_token
from .batch_annotator import BatchAnnotator, select_entities
from .landing_page import page
from .metrics import cluster_metrics
from .request_validation import Limits, read_body, read_request
from .schemas import EntitiesRequest, EntitiesResponse, ErrorResponse, ModelInfo, RequestError, request_id_of
from .settings import ServerSettings, parse_settings

_STATUSES = {
    401: "The token is missing or invalid.",
    413: "The request is too large.",
    422: "The request is malformed.",
    500: "The server or the pipeline failed.",
    503: "The server is busy. Retry later.",
}
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)
"""Content security policy for the landing page. It blocks all resources from other servers."""
_LOG = logging.getLogger("ray.serve")


# Disable FastAPI's documentation pages because they load scripts from other servers. `landing_page` replaces them.
api = FastAPI(
    title="spacy-bert-ner",
    description="Find named entities in texts.",
    version="1",
    docs_url=None,
    redoc_url=None,
)
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": text} for status, text in _STATUSES.items()
}
_BODY = {"required": True, "content": {"application/json": {"schema": EntitiesRequest.model_json_schema()}}}


# Serve's decorator pickles `Server` by value, so everything that the class uses must be defined above it.


def _error_content(request_id: str, code: str, message: str) -> dict[str, Any]:
    return {"request_id": request_id, "error": {"code": code, "message": message}}


@api.exception_handler(starlette.exceptions.HTTPException)
async def _handle_http_error(request: HttpRequest, e: starlette.exceptions.HTTPException) -> Response:
    """Respond to a request for an unknown route or method."""
    request_id = request_id_of(request.headers.get("x-request-id", ""))
    code = "not_found" if e.status_code == 404 else "refused"
    return JSONResponse(_error_content(request_id, code, str(e.detail)), e.status_code, e.headers)


@serve.deployment(name="bert-ner")
@serve.ingress(api)
class Server:
    """A server replica, which holds a pipeline and handles the API routes.

    settings (dict[str, Any]): server settings by name. See `ServerSettings`.
    RAISES BertNerError: the token is not set, or the pipeline cannot be loaded.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = ServerSettings(**settings)
        self._token = read_token(self.settings.token_env)
        if self.settings.gpu:
            require_gpu(0)  # Ray only makes this replica's GPUs visible, so the first has ID 0
        if self.settings.code is not None:
            import_code(Path(self.settings.code))
        self.nlp = load(self.settings.pipeline)
        self.labels = entity_labels(self.nlp)
        self._annotator = BatchAnnotator(self.nlp)
        self._n_pending = 0
        self.annotate.set_max_batch_size(self.settings.max_batch_size)  # type: ignore[attr-defined]
        self.annotate.set_batch_wait_timeout_s(self.settings.batch_wait)  # type: ignore[attr-defined]
        self._answers = Counter("bert_ner_answers", "Number of responses, by HTTP status.", tag_keys=("status",))

    @api.get("/", include_in_schema=False)
    @api.get("/docs", include_in_schema=False)
    async def page(self) -> Response:
        """Return the landing page, which describes the API."""
        return HTMLResponse(page(api.openapi()), headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})

    @api.get("/metrics", response_class=PlainTextResponse, responses={401: _ERRORS[401]}, tags=["server"])
    async def metrics(self, request: HttpRequest) -> Response:
        """Return the metrics for all replicas in Prometheus text format."""
        return await self._respond(request, lambda _: self._gather_metrics())

    async def _gather_metrics(self) -> str:
        try:
            return await asyncio.to_thread(cluster_metrics)
        except OSError:
            raise RequestError(503, "busy", Errors.no_metrics, {"Retry-After": "5"}) from None

    @api.get("/healthz", tags=["server"])
    async def healthz(self) -> dict[str, str]:
        """Report that the server is running. No token is required."""
        return {"status": "ok"}

    @api.get("/v1/model", response_model=ModelInfo, responses={401: _ERRORS[401]}, tags=["model"])
    async def model(self, request: HttpRequest) -> Response:
        """Return the pipeline's name, version, components, labels and thresholds, and installed package versions."""
        return await self._respond(request, lambda _: self._model_info())

    async def _model_info(self) -> dict[str, Any]:
        meta = self.nlp.meta
        components = our_components(self.nlp)
        bert_ner: Any = self.nlp.get_pipe(components[0]) if components else None
        return {
            **{key: str(meta.get(key) or "") for key in ("name", "version", "lang")},
            "components": list(self.nlp.pipe_names),
            "labels": sorted(self.labels),
            "thresholds": dict(bert_ner.settings.thresholds) if bert_ner else {},
            "versions": versions(),
        }

    @api.post(
        "/v1/entities",
        response_model=EntitiesResponse,
        responses=_ERRORS,
        openapi_extra={"requestBody": _BODY},
        tags=["model"],
    )
    async def entities(self, request: HttpRequest) -> Response:
        """Find the entities in one or more texts. Offsets are in characters (Unicode code points)."""
        return await self._respond(request, lambda request_id: self._find_entities(request, request_id))

    async def _find_entities(self, http_request: HttpRequest, request_id: str) -> dict[str, Any]:
        if self._n_pending >= self.settings.max_waiting:
            raise RequestError(503, "busy", Errors.server_busy, {"Retry-After": "1"})
        self._n_pending += 1
        try:
            request = read_request(await self._read_body(http_request), self._limits())
            documents = await asyncio.gather(*(self.annotate(text) for text in request.all_texts()))
        finally:
            self._n_pending -= 1
        for i, entities in enumerate(documents):
            if entities is None:
                raise RequestError(500, "failed", Errors.text_failed.format(number=i))
        selected = [{"entities": select_entities(entities or [], request)} for entities in documents]
        return {"request_id": request_id, "documents": selected}

    async def _read_body(self, request: HttpRequest) -> bytes:
        return await read_body(
            request.stream(), request.headers.get("content-length", ""), max_bytes=self.settings.max_bytes
        )

    def _limits(self) -> Limits:
        max_characters = min(self.settings.max_characters, self.nlp.max_length)
        return Limits(self.settings.max_texts, max_characters, self.labels)

    async def _respond(self, request: HttpRequest, handle: Callable[[str], Awaitable[Any]]) -> Response:
        """Check the token, handle a request, and convert errors to responses that reveal no internals.

        request (HttpRequest): the request.
        handle (Callable[[str], Awaitable[Any]]): request handler. It takes the request ID and returns a string or a
            JSON-serializable value. It can raise `RequestError`.
        RETURNS (Response): a plain-text response for a string, or a JSON response for other values and for errors.
        """
        request_id = request_id_of(request.headers.get("x-request-id", ""))
        status = 200
        headers: dict[str, str] = {}  # Serve adds the `X-Request-ID` header
        try:
            check_token(request.headers.get("authorization", ""), self._token)
            content = await handle(request_id)
        except RequestError as e:
            status, headers = e.status, e.headers
            content = _error_content(request_id, e.code, e.message)
        except Exception as e:  # log only the exception type because the message can quote the text
            _LOG.error("request %s failed: %s", request_id, type(e).__name__)
            status = 500
            content = _error_content(request_id, "failed", Errors.server_failed)
        self._answers.inc(tags={"status": str(status)})
        if isinstance(content, str):
            return PlainTextResponse(content, status, headers)
        return JSONResponse(content, status, headers)

    @serve.batch
    async def annotate(self, texts: list[str]) -> list[list[dict[str, Any]] | None]:
        """Annotate a batch of texts, which Serve collects from several requests.

        texts (list[str]): the texts.
        RETURNS (list[list[dict[str, Any]] | None]): the entities in each text, or None if the text failed.
        """
        return await self._annotator.annotate(texts)


def application(args: dict[str, Any]) -> serve.Application:
    """Build the application. A Ray Serve config file specifies this function as the `import_path`.

    args (dict[str, Any]): server settings by name. See `ServerSettings`.
    RETURNS (serve.Application): the application.
    RAISES BertNerError: a setting is invalid.
    """
    return build(args, {})


def build(args: dict[str, Any], options: dict[str, Any]) -> serve.Application:
    """Build the application with deployment options.

    args (dict[str, Any]): server settings by name. See `ServerSettings`.
    options (dict[str, Any]): deployment options that Ray Serve accepts, such as `num_replicas`.
    RETURNS (serve.Application): the application.
    RAISES BertNerError: a setting or an option is invalid.
    """
    settings = parse_settings(args)
    # Leave capacity for health checks and for requests that are rejected because the server is busy.
    ongoing = {"max_ongoing_requests": 2 * settings.max_waiting + 10}
    deployment: Any = Server  # the decorators have replaced the class with a deployment
    try:
        bound: serve.Application = deployment.options(**{**ongoing, **options}).bind(settings.model_dump())
        return bound
    except (TypeError, ValueError) as e:
        raise BertNerError(Errors.bad_server_setting.format(reason=" ".join(str(e).split()))) from e
