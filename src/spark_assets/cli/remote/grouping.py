"""Groups as people name them: by ID, or by a name that only one group has."""

import re
from typing import TYPE_CHECKING, Final

from spark_assets.cli.output import NOT_FOUND, USAGE, fail

if TYPE_CHECKING:
    from spark_assets.client import Client

_ID: Final = re.compile(r"group-\d{14}-\w{5}")
_SHOWN: Final = 5


def find_group(client: "Client", wanted: str, project: str | None) -> str:
    """The ID of a group that is there. Ends the command if there is none, or several."""
    found = _find(client, wanted, project)
    if found is None:
        fail(f"there is no group '{wanted}'; 'spark-assets groups list' shows those there are", NOT_FOUND)
    return found


def find_or_make_group(client: "Client", wanted: str, project: str | None, *, create: bool, dry_run: bool) -> str | None:
    """The same; with `create`, one that is named and not there is made. None if it would be, were this no dry run."""
    found = _find(client, wanted, project)
    if found is not None:
        return found
    if not create:
        fail(f"there is no group '{wanted}'; --create-group makes it, and so does 'spark-assets groups create NAME'", NOT_FOUND)
    return None if dry_run else client.groups.create(wanted, project=project).id


def find_deleted_group(client: "Client", wanted: str, project: str | None) -> str:
    """The ID of a group in the trash, whether it is named by that or by its name. Ends the command if there is none, or several."""
    found = wanted if _ID.fullmatch(wanted) else _by_name(client, wanted, project, deleted=True)
    if found is None:
        fail(f"there is no group '{wanted}' in the trash; 'spark-assets groups list --deleted' shows those there are", NOT_FOUND)
    return found


def _find(client: "Client", wanted: str, project: str | None) -> str | None:
    return client.groups.get(wanted).id if _ID.fullmatch(wanted) else _by_name(client, wanted, project)


def _by_name(client: "Client", wanted: str, project: str | None, *, deleted: bool = False) -> str | None:
    found = [group.id for group in client.groups.list(name=wanted, project=project, deleted=deleted) if group.name == wanted]
    if len(found) > 1:
        fail(f"{len(found)} groups are called '{wanted}': name one by its ID: {', '.join(found[:_SHOWN])}", USAGE)
    return found[0] if found else None
