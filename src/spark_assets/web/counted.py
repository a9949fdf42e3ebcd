"""How requests are counted: by surface, method and class of the status, with the seconds until the answer begins."""

from time import perf_counter
from typing import Any, Final

from spark_assets.ports.metrics import Measure, Metrics

WATCH: Final = "watch"
"""The surface of requests that are held back on purpose, until something happens."""
_BEGAN: Final = "spark_assets.began"
_SURFACES: Final = (
    ("/model/v1/generation", "task"), ("/open/", "action"), ("/volc/", "action"), ("/model/v1/models", "catalogue"), ("/api", "catalogue"),
    ("/monitor", "billing"), ("/media", "media"), ("/s/", "media"), ("/v1/uploads", "upload"), ("/v1/batches", "upload"), ("/v1", "rest"),
    ("/console", "console"), ("/docs", "docs"), ("/openapi.json", "docs"), ("/metrics", "metrics"), ("/healthz", "health"),
    ("/readyz", "health"), ("/", "action"),
)  # fmt: skip
"""A request belongs to the first of these that its route begins with."""
_CLASSES: Final = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")


def surface_of(route: str) -> str:
    """Under which surface the requests of a route are counted."""
    return next(surface for begin, surface in _SURFACES if route.startswith(begin))


def note_arrival(scope: Any) -> None:
    """The request has arrived."""
    scope[_BEGAN] = perf_counter()


def count_answer(metrics: Metrics, scope: Any, surface: str, status: int) -> None:
    """Its answer begins."""
    now = perf_counter()
    metrics.observe(Measure.REQUESTS, now - scope.get(_BEGAN, now), surface, scope["method"], _CLASSES[status // 100])
