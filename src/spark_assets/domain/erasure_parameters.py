"""The parameters of erasures and of the audit trail on our own REST surface."""

from typing import Any, Final

from msgspec.structs import replace

from spark_assets.domain import own_parameters as own
from spark_assets.domain.erasure import MOST_ASSETS
from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameter_values import TAG_LENGTH, TITLE, read_text, title


def read_asset_ids(name: str, value: Any) -> tuple[str, ...]:
    """An array of IDs; repeated ones count once."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_ASSETS:
        raise InvalidParameter(name, f"{name} must be an array of 1 to {MOST_ASSETS} asset IDs")
    return tuple(dict.fromkeys(read_text(name, item) for item in value))


ASSET_IDS: Final = Parameter(
    name="asset_ids",
    field="asset_ids",
    description="The assets to erase, living or in the trash, of any project that the key may use",
    read=read_asset_ids,
    json_type="array",
    example=["asset-20260101120000-bcdfg"],
    min_items=1,
    max_items=MOST_ASSETS,
)
ERASED_GROUP: Final = replace(
    own.GROUP_ID, description="The group to erase with all its assets, living or in the trash, of any project that the key may use"
)
ERASED_PROJECT: Final = replace(
    own.PROJECT, description="The project to empty, by its ID or its name; beside `tag`, the project in which the tag counts", default=None
)
ERASED_TAG: Final = Parameter(
    name="tag",
    field="tag",
    description="Erase the assets of a project that bear this tag; without `project`, of the key's default project",
    read=title(TAG_LENGTH),
    example="night",
    max_length=TAG_LENGTH,
    pattern=TITLE,
)
DRY_RUN: Final = Parameter(
    name="dry_run",
    field="dry_run",
    description="true: say what would go, and remove nothing",
    read=own.read_flag,
    json_type="boolean",
    example=True,
    default=False,
)
AUDIT_PROJECT: Final = replace(own.PROJECT, description="Entries of this project, by its ID or its name", default=None)
AUDIT_ACTION: Final = Parameter(
    name="action",
    field="action",
    description="Entries of this action",
    read=read_text,
    example="assets.erased",
)
AUDIT_SUBJECT: Final = Parameter(
    name="subject",
    field="subject",
    description="Entries about the asset, the group, or whatever else has this ID",
    read=read_text,
    example="asset-20260101120000-bcdfg",
)
AUDIT_FORMAT: Final = Parameter(
    name="format",
    field="as_lines",
    description="jsonl: all entries, oldest first, a line of JSON each, for the scope admin; `Accept: application/x-ndjson` does the same",
    read=own.named({"json": False, "jsonl": True}),
    example="json",
    default="json",
    choices=("json", "jsonl"),
)
