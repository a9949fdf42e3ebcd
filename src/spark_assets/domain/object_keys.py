"""What the parameters that are objects hold, described as parameters are."""

from typing import Any, Final

from spark_assets.domain.asset import AssetStatus, ModerationStrategy
from spark_assets.domain.filter_values import ASSET_KEYS, ID_LENGTH, MOST_CHOICES
from spark_assets.domain.group import GroupType
from spark_assets.domain.listing import LIVENESS_GROUPS, MOST_GROUPS
from spark_assets.domain.media import AssetType
from spark_assets.domain.parameter import ASSET_FILTER, GROUP_FILTER, MODERATION, Parameter
from spark_assets.domain.parameter_values import EXTERNAL_ID_LENGTH, NAME_LENGTH, PLAIN, TAG_COUNT, TAG_LENGTH, read_text

_SHA256_LENGTH: Final = 64
_ID: Final = {"max_length": ID_LENGTH, "pattern": PLAIN}


def keys_of(parameter: Parameter) -> tuple[Parameter, ...]:
    """The keys of an object, which are all optional; none where any are taken, and for what is no object."""
    if parameter is ASSET_FILTER:
        return ASSET_FILTER_KEYS
    if parameter is GROUP_FILTER:
        return GROUP_FILTER_KEYS
    return (_STRATEGY,) if parameter is MODERATION else ()


def _key(name: str, description: str, **details: Any) -> Parameter:
    field, read = ASSET_KEYS[name]
    return Parameter(name=name, field=field, description=description, read=read, **details)


_STRATEGY: Final = Parameter(
    name="Strategy",
    field="strategy",
    description="What to ask of the moderation hook",
    read=read_text,
    example=ModerationStrategy.DEFAULT.value,
    default=ModerationStrategy.DEFAULT.value,
    choices=tuple(strategy.value for strategy in ModerationStrategy),
)
GROUP_FILTER_KEYS: Final = (
    _key("GroupIds", "Only these groups", json_type="array", example=["group-20260101120000-bcdfg"], max_items=MOST_GROUPS, **_ID),
    _key("GroupType", "The kind of group", example="AIGC", default="AIGC", choices=(GroupType.AIGC.value, LIVENESS_GROUPS)),
    _key("Name", "A part of the name, in any case", example="hero", max_length=NAME_LENGTH, pattern=PLAIN),
)
ASSET_FILTER_KEYS: Final = (
    *GROUP_FILTER_KEYS,
    _key(
        "Statuses",
        f"Only assets in these states: {', '.join(status.value for status in AssetStatus)}",
        json_type="array",
        example=["Active"],
        max_items=MOST_CHOICES,
        choices=tuple(status.value for status in AssetStatus),
    ),
    _key(
        "AssetTypes",
        f"Only these kinds of media: {', '.join(kind.value for kind in AssetType)}",
        json_type="array",
        example=["Image"],
        max_items=MOST_CHOICES,
        choices=tuple(kind.value for kind in AssetType),
    ),
    _key(
        "Tags",
        "Assets that have all of these labels",
        json_type="array",
        example=["night"],
        max_items=TAG_COUNT,
        max_length=TAG_LENGTH,
        pattern=PLAIN,
    ),
    _key("ExternalId", "The asset with this ID of yours", example="shot-42", max_length=EXTERNAL_ID_LENGTH, pattern=PLAIN),
    _key("Sha256", "Assets of exactly these bytes", example="0" * _SHA256_LENGTH, max_length=_SHA256_LENGTH, pattern="^[0-9A-Fa-f]{64}$"),
    _key("CreatedAfter", "Assets made after this moment", example="2026-01-31T12:00:00Z", text_format="date-time"),
    _key("CreatedBefore", "Assets made before this moment", example="2026-01-31T12:00:00Z", text_format="date-time"),
)
