"""The parameters of our own REST surface: the definitions of the dialects under names in snake_case, and what only this surface has.

Values of the query arrive as text, and repeated ones as an array of texts; those of a body as JSON.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from msgspec.structs import replace

from spark_assets.domain import parameter as shared
from spark_assets.domain.asset import AssetStatus, ModerationStrategy
from spark_assets.domain.errors import InvalidParameter, MissingParameter
from spark_assets.domain.filter_values import ASSET_KEYS
from spark_assets.domain.listing import DEFAULT_PAGE, LARGEST_PAGE, SortBy, SortOrder
from spark_assets.domain.media import AssetType
from spark_assets.domain.object_keys import ASSET_FILTER_KEYS
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameter_values import choice, read_text
from spark_assets.domain.parameters import OPERATIONS
from spark_assets.domain.project import NAME_PATTERN, check_project_name
from spark_assets.domain.task import LONGEST_WAIT, TaskStatus


def own(parameter: Parameter, **changes: Any) -> Parameter:
    """The same parameter under its name here, which is the field it becomes."""
    return replace(parameter, **{"name": parameter.field, **changes})


def read_values(
    given: Mapping[str, Any], required: Sequence[Parameter], optional: Sequence[Parameter], clearing: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The values by field. Absent optional ones are left out; null is absent, but where `clearing` says what it stands for.

    Raises MissingParameter, and InvalidParameter for an unusable value and for a name that is not known here.
    """
    known = {parameter.name: parameter for parameter in (*required, *optional)}
    _refuse_unknown(given, known)
    for parameter in required:
        if given.get(parameter.name) in (None, "", []):
            raise MissingParameter(parameter.name)
    values = {}
    for name, value in given.items():
        if value is not None:
            values[known[name].field] = known[name].read(name, value)
        elif clearing is not None and name in clearing:
            values[known[name].field] = clearing[name]
    return values


def _refuse_unknown(given: Mapping[str, Any], known: Container[str] | Mapping[str, Any]) -> None:
    for name in given:
        if name not in known:
            shown = ", ".join(known) if isinstance(known, Mapping) else ""
            raise InvalidParameter(name[:64], f"there is no such parameter here; there are: {shown or 'none'}")


def read_flag(name: str, value: Any) -> bool:
    """`true` or `false`, as JSON or as text."""
    found = {True: True, False: False, "true": True, "false": False}.get(value) if isinstance(value, (bool, str)) else None
    if found is None:
        raise InvalidParameter(name, f"{name} must be true or false")
    return found


def whole_text(low: int, high: int) -> Callable[[str, Any], int]:
    """A whole number written in decimal digits."""

    def read(name: str, value: Any) -> int:
        text = read_text(name, value)
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high):
            raise InvalidParameter(name, f"{name} must be a whole number from {low} to {high}")
        return int(text)

    return read


def each_of(members: Mapping[str, Any]) -> Callable[[str, Any], tuple[Any, ...]]:
    """Several of the members, by the names they have on this surface."""
    read_one = named(members)
    return lambda name, value: tuple(dict.fromkeys(read_one(name, item) for item in value))


def named(members: Mapping[str, Any]) -> Callable[[str, Any], Any]:
    """One of the members, by the name it has on this surface."""

    def read(name: str, value: Any) -> Any:
        member = members.get(read_text(name, value))
        if member is None:
            raise InvalidParameter(name, f"{name} must be one of {', '.join(members)}")
        return member

    return read


def _filter(name: str, key: str, description: str, example: str, choices: type[Enum] | None = None) -> Parameter:
    """A selection by the key of the dialects' `Filter`; those that take several values may be repeated in the query."""
    field, read = ASSET_KEYS[key]
    known = _KEYS[key]
    is_repeated = field.endswith("s")
    return Parameter(
        name=name,
        field=field,
        description=f"{description}; may be repeated" if is_repeated else description,
        read=read,
        json_type="array" if is_repeated else "string",
        example=[example] if is_repeated else example,
        choices=() if choices is None else tuple(member.value for member in choices),
        max_length=known.max_length,
        max_items=known.max_items,
        pattern=known.pattern,
        text_format=known.text_format,
    )


_KEYS: Final = {key.name: key for key in ASSET_FILTER_KEYS}
_SORTS: Final = {"created_at": SortBy.CREATE_TIME, "updated_at": SortBy.UPDATE_TIME, "group_id": SortBy.GROUP_ID}
_ORDERS: Final = {"asc": SortOrder.ASCENDING, "desc": SortOrder.DESCENDING}

