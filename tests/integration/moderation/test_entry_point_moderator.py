"""A moderator that an installed package brings along."""

import asyncio
from collections.abc import MutableMapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from spark_assets.moderation.entry_point_moderator import EntryPointModerator, find_entry_point, load_moderator, package_of
from spark_assets.ports.moderator import ALLOWED, NoVerdict, Verdict
from tests.factories.moderation import KeptCases, case, install_package

GOOD = """
from spark_assets.ports.moderator import ALLOWED, Verdict

class Moderator:
    async def judge(self, case):
        return Verdict("shows " + case.name) if case.name == "a weapon" else ALLOWED
"""
_numbers = count(1)


class Installer:
    """Installs packages, each under a name of its own, for the length of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, code: str, **entry_points: str) -> str:
        """The name of the package."""
        name = f"plug_in_{next(_numbers)}"
        install_package(self.folder, name, code, **entry_points)
        return name


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """Packages in a folder on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return Installer(tmp_path)


async def test_an_installed_moderator_is_found_by_its_name_and_judges(installer: Installer) -> None:
    package = installer.install(GOOD, strict="Moderator", other="nothing")
    assert package_of(find_entry_point("strict")) == f"{package} 1.2"
    moderator = load_moderator("strict", timeout=20)
    assert await moderator.judge(case()) == ALLOWED
    assert await moderator.judge(case(name="a weapon")) == Verdict("shows a weapon")


async def test_a_function_that_makes_the_moderator_serves_as_well_as_a_class(installer: Installer) -> None:
    installer.install(f"{GOOD}\ndef make():\n    return Moderator()\n", made="make")
    assert await load_moderator("made", timeout=20).judge(case()) == ALLOWED


def test_a_name_that_nobody_offers_is_refused_and_the_offers_are_listed(installer: Installer) -> None:
    with pytest.raises(ValueError, match=r"no installed package offers a moderator 'strict' .*: there are none"):
        load_moderator("strict", timeout=20)
    installer.install(GOOD, lenient="Moderator", deaf="Moderator")
    with pytest.raises(ValueError, match=r"no installed package offers a moderator 'strict' .*: deaf, lenient"):
        load_moderator("strict", timeout=20)


def test_a_name_that_two_packages_offer_is_refused(installer: Installer) -> None:
    first, second = installer.install(GOOD, strict="Moderator"), installer.install(GOOD, strict="Moderator")
    with pytest.raises(ValueError, match=f"several installed packages offer a moderator 'strict': {first} 1.2, {second} 1.2"):
        find_entry_point("strict")


@pytest.mark.parametrize(
    ("code", "target", "words"),
    [
        ("import no_such_module", "Moderator", "ModuleNotFoundError"),
        ("this is no python", "Moderator", "SyntaxError"),
        (GOOD, "Missing", "AttributeError"),
        ("def make(model):\n    pass", "make", "TypeError"),
        ("def make():\n    raise RuntimeError('no\\nmodel')", "make", "RuntimeError: no model"),
        ("def make():\n    return None", "make", "no 'async def judge"),
        ("class Moderator:\n    def judge(self, case):\n        return None", "Moderator", "no 'async def judge"),
    ],
    ids=["import", "syntax", "missing", "argument", "fault", "nothing", "not async"],
)
def test_a_moderator_that_cannot_be_made_is_explained_in_one_sentence(installer: Installer, code: str, target: str, words: str) -> None:
    package = installer.install(code, strict=target)
    with pytest.raises(ValueError, match=words) as refused:
        load_moderator("strict", timeout=20)
    assert str(refused.value).startswith(f"the moderator 'strict' of {package} 1.2 ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("answer", [None, True, {"allow": True}, Verdict(3)], ids=["none", "true", "json", "number"])
async def test_an_answer_that_is_no_verdict_allows_nothing(answer: Any) -> None:
    with pytest.raises(NoVerdict, match="instead of a Verdict"):
        await EntryPointModerator(KeptCases(answer), timeout=20).judge(case())


@pytest.mark.parametrize("error", [RuntimeError("ours"), TimeoutError(), NoVerdict("no")], ids=lambda error: type(error).__name__)
async def test_an_error_of_the_plug_in_ends_in_the_adapter(logged: list[MutableMapping[str, Any]], error: Exception) -> None:
    with pytest.raises(NoVerdict, match=f"failed with {type(error).__name__}"):
        await EntryPointModerator(KeptCases(error), timeout=20).judge(case())
    assert [entry["event"] for entry in logged] == ["moderator_crashed"]


async def test_a_plug_in_that_is_slow_gives_no_verdict() -> None:
    class Slow:
        async def judge(self, _: Any) -> Verdict:
            await asyncio.Event().wait()
            return ALLOWED

    with pytest.raises(NoVerdict, match=r"within 0\.2 s"):
        await EntryPointModerator(Slow(), timeout=0.2).judge(case())


async def test_a_worker_that_drains_is_not_held_up_by_a_plug_in() -> None:
    asked = asyncio.Event()

    class Slow:
        async def judge(self, _: Any) -> Verdict:
            asked.set()
            await asyncio.Event().wait()
            return ALLOWED

    judging = asyncio.create_task(EntryPointModerator(Slow(), timeout=60).judge(case()))
    await asked.wait()
    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging
