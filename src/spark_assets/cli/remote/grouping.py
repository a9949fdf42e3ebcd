"""Groups as people name them: by ID, or by a name that only one group has."""

import re
from typing import TYPE_CHECKING, Final

from spark_assets.cli.output import NOT_FOUND, USAGE, fail

if TYPE_CHECKING:
    from spark_assets.client import Client

_ID: Final = re.compile(r"group-\d{14}-\w{5}")
_SHOWN: Final = 5


def find_group(client: "Client", wanted: str, project: str | None, *, create: bool = False) -> str:
    """The ID of a group that is there. One that is named and not there is made with `create`, else the command ends."""
    if _ID.fullmatch(wanted):
        return client.groups.get(wanted).id
    found = [group.id for group in client.groups.list(name=wanted, project=project) if group.name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        fail(f"{len(found)} groups are called '{wanted}': name one by its ID: {', '.join(found[:_SHOWN])}", USAGE)
    if not create:
        fail(f"there is no group '{wanted}'; 'spark-assets groups create NAME' makes one, and so does --create-group", NOT_FOUND)
    return client.groups.create(wanted, project=project).id
