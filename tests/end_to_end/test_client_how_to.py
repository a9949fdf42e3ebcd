"""The pages on the command line and on the SDK: their snippets, run as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.media import make_jpeg, make_video
from tests.factories.spark_processes import PROGRAM, Service
from tests.factories.terminals import user_environment

pytestmark = pytest.mark.parametrize("size", ["embedded"], indirect=True, scope="session")
ROOT = Path(__file__).parents[2]
PATIENCE = 120.0


@pytest.fixture
def desk(service: Service, shelf: Shelf, tmp_path: Path) -> "Desk":
    make_jpeg(tmp_path / "photo.jpg", 660, 400)
    make_video(tmp_path / "film.mp4", 640, 640)
    known = {"KEY": service.make_key("--scope", "admin")["key"], "SOURCE": shelf.put("/how-to.jpg", tmp_path / "photo.jpg")}
    return Desk(tmp_path, service, known)


class Desk:
    """A user in a folder of their own, who types what a page says."""

    def __init__(self, folder: Path, service: Service, known: dict[str, str]) -> None:
        self._folder = folder
        self._base_url = service.base_url
        path = {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
        self.variables = user_environment(folder / "user") | known | path
        self.python_variables = self.variables | {"SPARK_ASSETS_BASE_URL": service.base_url, "SPARK_ASSETS_KEY": known["KEY"]}

    def type_shell(self, text: str) -> str:
        """What the shell blocks print, in one shell."""
        return self._run(["bash", "-e", "-c", "\n".join(blocks(text, "sh"))], self.variables)

    def run_python(self, text: str) -> list[str]:
        """What each Python block prints."""
        return [self._run([sys.executable, "-W", "error", "-c", block], self.python_variables) for block in blocks(text, "python")]

    def _run(self, command: list[str], variables: dict[str, str]) -> str:
        """Groups have a name of their own for each page, since the server is everybody's."""
        own = f"moons-{self._folder.name}"
        command = [word.replace("http://127.0.0.1:8080", self._base_url).replace("moons", own) for word in command]
        finished = subprocess.run(command, cwd=self._folder, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


def blocks(text: str, language: str) -> list[str]:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found
    return found


def page(name: str) -> str:
    return (ROOT / "docs" / "how-to" / name).read_text()


def test_the_page_on_the_command_line(desk: Desk, tmp_path: Path) -> None:
    printed = desk.type_shell(page("use-the-command-line.md"))
    assert "already there" in printed
    assert (tmp_path / "copy.jpg").read_bytes() == (tmp_path / "photo.jpg").read_bytes()


def test_the_page_on_the_sdk(desk: Desk) -> None:
    one, many, wrong, awaited = desk.run_python(page("use-the-python-sdk.md"))
    assert "Active 660 400" in one
    assert "photo.jpg asset-" in many
    assert wrong.startswith("NotFound.asset_id ")
    assert wrong.splitlines()[1] == "InvalidParameter.TypeMismatch"
    assert awaited.splitlines()[-1] == "2.0"
