"""The parameters of a change to many assets on our own REST surface."""

from typing import Final

from msgspec.structs import replace

from spark_assets.domain.array_values import several
from spark_assets.domain.bulk import MOST_ASSETS, BulkAction
from spark_assets.domain.filter_values import ID_LENGTH
from spark_assets.domain.own_parameters import GROUP_ID, TAGS, read_flag
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameter_values import PLAIN, choice, limited

ACTION: Final = Parameter(
    name="action",
    field="action",
    description="What to do with each asset: move it to the group, add the tags, take them off, put it into the trash, take it out",
    read=choice(BulkAction),
    example="tag",
    choices=tuple(action.value for action in BulkAction),
)
IDS: Final = Parameter(
    name="ids",
    field="ids",
    description=f"At most {MOST_ASSETS} IDs of assets, each of them once",
    read=several(limited(ID_LENGTH), MOST_ASSETS, distinct=True),
    json_type="array",
    example=["asset-20260101120000-bcdfg"],
    max_length=ID_LENGTH,
    pattern=PLAIN,
    max_items=MOST_ASSETS,
    is_distinct=True,
)
MOVE_TO: Final = replace(GROUP_ID, description="With move, the group that the assets go to")
CHANGED_TAGS: Final = replace(TAGS, description="With tag and untag, the labels to add or to take off")
DRY_RUN: Final = Parameter(
    name="dry_run",
    field="dry_run",
    description="true: answer what would become of each asset, and change nothing",
    read=read_flag,
    json_type="boolean",
    example=True,
    default=False,
)
