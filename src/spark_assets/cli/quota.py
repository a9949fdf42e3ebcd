"""`spark-assets projects quota`: how limits are written and shown, and what is done with them."""

import re
import time
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from spark_assets.cli.local import in_transaction, reading
from spark_assets.cli.output import fail, print_table
from spark_assets.domain.audit import OPERATOR
from spark_assets.domain.project import Project
from spark_assets.domain.quota import LARGEST_LIMIT, Allowance, Quota
from spark_assets.operations import projects, quotas
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork

USAGE: Final = 2
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


def find(home: Path | None, name: str) -> tuple[Quota, Project]:
    """What the project may hold and holds. Raises NotFound `ProjectName`."""

    async def work(repositories: Repositories) -> tuple[Quota, Project]:
        project = await projects.by_name(repositories, name)
        return await quotas.of_project(repositories, project), project

    return reading(home, work)


def change(home: Path | None, name: str, changes: Changes) -> tuple[Quota, Project]:
    """The project's quota with these limits beside those it has. Raises NotFound `ProjectName`."""

    async def work(uow: UnitOfWork) -> tuple[Quota, Project]:
        project = await projects.by_name(uow, name)
        known = await uow.quotas.lock(project.id)
        allowed = replace(Allowance() if known is None else known.allowed, **changes)
        return await quotas.set_limits(uow, project, allowed, actor=OPERATOR, now=time.time_ns() // 1000), project

    return in_transaction(home, work)


def take_away(home: Path | None, name: str) -> tuple[Quota, Project]:
    """The project without a quota. Raises NotFound `ProjectName`, NotFound `quota`."""

    async def work(uow: UnitOfWork) -> tuple[Quota, Project]:
        project = await projects.by_name(uow, name)
        await quotas.remove(uow, project, actor=OPERATOR, now=time.time_ns() // 1000)
        return await quotas.of_project(uow, project), project

    return in_transaction(home, work)


def draw(quota: Quota) -> None:
    """A table of what is held and allowed."""
    held, allowed = quota.held, quota.allowed
    rows = (("Assets", held.assets, allowed.assets), ("Groups", held.groups, allowed.groups))
    shown = [(what, str(used), "any number" if limit is None else str(limit)) for what, used, limit in rows]
    shown.append(("Bytes", shown_bytes(held.bytes), "any number" if allowed.bytes is None else shown_bytes(allowed.bytes)))
    print_table(("", "Held", "Allowed"), shown)


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
