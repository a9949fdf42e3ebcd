"""The parameters of keys on our own REST surface."""

from typing import Final

from msgspec.structs import replace

from spark_assets.domain.api_key import DEFAULT_SCOPES, Scope
from spark_assets.domain.array_values import any_number_of, several
from spark_assets.domain.filter_values import ASSET_KEYS, whole
from spark_assets.domain.own_parameters import NAME
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameter_values import choice, read_text

LONGEST_GRACE: Final = 7 * 86_400
"""Seconds that a key may go on working beside the one that replaced it."""
_MOST_PROJECTS: Final = 100
_, _read_time = ASSET_KEYS["CreatedAfter"]

KEY_NAME: Final = replace(NAME, description="What the key is for", example="laptop")
SCOPES: Final = Parameter(
    name="scopes",
    field="scopes",
    description="What the key may do",
    read=several(choice(Scope), len(Scope)),
    json_type="array",
    example=["assets:read"],
    default=sorted(scope.value for scope in DEFAULT_SCOPES),
    choices=tuple(scope.value for scope in Scope),
    min_items=1,
    max_items=len(Scope),
)
PROJECTS: Final = Parameter(
    name="projects",
    field="projects",
    description="Names of the projects that the key may use; all of them without any, which a key limited to some cannot ask for",
    read=any_number_of(read_text, _MOST_PROJECTS),
    json_type="array",
    example=["default"],
    max_items=_MOST_PROJECTS,
)
EXPIRES_AT: Final = Parameter(
    name="expires_at",
    field="expires_at",
    description="When it ends (RFC 3339), within a hundred years; without it, never",
    read=_read_time,
    example="2099-12-31T23:59:59Z",
    text_format="date-time",
)
GRACE_SECONDS: Final = Parameter(
    name="grace_seconds",
    field="grace",
    description="Seconds that the old key goes on working, at most 7 days; without any it ends at once",
    read=whole(0, LONGEST_GRACE),
    json_type="integer",
    example=3600,
    default=0,
    minimum=0,
    maximum=LONGEST_GRACE,
)
