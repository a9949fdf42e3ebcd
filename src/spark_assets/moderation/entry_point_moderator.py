"""A moderator that an installed package offers as an entry point.

The entry point names a callable without arguments, such as a class. It is called once, when the service starts, and gives an
object with `async def judge(self, case: Case) -> Verdict`.
"""

import asyncio
from importlib.metadata import EntryPoint, entry_points
from inspect import iscoroutinefunction
from typing import Final

import structlog

from spark_assets.ports.moderator import Case, Moderator, NoVerdict, Verdict

GROUP: Final = "spark_assets.moderators"
"""The group of entry points that packages announce moderators in."""

_log: Final = structlog.get_logger()


class EntryPointModerator:
    """Asks a plug-in, which gets `timeout` seconds for each case; whatever goes wrong in it ends here."""

    def __init__(self, moderator: Moderator, *, timeout: float) -> None:
        self._moderator = moderator
        self._timeout = timeout

    async def judge(self, case: Case) -> Verdict:
        """Allow the asset or refuse it. Raises NoVerdict."""
        try:
            async with asyncio.timeout(self._timeout) as patience:
                verdict: object = await self._moderator.judge(case)
        except Exception as error:
            if patience.expired():
                raise NoVerdict(f"the plug-in gave no verdict within {self._timeout:g} s") from None
            _log.exception("moderator_crashed", asset_id=case.asset_id)
            raise NoVerdict(f"the plug-in failed with {type(error).__name__}") from error
        if not isinstance(verdict, Verdict) or not isinstance(verdict.refusal, str | None):
            raise NoVerdict(f"the plug-in answered with {type(verdict).__name__} instead of a Verdict")
        return verdict


def find_entry_point(name: str) -> EntryPoint:
    """The one entry point of that name; nothing is loaded. Raises ValueError with a sentence for the operator."""
    installed = entry_points(group=GROUP)
    found = installed.select(name=name)
    if not found:
        names = ", ".join(sorted(installed.names)) or "there are none"
        raise ValueError(f"no installed package offers a moderator '{name}' (entry points of the group '{GROUP}': {names})")
    if len(found) > 1:
        packages = ", ".join(sorted(package_of(entry_point) for entry_point in found))
        raise ValueError(f"several installed packages offer a moderator '{name}': {packages}; uninstall all but one")
    return next(iter(found))


def package_of(entry_point: EntryPoint) -> str:
    """Name and version of the package that offers it."""
    return "an unnamed package" if entry_point.dist is None else f"{entry_point.dist.name} {entry_point.dist.version}"


def load_moderator(name: str, *, timeout: float) -> EntryPointModerator:
    """Load and make the moderator of that name. Raises ValueError with a sentence for the operator."""
    entry_point = find_entry_point(name)
    try:
        moderator = entry_point.load()()
    except Exception as error:
        _log.exception("moderator_not_loaded", entry_point=name, package=package_of(entry_point))
        reason = " ".join(str(error).split())
        raise ValueError(f"the moderator '{name}' of {package_of(entry_point)} cannot be made: {type(error).__name__}: {reason}") from error
    if not iscoroutinefunction(getattr(moderator, "judge", None)):
        raise ValueError(f"the moderator '{name}' of {package_of(entry_point)} has no 'async def judge(self, case)'")
    return EntryPointModerator(moderator, timeout=timeout)
