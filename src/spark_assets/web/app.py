"""The HTTP application: which address leads to which handler."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Literal

import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from spark_assets.domain.errors import InternalError, InvalidParameter
from spark_assets.domain.ids import new_request_id
from spark_assets.ports.metrics import Count
from spark_assets.web.admin.routes import OWN_ROUTES
from spark_assets.web.ark.handlers import act, act_bare
from spark_assets.web.catalogue.handlers import get_page, get_spec, list_models, search_models
from spark_assets.web.console.routes import CONSOLE_ROUTES
from spark_assets.web.counted import count_answer, note_arrival, surface_of
from spark_assets.web.delivery.handlers import deliver
from spark_assets.web.delivery.shares import follow_share
from spark_assets.web.error_responses import Handler, answer, error_body, refuse, unknown_path
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.framing import find_fault
from spark_assets.web.health.handlers import alive, ready
from spark_assets.web.health.metrics import get_metrics
from spark_assets.web.monitor.handlers import get_billing
from spark_assets.web.openapi.handlers import get_docs, get_openapi
from spark_assets.web.site import Site
from spark_assets.web.spark.handlers import create, poll
from spark_assets.web.spark.precharge import precharge
from spark_assets.web.traced import answer_told
from spark_assets.web.uploads.batches import submit_batch
from spark_assets.web.uploads.form import upload_form
from spark_assets.web.uploads.tus import tus_collection, tus_upload

log = structlog.get_logger()

ROUTES: Final[dict[str, Handler]] = {
    "/open/{action:str}": act_bare,
    "/volc/asset/{action:str}": act_bare,
    "/model/v1/generation/precharge": precharge,
    "/model/v1/models/skill/search": search_models,
    "/model/v1/models/skill/{model:str}": get_page,
    "/api/v1/skill/models": list_models,
    "/api/v1/skill/models/{model:str}/spec": get_spec,
    "/monitor/api/v1/cost/billing": get_billing,
    "/media/{asset_id:str}/{file_name:str}": deliver,
    "/s/{token:str}": follow_share,
    "/v1/uploads": upload_form,
    "/v1/uploads/tus": tus_collection,
    "/v1/uploads/tus/{upload_id:str}": tus_upload,
    "/v1/batches": submit_batch,
    "/openapi.json": get_openapi,
    "/docs": get_docs,
    "/healthz": alive,
    "/readyz": ready,
    "/metrics": get_metrics,
    **OWN_ROUTES,
    **CONSOLE_ROUTES,
}
_METHODS: Final[tuple[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"], ...]] = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
)
"""Every route takes all of them, and its handler refuses those it has no use for, with an `Allow` header."""

_HOT: Final[dict[str, Handler]] = {"/": act, "/model/v1/generation": create}
_TASKS: Final = "/model/v1/generation/task/"
_ROUTE_OF: Final[dict[Handler, str]] = {handler: path for path, handler in _HOT.items()} | {poll: _TASKS.rstrip("/")}
_SURFACE_OF: Final[dict[Handler, str]] = {handler: surface_of(path) for handler, path in _ROUTE_OF.items()}

OpenSite = Callable[[], AbstractAsyncContextManager[Site]]


class Application(Litestar):
    """Two differences to Litestar: what is asked most often goes straight to its handler, and any method is routed.

    Litestar knows a few methods: a request with any other is routed as one of them, so that its handler refuses it.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a connection."""
        if scope["type"] == "http":
            note_arrival(scope)
            take_off(self.state.site.root_path, scope)
            fault = find_fault(scope["headers"], scope["http_version"])
            if fault is not None:
                await _refuse_framing(Exchange(self.state.site, scope, receive, send), fault)
                return
            hot = _hot_handler(scope)
            if hot is not None:
                await _answer(Exchange(self.state.site, scope, receive, send, _SURFACE_OF[hot]), hot, _ROUTE_OF[hot])
                return
            if scope["method"] not in _METHODS:
                scope["method"] = "TRACE"
        await super().__call__(scope, receive, send)


def take_off(root_path: str, scope: Any) -> None:
    """Go by our own path, whether the proxy has taken the prefix off or not."""
    prefix = root_path.encode()
    if prefix and (scope["raw_path"] + b"/").startswith(prefix + b"/"):
        scope["raw_path"] = scope["raw_path"].removeprefix(prefix) or b"/"
        scope["path"] = scope["path"].removeprefix(root_path) or "/"


def build(open_site: OpenSite) -> Litestar:
    """The application; `open_site` is entered when the server starts and left when it has stopped."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_site() as site:
            app.state.site = site
            yield

    return Application(
        route_handlers=[
            *(_bare_route(path, handler) for path, handler in _HOT.items()),
            _bare_route(_TASKS.rstrip("/"), poll, is_mount=True),
            *(_route(path, handler) for path, handler in ROUTES.items()),
        ],
        lifespan=[lifespan],
        exception_handlers={HTTPException: _answer_routing, Exception: _answer_crash},
        openapi_config=None,
        logging_config=None,
    )


def _hot_handler(scope: Any) -> Handler | None:
    """The handler of what is asked most often, as it is usually written; every other way to write the address is Litestar's to read."""
    path: str = scope["path"]
    if path.startswith(_TASKS):
        scope["path"] = path[len(_TASKS) :]
        return poll
    return _HOT.get(path)


def _bare_route(path: str, handler: Handler, *, is_mount: bool = False) -> ASGIRouteHandler:
    """A route on bare ASGI, without the cost of Litestar's request; as a mount it also gets every path below its own."""
    surface = surface_of(path)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await _exchange(scope, receive, send, handler, surface, path)

    return ASGIRouteHandler(path, copy_scope=False, is_mount=is_mount)(serve)


def _route(path: str, handler: Handler) -> HTTPRouteHandler:
    """A route whose placeholders Litestar reads."""
    surface, shown = surface_of(path), path.replace(":str", "")

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        await _exchange(scope, receive, send, handler, surface, shown)

    async def serve() -> ASGIApp:
        return respond

    return HTTPRouteHandler(path, http_method=_METHODS, status_code=200)(serve)


async def _exchange(scope: Scope, receive: Receive, send: Send, handler: Handler, surface: str, route: str) -> None:
    site: Site = scope["litestar_app"].state.site
    exchange = Exchange(site, scope, receive, send, surface)  # type: ignore[arg-type]  # ASGI's messages as plain mappings
    await _answer(exchange, handler, route)


async def _answer(exchange: Exchange, handler: Handler, route: str) -> None:
    if exchange.site.runtime.traces.are_told:
        await answer_told(exchange, handler, route)
    else:
        await answer(exchange, handler)


async def _refuse_framing(exchange: Exchange, fault: InvalidParameter) -> None:
    """Refuse a request that another program may understand otherwise, and whatever follows on its connection."""
    exchange.headers = ((b"connection", b"close"),)
    await refuse(exchange, fault)


def _answer_routing(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar found no handler for the address."""
    return _response(request, 404 if error.status_code in {404, 405} else error.status_code)


def _answer_crash(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault outside every handler."""
    log.error("routing_crashed", path=request.url.path, exc_info=error)
    return _response(request, 500)


def _response(request: Request[Any, Any, Any], status: int) -> Response[bytes]:
    runtime = request.app.state.site.runtime
    request_id = new_request_id(runtime.clock.now())
    error = InternalError() if status >= 500 else unknown_path()
    count_answer(runtime.metrics, request.scope, "none", status)
    runtime.metrics.count(Count.REFUSALS, error.code)
    body = encode(error_body(error, request_id))
    return Response(body, status_code=status, media_type="application/json", headers={"X-Request-Id": request_id})
