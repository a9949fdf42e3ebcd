from pathlib import Path

import pytest

from spark_assets.runtime import databases
from spark_assets.settings import BadSettings, load_settings


def test_a_database_that_says_nothing_is_named_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall_silent(*_: object) -> str:
        raise TimeoutError

    monkeypatch.setattr(databases, "_sqlite_schema", fall_silent)
    with pytest.raises(BadSettings, match=r"DATABASE_URL names a database that cannot be used: it does not answer in time$"):
        databases.needs_migration(load_settings(home=tmp_path))
