import multiprocessing
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from spark_assets.domain.media import AssetType, MediaFormat
from spark_assets.domain.policy import PROFILES, SAFETY_LIMITS, Range
from spark_assets.runtime.home import HomeInUse, counting_folder, lock_home, make_home, spool_folder
from spark_assets.runtime.policies import load_policy
from spark_assets.runtime.secrets import encryption_keys, signing_keys
from spark_assets.settings import BadSettings, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    make_home(settings)
    return settings


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_found_by_name(name: str) -> None:
    assert load_policy(name) is PROFILES[name]


def test_a_policy_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "studio.toml"
    file.write_text(
        '[image]\nformats = ["png", "jpeg"]\nwidth = "(300, 6000)"\nsize = "[, 1000]"\naspect_ratio = "[0.4,2.5)"\n'
        '[video]\nformats = ["mp4"]\nduration = "[1.8,]"\naudio_track = "required"\n'
    )
    policy = load_policy(str(file))
    assert policy.name == "studio"
    assert policy.image.formats == {MediaFormat.PNG, MediaFormat.JPEG}
    assert policy.image.width == Range(300, 6000, low_inclusive=False, high_inclusive=False)
    assert policy.image.aspect_ratio == Range(0.4, 2.5, high_inclusive=False)
    assert policy.largest_download(AssetType.IMAGE) == 1000
    assert (policy.video.duration, policy.video.audio_track) == (Range(1.8, None), "required")
    assert policy.largest_download(AssetType.VIDEO) == SAFETY_LIMITS.size
    assert policy.audio.formats == frozenset()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[image", "cannot be used"),
        ("[picture]\n", "'picture'"),
        ('[image]\ncolour = "red"\n', "'image.colour'"),
        ('[image]\nwidth = "300"\n', "image.width must be an interval"),
        ("[image]\nwidth = 300\n", "image.width must be an interval"),
        ('[image]\nwidth = "[1.2.3, 4]"\n', "cannot be used"),
        ('[image]\nwidth = "[10, 5]"\n', "image.width"),
        ('[image]\nformats = ["svg"]\n', "svg"),
        ('[image]\nformats = "png"\n', "cannot be used"),
        ('image = "all"\n', "cannot be used"),
        ('[video]\naudio_track = "maybe"\n', "video.audio_track"),
        ('[image]\nformats = ["mp4"]\n', "mp4"),
    ],
)
def test_a_bad_policy_file_is_refused_and_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(BadSettings) as refused:
        load_policy(str(file))
    assert str(refused.value).startswith("SPARK_ASSETS_MEDIA_POLICY")
    assert words in str(refused.value)


@pytest.mark.parametrize("name", ["arc", "", "policy.json", "/nowhere/policy.toml"])
def test_a_policy_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(BadSettings, match="SPARK_ASSETS_MEDIA_POLICY"):
        load_policy(name)


def test_the_home_is_for_its_owner_alone(settings: Settings) -> None:
    for folder in (settings.home, spool_folder(settings), settings.home / "blobs"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    make_home(settings)


def test_a_home_that_cannot_be_made_is_named_as_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="SPARK_ASSETS_HOME cannot be used"):
        make_home(Settings(home=tmp_path / "file" / "home"))


def test_a_second_server_is_kept_off_the_home_until_the_first_ends(settings: Settings) -> None:
    with lock_home(settings), pytest.raises(HomeInUse, match="another spark-assets server"), lock_home(settings):
        pass
    with lock_home(settings):
        pass


def test_a_second_home_is_kept_off_a_database_that_a_server_uses_by_whatever_name(settings: Settings, tmp_path: Path) -> None:
    make_home(settings)
    (tmp_path / "alias").symlink_to(settings.sqlite_path.parent, target_is_directory=True)
    for folder in (settings.sqlite_path.parent, tmp_path / "alias"):
        other = Settings(home=tmp_path / "second", database_url=SecretStr(f"sqlite:///{folder / settings.sqlite_path.name}"))
        make_home(other)
        with (
            lock_home(settings),
            pytest.raises(HomeInUse, match=r"another spark-assets server uses the database .*; stop it"),
            lock_home(other),
        ):
            pass
        with lock_home(other):
            pass


def test_a_lock_that_cannot_be_made_is_said(settings: Settings, tmp_path: Path) -> None:
    other = Settings(home=settings.home, database_url=SecretStr(f"sqlite:///{tmp_path / 'nowhere' / 'library.db'}"))
    with pytest.raises(BadSettings, match=r"the lock file .* cannot be made: No such file or directory"), lock_home(other):
        pass


def test_secrets_are_made_once_and_stay(settings: Settings) -> None:
    signing, sealing = signing_keys(settings), encryption_keys(settings)
    assert signing == signing_keys(settings)
    assert sealing == encryption_keys(settings)
    assert signing != sealing
    assert len(signing[0].secret) >= 32
    for name in ("signing-keys", "encryption-keys"):
        assert stat.S_IMODE((settings.home / name).stat().st_mode) == 0o600
    assert not [path for path in settings.home.iterdir() if path.name.startswith(".")]


def _read(home: Path) -> str:
    return signing_keys(Settings(home=home))[0].secret


def test_processes_that_make_the_secrets_at_once_agree(settings: Settings) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(_read, [settings.home] * 9))) == 1


def test_several_keys_may_be_set_and_the_first_comes_first(tmp_path: Path) -> None:
    text = "new:0123456789abcdef, old:fedcba9876543210:with:colons\n,"
    keys = signing_keys(Settings(home=tmp_path, signing_keys=SecretStr(text)))
    assert [(key.id, key.secret) for key in keys] == [("new", "0123456789abcdef"), ("old", "fedcba9876543210:with:colons")]


@pytest.mark.parametrize("text", ["0123456789abcdef", "1:short", ":0123456789abcdef", "a b:0123456789abcdef", "ü:0123456789abcdef", " , "])
def test_a_bad_secret_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadSettings, match="SPARK_ASSETS_ENCRYPTION_KEYS cannot be used") as refused:
        encryption_keys(Settings(home=tmp_path, encryption_keys=SecretStr(text)))
    assert "0123456789abcdef" not in str(refused.value)


def test_what_processes_count_lies_in_memory_and_in_the_home_where_there_is_no_place_for_it(settings: Settings, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    for there in (memory, tmp_path / "nowhere"):
        with counting_folder(settings, there) as folder:
            assert folder.parent == (memory if there == memory else settings.home)
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert not folder.exists()


def test_counts_that_a_killed_server_left_are_removed_those_of_a_running_one_stay_and_no_link_is_followed(
    settings: Settings, tmp_path: Path
) -> None:
    memory, elsewhere = tmp_path / "memory", tmp_path / "elsewhere"
    for made in (memory, elsewhere):
        made.mkdir()
    (elsewhere / "kept").touch()
    with counting_folder(settings, memory) as running:
        left = running.with_name(running.name + "-left")
        left.mkdir()
        (left / "counter.db").touch()
        link = running.with_name(running.name + "-link")
        link.symlink_to(elsewhere)
        with counting_folder(settings, memory):
            assert running.is_dir()
            assert not left.exists()
    assert (elsewhere / "kept").exists()
