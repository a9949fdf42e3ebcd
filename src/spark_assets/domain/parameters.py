"""Every parameter of every operation, defined once: name, type, limits, where it is required.

The dialects, the catalogue and the reference pages all read these definitions, so they cannot disagree. Reading a value
returns it in the form operations use, or raises MissingParameter / InvalidParameter with the parameter's name.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

import msgspec

from spark_assets.domain.asset import ModerationStrategy
from spark_assets.domain.errors import InvalidParameter, MissingParameter
from spark_assets.domain.group import GroupType
from spark_assets.domain.media import AssetType
from spark_assets.domain.parameter_values import (
    DESCRIPTION_LENGTH,
    EXTERNAL_ID_LENGTH,
    METADATA_BYTES,
    NAME_LENGTH,
    TAG_COUNT,
    TAG_LENGTH,
    URL_LENGTH,
    choice,
    limited,
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
    max_length: int | None = None


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One verb of the API under its two names, with its parameters."""

    model: str
    action: str
    summary: str
    required: tuple[Parameter, ...]
    optional: tuple[Parameter, ...] = ()

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values by field; absent optional ones are left out.

        Raises MissingParameter for a required one that is absent, null or empty, InvalidParameter for an unusable value
        and for a key that differs from a parameter's name only in case. Other unknown keys are ignored.
        """
        values: dict[str, Any] = {}
        seen = 0
        for parameter in self.required:
            value = given.get(parameter.name)
            if value is None or value == "":
                self._refuse_other_spelling(given)
                raise MissingParameter(parameter.name)
            seen += 1
            values[parameter.field] = parameter.read(parameter.name, value)
        for parameter in self.optional:
            value = given.get(parameter.name)
            if value is not None:
                seen += 1
                values[parameter.field] = parameter.read(parameter.name, value)
        if seen != len(given):
            self._refuse_other_spelling(given)
        return values

    def _refuse_other_spelling(self, given: Mapping[str, Any]) -> None:
        names = {parameter.name.casefold(): parameter.name for parameter in self.required + self.optional}
        for key in given:
            name = names.get(key.casefold())
            if name is not None and key != name:
                raise InvalidParameter(name, f"the parameter is spelled {name}, not {key}")


def _choices(kind: type[Enum]) -> tuple[str, ...]:
    return tuple(member.value for member in kind)


NAME: Final = Parameter(
    name="Name",
    field="name",
    description="What people call it; counted as code points after NFC",
    read=title(NAME_LENGTH),
    example="hero",
    max_length=NAME_LENGTH,
)
DESCRIPTION: Final = Parameter(
    name="Description",
    field="description",
    description="A longer text about the group",
    read=limited(DESCRIPTION_LENGTH),
    example="The main character",
    default="",
    max_length=DESCRIPTION_LENGTH,
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
)
EXTERNAL_ID: Final = Parameter(
    name="ExternalId",
    field="external_id",
    description="Your own ID for the asset, unique in its project",
    read=title(EXTERNAL_ID_LENGTH),
    example="shot-42",
    max_length=EXTERNAL_ID_LENGTH,
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

CREATE_GROUP: Final = Operation(
    model="spark_asset_create_group",
    action="CreateAssetGroup",
    summary="Create a group of assets",
    required=(NAME, GROUP_TYPE),
    optional=(PROJECT_NAME, DESCRIPTION),
)
CREATE_ASSET: Final = Operation(
    model="spark_asset_create",
    action="CreateAsset",
    summary="Register an image, a video or an audio file by URL",
    required=(NAME, URL, ASSET_TYPE, GROUP_ID),
    optional=(PROJECT_NAME, MODERATION, TAGS, EXTERNAL_ID, METADATA),
)
GET_ASSET: Final = Operation(
    model="spark_asset_get",
    action="GetAsset",
    summary="The state of an asset and a signed address of its bytes",
    required=(ASSET_ID,),
    optional=(PROJECT_NAME,),
)
OPERATIONS: Final = {operation.model: operation for operation in (CREATE_GROUP, CREATE_ASSET, GET_ASSET)}
