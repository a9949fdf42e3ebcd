"""`spark-assets projects quota`: how limits are written and shown, and what is done with them."""

import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from spark_assets.cli.answers import Answers, plain
from spark_assets.cli.output import USAGE, fail, print_json
from spark_assets.cli.session import AtHome, Session
from spark_assets.domain.quota import LARGEST_LIMIT

if TYPE_CHECKING:
    from spark_assets.domain.project import Project
    from spark_assets.domain.quota import Quota
    from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
    from spark_assets.wire.quota import QuotaBody

ANY: Final = "none"
"""Stands for no limit."""
_UNITS: Final[dict[str, int]] = {"B": 1} | {
    f"{letter}{infix}B": base**power
    for base, letters, infix in ((1000, "kMGT", ""), (1024, "KMGT", "i"))
    for power, letter in enumerate(letters, 1)
}
_UNITS_BY_NAME: Final = {"": 1} | {unit.lower(): size for unit, size in _UNITS.items()}

Changes = dict[str, int | None]
"""Limits by what they limit; None lifts one."""


def read_changes(assets: str | None, groups: str | None, byte_count: str | None) -> Changes:
    """The limits that were given. Ends the command for one that cannot be read."""
    changes: Changes = {}
    for field, text in (("assets", assets), ("groups", groups)):
        if text is not None:
            changes[field] = None if text == ANY else _read_number(f"--{field}", text)
    if byte_count is not None:
        changes["bytes"] = None if byte_count == ANY else _read_bytes(byte_count)
    return changes


class Wish(NamedTuple):
    """What shall become of a quota: nothing, some limits changed, or no quota at all."""

    changes: Changes
    unlimited: bool


def over_http(session: Session, name: str, wish: Wish) -> "QuotaBody":
    """What the project may hold and holds, once the wish has come true."""
    found = session.client.projects.quota(name)
    if wish.changes:
        limits = found.limits
        known: Changes = {"assets": limits.assets, "groups": limits.groups, "bytes": limits.bytes}
        return session.client.projects.set_quota(found.project, **{**known, **wish.changes})
    if wish.unlimited:
        session.client.projects.remove_quota(found.project)
        return session.client.projects.quota(found.project)
    return found


def at_home(place: AtHome, name: str, wish: Wish) -> "QuotaBody":
    """The same on the library in the home. Raises NotFound `ProjectName`, NotFound `quota`."""
    from spark_assets.wire.quota import quota_body

    if wish.changes or wish.unlimited:
        return quota_body(*place.change(lambda uow: _change(uow, name, wish)))
    return quota_body(*place.read(lambda repositories: _find(repositories, name)))


def show(place: Answers, found: "QuotaBody") -> None:
    """A table of what is held and allowed, or JSON."""
    if place.as_json:
        print_json(plain(found))
        return
    from spark_assets.cli.drawing import draw_table

    used, limits = found.used, found.limits
    rows = (("Assets", used.assets, limits.assets), ("Groups", used.groups, limits.groups))
    shown = [(what, str(held), "any number" if limit is None else str(limit)) for what, held, limit in rows]
    shown.append(("Bytes", shown_bytes(used.bytes), "any number" if limits.bytes is None else shown_bytes(limits.bytes)))
    draw_table(("", "Held", "Allowed"), shown)


def shown_bytes(count: int) -> str:
    """A number of bytes in the largest unit that writes it exactly."""
    unit, size = max((entry for entry in _UNITS.items() if entry[1] == 1 or (count and count % entry[1] == 0)), key=lambda entry: entry[1])
    return f"{count // size} {unit}"


def _read_number(option: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_LIMIT)) and int(text) <= LARGEST_LIMIT):
        fail(f"{option} takes a whole number of at most {LARGEST_LIMIT}, or '{ANY}' for no limit", USAGE)
    return int(text)


def _read_bytes(text: str) -> int:
    """A number with a unit, or of bytes; a fraction of a byte is dropped."""
    match = re.fullmatch(r"(\d{1,16})(?:\.(\d{1,6}))? ?([a-z]*)", text.lower(), re.ASCII)
    size = None if match is None else _UNITS_BY_NAME.get(match[3])
    if match is None or size is None:
        fail(f"--bytes takes a number of bytes, such as 1000000, 500GB or 1.5TiB, or '{ANY}' for no limit", USAGE)
    fraction = match[2] or ""
    count: int = int(match[1] + fraction) * size // 10 ** len(fraction)
    if count > LARGEST_LIMIT:
        fail(f"--bytes takes at most {LARGEST_LIMIT} bytes", USAGE)
    return count


async def _find(repositories: "Repositories", name: str) -> "tuple[Quota, Project]":
    from spark_assets.operations import projects, quotas

    project = await repositories.projects.by_id(name) or await projects.by_name(repositories, name)
    return await quotas.of_project(repositories, project), project


async def _change(uow: "UnitOfWork", name: str, wish: Wish) -> "tuple[Quota, Project]":
    from msgspec.structs import replace

    from spark_assets.domain.audit import OPERATOR
    from spark_assets.domain.quota import Allowance
    from spark_assets.operations import quotas

    _, project = await _find(uow, name)
    now = time.time_ns() // 1000
    if wish.unlimited:
        await quotas.remove(uow, project, actor=OPERATOR, now=now)
        return await quotas.of_project(uow, project), project
    known = await uow.quotas.lock(project.id)
    allowed = replace(Allowance() if known is None else known.allowed, **wish.changes)
    return await quotas.set_limits(uow, project, allowed, actor=OPERATOR, now=now), project
