"""Our own REST surface, whole: every endpoint, and the handler of each path."""

from collections import defaultdict
from typing import Final

from spark_assets.web.admin import (
    assets,
    audit,
    bulk,
    erasures,
    events,
    groups,
    keys,
    links,
    projects,
    quotas,
    shares,
    tasks,
    usage,
    webhooks,
)
from spark_assets.web.admin.endpoint import Endpoint, route
from spark_assets.web.error_responses import Handler
from spark_assets.web.uploads import endpoints as uploads

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *projects.ENDPOINTS,
    *groups.ENDPOINTS,
    *assets.ENDPOINTS,
    *bulk.ENDPOINTS,
    *links.ENDPOINTS,
    *shares.ENDPOINTS,
    *tasks.ENDPOINTS,
    *uploads.ENDPOINTS,
    *events.ENDPOINTS,
    *usage.ENDPOINTS,
    *keys.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *quotas.ENDPOINTS,
    *erasures.ENDPOINTS,
    *audit.ENDPOINTS,
)


def _routes() -> dict[str, Handler]:
    by_path: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in ENDPOINTS:
        by_path[endpoint.path].append(endpoint)
    return {path.replace("}", ":str}"): route(endpoints) for path, endpoints in by_path.items()}


OWN_ROUTES: Final = _routes()
"""By path, with the router's placeholders."""
