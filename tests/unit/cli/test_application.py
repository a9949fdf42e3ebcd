"""What a server process makes of its settings."""

from pathlib import Path

from spark_assets.cli.application import _retention
from spark_assets.domain.retention import DAY, HOUR, Retention
from spark_assets.settings import Settings


def test_what_grows_is_kept_for_as_long_as_its_setting_says(tmp_path: Path) -> None:
    assert _retention(Settings(home=tmp_path)) == Retention()
    days = {"task": "tasks", "trash": "trash", "event": "events", "delivery": "deliveries", "audit": "audit"}
    hours = {"reading": "readings", "source": "sources", "answer": "answers"}
    for names, unit, length in ((days, "days", DAY), (hours, "hours", HOUR)):
        for setting, kind in names.items():
            kept = _retention(Settings(home=tmp_path, **{f"{setting}_retention_{unit}": 5}))
            assert kept == Retention(**{kind: 5 * length}), setting
