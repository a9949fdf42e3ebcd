"""Which commit of a history the tests of an upgrade take for the version before."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.factories.versions import NoHistory, find_previous

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")


def git(repository: Path, *arguments: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(repository), *named, *arguments], capture_output=True, text=True, check=True).stdout.strip()


def commit(repository: Path, head: str, rest: str = "") -> str:
    """Commit a schema with this newest migration; the commit."""
    file = repository / "src/spark_assets/db/schema.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'HEAD: Final = "{head}"\n{rest}')
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "--allow-empty", "-m", f"{head} {rest}")
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def test_the_version_before_is_found_however_many_commits_ago_the_schema_changed(repository: Path) -> None:
    commit(repository, "0001")
    before = commit(repository, "0001", "more")
    commit(repository, "0002")
    for number in range(40):
        last = commit(repository, "0002", f"{number}")
    assert find_previous(repository, "0002") == before
    assert find_previous(repository, "0003") == last, "what is not committed yet comes after the last commit"


def test_a_history_without_a_version_before_is_a_failure_and_no_history_is_none(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(NoHistory, match="git knows nothing"):
        find_previous(repository, "0001")
    commit(repository, "0001")
    with pytest.raises(NoHistory, match="one commit"):
        find_previous(repository, "0001")
    commit(repository, "0001", "more")
    with pytest.raises(AssertionError, match="0001"):
        find_previous(repository, "0001")
    shallow = tmp_path_factory.mktemp("shallow")
    git(shallow, "clone", "--quiet", "--depth", "1", f"file://{repository}", ".")
    with pytest.raises(NoHistory, match="shallow"):
        find_previous(shallow, "0001")
