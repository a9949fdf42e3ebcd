"""Moderators for tests: cases to judge, endpoints that answer, and packages that bring one along."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spark_assets.domain.media import AssetType
from spark_assets.ports.moderator import ALLOWED, Case, Verdict
from tests.factories import records
from tests.factories.origin import Behaviour, Visit, answer

ALLOW: Behaviour = answer(b'{"allow": true}')


def case(**changes: Any) -> Case:
    """A picture to judge."""
    values = {
        "asset_id": "asset-1", "project_id": "project-default", "name": "hero", "type": AssetType.IMAGE, "sha256": "ab" * 32, "size": 512,
        "facts": records.PICTURE, "rendition": b"a picture",
    }  # fmt: skip
    return Case(**{**values, **changes})


def refuse(reason: str) -> Behaviour:
    """An endpoint that refuses everything."""
    return answer(json.dumps({"allow": False, "reason": reason}).encode())


def judge_by(decide: Callable[[dict[str, Any]], str | None]) -> Behaviour:
    """An endpoint that refuses a case for the reason that is found in it, if there is one."""

    async def behave(visit: Visit) -> None:
        reason = decide(json.loads(visit.body))
        await (ALLOW if reason is None else refuse(reason))(visit)

    return behave


class KeptCases:
    """A moderator that keeps the cases and answers as it was told."""

    def __init__(self, answer: Verdict | Exception = ALLOWED) -> None:
        self.answer = answer
        self.cases: list[Case] = []

    async def judge(self, case: Case) -> Verdict:
        """Keep the case."""
        self.cases.append(case)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def install_package(folder: Path, name: str, code: str, **entry_points: str) -> Path:
    """A distribution with one module of its name, as an installer would lay it out; each entry point names an object of the module."""
    (folder / f"{name}.py").write_text(code)
    information = folder / f"{name}-1.2.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    lines = [f"{entry} = {name}:{target}" for entry, target in entry_points.items()]
    (information / "entry_points.txt").write_text("\n".join(["[spark_assets.moderators]", *lines, ""]))
    return folder
