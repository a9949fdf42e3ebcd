"""Every parameter, defined once: its name on the wire, its type and limits, and how a value is read."""

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from spark_assets.domain.asset import ModerationStrategy
from spark_assets.domain.filter_values import read_asset_filter, read_group_filter, whole
from spark_assets.domain.group import GroupType
from spark_assets.domain.listing import DEFAULT_PAGE, LARGEST_PAGE, LARGEST_PAGE_NUMBER, SortBy, SortOrder
from spark_assets.domain.media import AssetType
from spark_assets.domain.parameter_values import (
    DESCRIPTION_LENGTH,
    EXTERNAL_ID_LENGTH,
    METADATA_BYTES,
    NAME_LENGTH,
    PLAIN,
    TAG_COUNT,
    TAG_LENGTH,
    TITLE,
    URL_LENGTH,
    choice,
    limited,
    or_none,
    read_metadata,
    read_moderation,
    read_opaque_id,
    read_tags,
    read_text,
    read_url,
    title,
)


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter: its name on the wire, the field it becomes, and how a value is read."""

    name: str
    field: str
    description: str
    read: Callable[[str, Any], Any]
    """Given the name and a value that is neither absent nor null: the value for the operation."""
    json_type: str = "string"
    example: Any = None
    default: Any = None
    choices: tuple[str, ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    """Characters of a text, of each text in an array; bytes as JSON of an object."""
    min_items: int | None = None
    max_items: int | None = None
    is_distinct: bool = False
    """Of an array."""
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    text_format: str | None = None
    """What a text, or each text in an array, looks like: a regular expression, and a format, both of JSON schema."""


def _choices(kind: type[Enum]) -> tuple[str, ...]:
    return tuple(member.value for member in kind)


NAME: Final = Parameter(
    name="Name",
    field="name",
    description="What people call it; counted as code points after NFC",
    read=title(NAME_LENGTH),
    example="hero",
    min_length=1,
    max_length=NAME_LENGTH,
    pattern=TITLE,
)
DESCRIPTION: Final = Parameter(
    name="Description",
    field="description",
    description="A longer text about the group",
    read=limited(DESCRIPTION_LENGTH),
    example="The main character",
    default="",
    max_length=DESCRIPTION_LENGTH,
    pattern=PLAIN,
)
GROUP_TYPE: Final = Parameter(
    name="GroupType",
    field="type",
    description="The kind of group",
    read=choice(GroupType),
    example="AIGC",
    choices=_choices(GroupType),
)
PROJECT_NAME: Final = Parameter(
    name="ProjectName",
    field="project",
    description="An existing project; without it the header X-Project, else the key's default project",
    read=read_text,
    example="default",
    default="default",
)
URL: Final = Parameter(
    name="URL",
    field="url",
    description="Where to fetch the media file from, by http or https",
    read=read_url,
    example="https://example.com/hero.jpg",
    max_length=URL_LENGTH,
    text_format="uri",
)
ASSET_TYPE: Final = Parameter(
    name="AssetType",
    field="type",
    description="The kind of media behind the URL",
    read=choice(AssetType),
    example="Image",
    choices=_choices(AssetType),
)
GROUP_ID: Final = Parameter(
    name="GroupId",
    field="group_id",
    description="The group the asset belongs to, from spark_asset_create_group",
    read=read_opaque_id,
    example="group-20260101120000-bcdfg",
)
ASSET_ID: Final = Parameter(
    name="Id",
    field="id",
    description="The asset's ID",
    read=read_opaque_id,
    example="asset-20260101120000-bcdfg",
)
MODERATION: Final = Parameter(
    name="Moderation",
    field="moderation",
    description="What to ask of the moderation hook; Skip needs the scope moderation:skip and is else treated as Default",
    read=read_moderation,
    json_type="object",
    example={"Strategy": "Default"},
    default={"Strategy": "Default"},
    choices=_choices(ModerationStrategy),
)
TAGS: Final = Parameter(
    name="Tags",
    field="tags",
    description=f"At most {TAG_COUNT} labels",
    read=read_tags,
    json_type="array",
    example=["night"],
    max_length=TAG_LENGTH,
    pattern=TITLE,
    max_items=TAG_COUNT,
)
EXTERNAL_ID: Final = Parameter(
    name="ExternalId",
    field="external_id",
    description="Your own ID for the asset, unique in its project",
    read=title(EXTERNAL_ID_LENGTH),
    example="shot-42",
    min_length=1,
    max_length=EXTERNAL_ID_LENGTH,
    pattern=TITLE,
)
NEW_EXTERNAL_ID: Final = replace(
    EXTERNAL_ID,
    description=f"{EXTERNAL_ID.description}; an empty one clears it",
    read=or_none(title(EXTERNAL_ID_LENGTH)),
    min_length=None,
    pattern=f"{TITLE}|^$",
)
CALLBACK_URL: Final = Parameter(
    name="callback_url",
    field="callback_url",
    description="Where to post the end of the task, by http or https, signed as webhooks are",
    read=read_url,
    example="https://example.com/hooks/spark?job=7",
    max_length=URL_LENGTH,
    text_format="uri",
)
METADATA: Final = Parameter(
    name="Metadata",
    field="metadata",
    description=f"A JSON object of yours, at most {METADATA_BYTES} bytes",
    read=read_metadata,
    json_type="object",
    example={"take": 3},
    max_length=METADATA_BYTES,
)
ANY_GROUP_ID: Final = Parameter(
    name="Id",
    field="id",
    description="The group's ID",
    read=read_opaque_id,
    example="group-20260101120000-bcdfg",
)
ASSET_FILTER: Final = Parameter(
    name="Filter",
    field="filter",
    description="Which assets: GroupIds, GroupType, Statuses, Name, AssetTypes, Tags, ExternalId, Sha256, CreatedAfter, CreatedBefore",
    read=read_asset_filter,
    json_type="object",
    example={"Statuses": ["Active"]},
)
GROUP_FILTER: Final = Parameter(
    name="Filter",
    field="filter",
    description="Which groups: GroupIds, GroupType, Name",
    read=read_group_filter,
    json_type="object",
    example={"Name": "hero"},
)
PAGE_NUMBER: Final = Parameter(
    name="PageNumber",
    field="page_number",
    description="Page mode: which page, from 1",
    read=whole(1, LARGEST_PAGE_NUMBER),
    json_type="integer",
    example=1,
    minimum=1,
    maximum=LARGEST_PAGE_NUMBER,
)
PAGE_SIZE: Final = Parameter(
    name="PageSize",
    field="page_size",
    description=f"Page mode: items of a page, at most {LARGEST_PAGE}",
    read=whole(1, LARGEST_PAGE),
    json_type="integer",
    example=10,
    default=DEFAULT_PAGE,
    minimum=1,
    maximum=LARGEST_PAGE,
)
MAX_RESULTS: Final = Parameter(
    name="MaxResults",
    field="max_results",
    description=f"Cursor mode: items at once, at most {LARGEST_PAGE}",
    read=whole(1, LARGEST_PAGE),
    json_type="integer",
    example=10,
    default=DEFAULT_PAGE,
    minimum=1,
    maximum=LARGEST_PAGE,
)
NEXT_TOKEN: Final = Parameter(
    name="NextToken",
    field="next_token",
    description="Cursor mode: where the last answer ended; without it, from the beginning",
    read=read_text,
)
ASSET_SORT_BY: Final = Parameter(
    name="SortBy",
    field="sort_by",
    description="What to sort by",
    read=choice(SortBy),
    example="CreateTime",
    default="CreateTime",
    choices=_choices(SortBy),
)
GROUP_SORT_BY: Final = Parameter(
    name="SortBy",
    field="sort_by",
    description="What to sort by",
    read=choice(SortBy, without=(SortBy.GROUP_ID,)),
    example="CreateTime",
    default="CreateTime",
    choices=("CreateTime", "UpdateTime"),
)
SORT_ORDER: Final = Parameter(
    name="SortOrder",
    field="sort_order",
    description="Which end comes first",
    read=choice(SortOrder),
    example="Desc",
    default="Desc",
    choices=_choices(SortOrder),
)