NAME: Final = own(shared.NAME)
DESCRIPTION: Final = own(shared.DESCRIPTION)
PROJECT: Final = own(shared.PROJECT_NAME)
URL: Final = own(shared.URL)
ASSET_TYPE: Final = own(shared.ASSET_TYPE)
GROUP_TYPE: Final = own(shared.GROUP_TYPE, default="AIGC")
GROUP_ID: Final = own(shared.GROUP_ID, description="The group the asset belongs to")
TAGS: Final = own(shared.TAGS)
EXTERNAL_ID: Final = own(shared.EXTERNAL_ID)
METADATA: Final = own(shared.METADATA)
CALLBACK_URL: Final = own(shared.CALLBACK_URL)
MODERATION: Final = Parameter(
    name="moderation",
    field="moderation",
    description=shared.MODERATION.description,
    read=choice(ModerationStrategy),
    example="Default",
    default="Default",
    choices=tuple(strategy.value for strategy in ModerationStrategy),
)
PROJECT_NAME: Final = Parameter(
    name="name",
    field="name",
    description="1 to 64 letters, digits, dots, underscores or hyphens; it begins with a letter or a digit",
    read=lambda name, value: check_project_name(read_text(name, value), name),
    example="film",
    min_length=1,
    max_length=64,
    pattern=NAME_PATTERN,
)

LIMIT: Final = Parameter(
    name="limit",
    field="max_results",
    description="How many items at once",
    read=whole_text(1, LARGEST_PAGE),
    json_type="integer",
    example=20,
    default=DEFAULT_PAGE,
    minimum=1,
    maximum=LARGEST_PAGE,
)
CURSOR: Final = Parameter(
    name="cursor",
    field="next_token",
    description="Where the last answer ended: its `next_cursor`; without it, from the beginning",
    read=read_text,
)
SORT: Final = Parameter(
    name="sort",
    field="sort_by",
    description="What to sort by",
    read=named(_SORTS),
    example="created_at",
    default="created_at",
    choices=tuple(_SORTS),
)
GROUP_SORT: Final = replace(
    SORT, read=named({name: by for name, by in _SORTS.items() if by is not SortBy.GROUP_ID}), choices=("created_at", "updated_at")
)
ORDER: Final = Parameter(
    name="order",
    field="sort_order",
    description="Which end comes first",
    read=named(_ORDERS),
    example="desc",
    default="desc",
    choices=tuple(_ORDERS),
)
PART: Final = (LIMIT, CURSOR, ORDER)
"""Which part of a list that is sorted by creation alone."""

IN_TRASH: Final = Parameter(
    name="deleted",
    field="in_trash",
    description="true: what is in the trash and can be restored, instead of what is there",
    read=read_flag,
    json_type="boolean",
    example=False,
    default=False,
)
GROUP_FILTERS: Final = (
    _filter("id", "GroupIds", "Groups with these IDs", "group-20260101120000-bcdfg"),
    _filter("name", "Name", "A part of the name, in any case", "hero"),
    IN_TRASH,
)
ASSET_FILTERS: Final = (
    replace(_filter("id", "GroupIds", "Assets with these IDs", "asset-20260101120000-bcdfg"), field="asset_ids"),
    _filter("group_id", "GroupIds", "Assets of these groups", "group-20260101120000-bcdfg"),
    _filter("status", "Statuses", "Assets in these states", "Active", AssetStatus),
    _filter("type", "AssetTypes", "Assets of these types", "Image", AssetType),
    _filter("name", "Name", "A part of the name, in any case", "hero"),
    _filter("tag", "Tags", "Assets that have all of these tags", "night"),
    _filter("external_id", "ExternalId", "The asset with this external ID", "shot-42"),
    _filter("sha256", "Sha256", "Assets with these bytes; where no project is named, in all that the key may use", "0" * 64),
    _filter("created_after", "CreatedAfter", "Assets made after this time", "2026-01-31T12:00:00Z"),
    _filter("created_before", "CreatedBefore", "Assets made before this time", "2026-01-31T12:00:00Z"),
    IN_TRASH,
)

TASK_STATUS: Final = Parameter(
    name="status",
    field="statuses",
    description="Tasks in these states; may be repeated",
    read=each_of({status.value: status for status in TaskStatus}),
    json_type="array",
    example=["in_progress"],
    choices=tuple(status.value for status in TaskStatus),
)
TASK_MODEL: Final = Parameter(
    name="model",
    field="models",
    description="Tasks of these models; may be repeated",
    read=each_of({model: model for model in OPERATIONS}),
    json_type="array",
    example=["spark_asset_create"],
    choices=tuple(OPERATIONS),
)
RETRY_URL: Final = own(
    shared.URL,
    description="Where the file is now, or the file as a data: URI; without it, the address that was given before, kept for 24 hours",
)
TASK_ASSET: Final = own(shared.ASSET_ID, name="asset_id", field="asset_id", description="Tasks of this asset")
WAIT: Final = Parameter(
    name="wait",
    field="wait",
    description="Seconds to wait for the task to end before it is answered as it is",
    read=whole_text(0, LONGEST_WAIT),
    json_type="integer",
    example=30,
    default=0,
    minimum=0,
    maximum=LONGEST_WAIT,
)
