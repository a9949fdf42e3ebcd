"""Under which surface the requests of each route are counted."""

from collections import defaultdict

from spark_assets.metrics.definitions import SURFACES
from spark_assets.web.app import ROUTES
from spark_assets.web.counted import WATCH, surface_of


def test_every_route_belongs_to_the_surface_that_it_is_part_of() -> None:
    found = defaultdict(set)
    for route in ("/", "/model/v1/generation", "/model/v1/generation/task", *ROUTES):
        found[surface_of(route)].add("/".join(route.split("/")[:2]))
    assert found == {
        "action": {"/", "/open", "/volc"},
        "task": {"/model"},
        "catalogue": {"/model", "/api"},
        "billing": {"/monitor"},
        "media": {"/media", "/s"},
        "rest": {"/v1"},
        "upload": {"/v1"},
        "console": {"/console"},
        "docs": {"/docs", "/openapi.json"},
        "metrics": {"/metrics"},
        "health": {"/healthz", "/readyz"},
    }
    assert {*found, WATCH, "none"} == set(SURFACES)
