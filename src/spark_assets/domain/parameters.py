"""Every operation under its two names, with its parameters: where each is required is said here, and nowhere else.

The dialects, the catalogue and the reference pages all read these definitions, so they cannot disagree. Reading a value
returns it in the form operations use, or raises MissingParameter / InvalidParameter with the parameter's name.
"""

from collections.abc import Container, Mapping
from typing import Any, Final

import msgspec

from spark_assets.domain.errors import InvalidParameter, MissingParameter
from spark_assets.domain.parameter import (
    ANY_GROUP_ID,
    ASSET_FILTER,
    ASSET_ID,
    ASSET_SORT_BY,
    ASSET_TYPE,
    CALLBACK_URL,
    DESCRIPTION,
    EXTERNAL_ID,
    GROUP_FILTER,
    GROUP_ID,
    GROUP_SORT_BY,
    GROUP_TYPE,
    MAX_RESULTS,
    METADATA,
    MODERATION,
    NAME,
    NEW_EXTERNAL_ID,
    NEXT_TOKEN,
    PAGE_NUMBER,
    PAGE_SIZE,
    PROJECT_NAME,
    SORT_ORDER,
    TAGS,
    URL,
    Parameter,
)


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One verb of the API under its two names, with its parameters."""

    model: str
    action: str
    summary: str
    required: tuple[Parameter, ...]
    optional: tuple[Parameter, ...] = ()
    is_reading: bool = False
    """Whether it changes nothing: its tasks are soon forgotten."""
    is_creating: bool = False
    """Whether it makes something new: a client may give it an idempotency key."""

    def read(self, given: Mapping[str, Any], *, waived: Container[str] = ()) -> dict[str, Any]:
        """The values by field; absent optional ones are left out. `waived`: required ones that may be absent or empty.

        Raises MissingParameter for a required one that is absent, null or empty, InvalidParameter for an unusable value
        and for a key that differs from a parameter's name only in case. Other unknown keys are ignored.
        """
        values: dict[str, Any] = {}
        seen = 0
        for parameter in self.required:
            value = given.get(parameter.name)
            if value is None or value == "":
                if parameter.name in waived:
                    continue
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


_PAGING: Final = (PAGE_NUMBER, PAGE_SIZE, MAX_RESULTS, NEXT_TOKEN)

CREATE_GROUP: Final = Operation(
    model="spark_asset_create_group",
    action="CreateAssetGroup",
    summary="Create a group of assets",
    required=(NAME, GROUP_TYPE),
    optional=(PROJECT_NAME, DESCRIPTION),
    is_creating=True,
)
CREATE_ASSET: Final = Operation(
    model="spark_asset_create",
    action="CreateAsset",
    summary="Register an image, a video or an audio file by URL",
    required=(NAME, URL, ASSET_TYPE, GROUP_ID),
    optional=(PROJECT_NAME, MODERATION, TAGS, EXTERNAL_ID, METADATA, CALLBACK_URL),
    is_creating=True,
)
GET_ASSET: Final = Operation(
    model="spark_asset_get",
    action="GetAsset",
    summary="The state of an asset and a signed address of its bytes",
    required=(ASSET_ID,),
    optional=(PROJECT_NAME,),
    is_reading=True,
)
GET_GROUP: Final = Operation(
    model="spark_asset_get_group",
    action="GetAssetGroup",
    summary="A group",
    required=(ANY_GROUP_ID,),
    optional=(PROJECT_NAME,),
    is_reading=True,
)
LIST_ASSETS: Final = Operation(
    model="spark_asset_list",
    action="ListAssets",
    summary="The assets of a project that a filter selects",
    required=(ASSET_FILTER,),
    optional=(*_PAGING, ASSET_SORT_BY, SORT_ORDER, PROJECT_NAME),
    is_reading=True,
)
LIST_GROUPS: Final = Operation(
    model="spark_asset_list_groups",
    action="ListAssetGroups",
    summary="The groups of a project that a filter selects",
    required=(GROUP_FILTER,),
    optional=(*_PAGING, GROUP_SORT_BY, SORT_ORDER, PROJECT_NAME),
    is_reading=True,
)
UPDATE_ASSET: Final = Operation(
    model="spark_asset_update",
    action="UpdateAsset",
    summary="Rename an asset, describe it anew, or move it to another group",
    required=(ASSET_ID,),
    optional=(NAME, TAGS, NEW_EXTERNAL_ID, METADATA, GROUP_ID, PROJECT_NAME),
)
UPDATE_GROUP: Final = Operation(
    model="spark_asset_update_group",
    action="UpdateAssetGroup",
    summary="Rename a group or describe it anew",
    required=(ANY_GROUP_ID,),
    optional=(NAME, DESCRIPTION, PROJECT_NAME),
)
DELETE_ASSET: Final = Operation(
    model="spark_asset_delete",
    action="DeleteAsset",
    summary="Delete an asset; its links end at once",
    required=(ASSET_ID,),
    optional=(PROJECT_NAME,),
)
DELETE_GROUP: Final = Operation(
    model="spark_asset_delete_group",
    action="DeleteAssetGroup",
    summary="Delete a group with all its assets",
    required=(ANY_GROUP_ID,),
    optional=(PROJECT_NAME,),
)
OPERATIONS: Final = {
    operation.model: operation
    for operation in (
        CREATE_GROUP,
        CREATE_ASSET,
        GET_ASSET,
        GET_GROUP,
        LIST_ASSETS,
        LIST_GROUPS,
        UPDATE_ASSET,
        UPDATE_GROUP,
        DELETE_ASSET,
        DELETE_GROUP,
    )
}
ACTIONS: Final = {operation.action: operation for operation in OPERATIONS.values()}
