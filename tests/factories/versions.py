"""Versions of the code beside the one at hand: trees of their own, run with the same interpreter and the same libraries."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import spark_assets
from spark_assets.db import schema

SOURCE: Final = Path(spark_assets.__file__).parent
_ROOT: Final = SOURCE.parents[1]
_SCHEMA: Final = "src/spark_assets/db/schema.py"
NEXT: Final = f"{int(schema.HEAD) + 1:04}"
"""The migration of the version after this one."""
AFTER: Final = f"{int(schema.HEAD) + 2:04}"
"""And of the one after that."""
_EXPANDS: Final = f'''"""Who made an asset: a column, an index and a table that the version before knows nothing of."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{schema.HEAD}"
changes = "expands"


def upgrade() -> None:
    op.add_column("assets", sa.Column("maker", sa.String(16), nullable=False, server_default="unknown"))
    op.create_index("ix_assets_by_maker", "assets", ["project_id", "maker", "id"])
    op.create_table("makers", sa.Column("name", sa.String(16), primary_key=True), sa.Column("since", sa.BigInteger(), nullable=False))
'''
_CONTRACTS: Final = f'''"""A column goes that the version at hand writes, and the one after it too."""

from alembic import op

revision = "{AFTER}"
down_revision = "{NEXT}"
changes = "contracts"
floor = "{AFTER}"


def upgrade() -> None:
    op.drop_column("assets", "error_reason")
'''
_USES: Final = '\n\nassets.append_column(Column("maker", String(16), nullable=False, default="next", server_default="unknown"))\n'


def make_next(folder: Path) -> Path:
    """A tree whose code is one expanding migration further than this one, and writes what the migration adds."""
    return _copy(folder, {NEXT: _EXPANDS}, _USES)


def make_after(folder: Path) -> Path:
    """A tree that is a contracting migration further than that."""
    return _copy(folder, {NEXT: _EXPANDS, AFTER: _CONTRACTS}, "")


def _copy(folder: Path, migrations: dict[str, str], uses: str) -> Path:
    package = folder / "spark_assets"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for revision, text in migrations.items():
        (package / "db" / "migrations" / "versions" / f"m{revision}_other.py").write_text(text)
    _replace(package / "db" / "schema.py", f'HEAD: Final = "{schema.HEAD}"', f'HEAD: Final = "{max(migrations)}"')
    with (package / "db" / "tables.py").open("a") as tables:
        tables.write(uses)
    return folder


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


class NoHistory(Exception):
    """There is no version before this one to be had; the message says why."""


def make_previous(folder: Path) -> Path:
    """A tree of the last commit whose schema is another one. Raises NoHistory; AssertionError if a whole history has no such commit."""
    commit = find_previous(_ROOT)
    archive = subprocess.run(["git", "-C", str(_ROOT), "archive", commit, "src"], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder / "src"


def find_previous(repository: Path, head: str = schema.HEAD) -> str:
    """The commit before the one that made this the newest migration; the last one, if that is not committed yet.

    Raises NoHistory where commits are missing, and AssertionError if none are and yet there is no such commit.
    """
    line = f'HEAD: Final = "{head}"'
    if _git(repository, "rev-parse", "--is-shallow-repository").strip() == "true":
        raise NoHistory("the checkout is shallow")
    if _git(repository, "rev-list", "--count", "HEAD").strip() == "1":
        raise NoHistory("the checkout has one commit")
    if line not in _git(repository, "show", f"HEAD:{_SCHEMA}"):
        return _git(repository, "rev-parse", "HEAD").strip()
    found = _git(repository, "log", "--format=%H %P", "-1", f"-S{line}", "--", _SCHEMA).split()
    assert len(found) > 1, f"no commit made {head} the newest migration in {_SCHEMA}, after another one"
    return found[1]


def _git(repository: Path, *arguments: str) -> str:
    if shutil.which("git") is None:
        raise NoHistory("there is no git here")
    finished = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False)
    if finished.returncode:
        raise NoHistory(f"git knows nothing of it: {finished.stderr.strip()}")
    return finished.stdout
