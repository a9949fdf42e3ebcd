from pathlib import Path

from spark_assets.ports.inspector import WORKING_FOLDER
from spark_assets.runtime.home import hold_spool, make_home, spool_folder
from spark_assets.settings import Settings


def make_leftovers(settings: Settings) -> list[Path]:
    make_home(settings)
    folder = settings.home / f"{WORKING_FOLDER}killed"
    (folder / "lent-0").mkdir(parents=True)
    (spool_folder(settings) / "stray" / "deeper").mkdir(parents=True)
    left = [folder / "lent-0" / "a", spool_folder(settings) / "stray" / "deeper" / "b", spool_folder(settings) / "c"]
    for file in left:
        file.write_bytes(b"x")
    (spool_folder(settings) / "pointing").symlink_to(settings.home / "kept")
    (settings.home / "kept").mkdir()
    (settings.home / "kept" / "d").write_bytes(b"x")
    return left


def test_what_a_killed_process_left_is_removed_whatever_it_is(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    make_leftovers(settings)
    with hold_spool(settings):
        assert list(spool_folder(settings).iterdir()) == []
        assert list(tmp_path.glob(f"{WORKING_FOLDER}*")) == []
        assert (tmp_path / "kept" / "d").exists()


def test_what_another_process_is_using_stays(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    make_home(settings)
    with hold_spool(settings):
        left = make_leftovers(settings)
        with hold_spool(settings):
            assert all(file.exists() for file in left)
