"""Real files of every format, fetched, measured, stored, delivered and drawn by real processes."""

import hashlib
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from PIL import Image

from spark_assets.domain.asset import Variant
from spark_assets.domain.link import LinkSigner, SigningKey
from spark_assets.domain.media import MediaFormat
from spark_assets.operations.delivery import media_path
from tests.end_to_end.shelf import Shelf
from tests.factories import media as make
from tests.factories.http import Json, SparkClient, envelope, follow, result
from tests.factories.spark_processes import SECRET, Service


class Sample(NamedTuple):
    """A file, what it is declared as, and what must be measured of it."""

    name: str
    make: Callable[[Path], Path]
    type: str
    facts: dict[str, Any]
    preview: tuple[int, int] | None
    """Size of the rendition; None for a waveform."""


def _picture(form: str, width: int, height: int) -> dict[str, Any]:
    return {"Format": form, "Width": width, "Height": height}


def _video(form: str, width: int, height: int, duration: float, rate: float) -> dict[str, Any]:
    return {"Format": form, "Width": width, "Height": height, "Duration": duration, "FrameRate": rate, "Codec": "h264"}


SAMPLES: Final = (
    Sample("plain.jpg", lambda path: make.make_jpeg(path, 640, 480), "Image", _picture("jpeg", 640, 480), (512, 384)),
    Sample(
        "turned.jpg", lambda path: make.make_jpeg(path, 640, 480, orientation=6, gps=True), "Image", _picture("jpeg", 480, 640), (384, 512)
    ),
    Sample("flat.png", lambda path: make.make_png(path, 640, 400, mode="RGBA"), "Image", _picture("png", 640, 400), (512, 320)),
    Sample("still.webp", lambda path: make.make_webp(path, 400, 600), "Image", _picture("webp", 400, 600), (341, 512)),
    Sample("plain.bmp", lambda path: make.make_bmp(path, 320, 310), "Image", _picture("bmp", 320, 310), (320, 310)),
    Sample("plain.tif", lambda path: make.make_tiff(path, 640, 480), "Image", _picture("tiff", 640, 480), (512, 384)),
    Sample("still.gif", lambda path: make.make_gif(path, 400, 400), "Image", _picture("gif", 400, 400), (400, 400)),
    Sample("moving.gif", lambda path: make.make_gif(path, 400, 320, frames=4), "Image", _picture("gif", 400, 320), (400, 320)),
    Sample("phone.heic", lambda path: make.make_heic(path, 640, 480, orientation=6), "Image", _picture("heic", 480, 640), (384, 512)),
    Sample("plain.heif", lambda path: make.make_heic(path, 640, 480, major_brand=b"mif1"), "Image", _picture("heif", 640, 480), (512, 384)),
    Sample(
        "clip.mp4",
        lambda path: make.make_video(path, seconds=2, fps=25, audio=True),
        "Video",
        _video("mp4", 640, 640, 2.0, 25.0),
        (512, 512),
    ),
    Sample("clip.mov", lambda path: make.make_mov(path, seconds=2, fps=24), "Video", _video("mov", 640, 640, 2.0, 24.0), (512, 512)),
    Sample(
        "turned.mov",
        lambda path: make.make_mov(path, 800, 600, rotation=90, seconds=2, fps=24),
        "Video",
        _video("mov", 600, 800, 2.0, 24.0),
        (384, 512),
    ),
    Sample("tone.wav", lambda path: make.make_wav(path, 2.5), "Audio", {"Format": "wav", "Duration": 2.5, "Codec": "pcm_s16le"}, None),
    Sample(
        "tone.mp3", lambda path: make.make_mp3(path, 2.0, cover=True), "Audio", {"Format": "mp3", "Duration": 2.0, "Codec": "mp3"}, None
    ),
    Sample(
        "variable.mp3",
        lambda path: make.make_mp3(path, 3.0, variable=True, header=False, tag=False),
        "Audio",
        {"Format": "mp3", "Duration": 3.0, "Codec": "mp3"},
        None,
    ),
)
MEASURED: Final = ("Format", "Width", "Height", "Duration", "FrameRate", "Codec")
MEDIA_TYPES: Final = {form.value: form.media_type for form in MediaFormat}
VARIANTS: Final = {"Image": Variant.THUMBNAIL, "Video": Variant.POSTER, "Audio": Variant.WAVEFORM}

every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


@pytest.fixture(scope="session")
def files(media: Path) -> dict[str, bytes]:
    """The samples' bytes by name."""
    return {sample.name: sample.make(media / sample.name).read_bytes() for sample in SAMPLES}


@pytest.fixture(scope="module")
def ended(client: SparkClient, group: str, shelf: Shelf, files: dict[str, bytes]) -> dict[str, Json]:
    """The ended task of each sample, all submitted at once."""
    tasks = {}
    for sample in SAMPLES:
        url = shelf.put(f"/{sample.name}", files[sample.name])
        tasks[sample.name] = client.submit_asset(group, url, sample.type, sample.name)
    return {name: client.ended(task) for name, task in tasks.items()}


@every_sample
def test_a_real_file_ends_active_with_the_facts_measured_from_its_bytes(
    client: SparkClient, ended: dict[str, Json], files: dict[str, bytes], sample: Sample
) -> None:
    task = ended[sample.name]
    assert task["status"] == "completed", task
    asset = client.get_asset(result(task)["Id"])
    assert asset["Status"] == "Active"
    assert asset["AssetType"] == sample.type
    assert asset["Size"] == len(files[sample.name])
    assert asset["Sha256"] == hashlib.sha256(files[sample.name]).hexdigest()
    measured = {name: asset[name] for name in MEASURED if name in asset}
    # An MP3 is as long as its frames of 1,152 samples, of which the encoder adds one or two.
    assert measured == {name: pytest.approx(value, abs=0.06) if name == "Duration" else value for name, value in sample.facts.items()}


@every_sample
def test_both_surfaces_show_the_same_asset(client: SparkClient, ended: dict[str, Json], sample: Sample) -> None:
    asset_id = result(ended[sample.name])["Id"]
    told, shown = client.get_asset(asset_id), client.get_v1_asset(asset_id)
    pairs = {
        "Id": "id", "Name": "name", "AssetType": "type", "Status": "status", "GroupId": "group_id", "ProjectName": "project",
        "Sha256": "sha256", "Size": "size", "Format": "format", "Width": "width", "Height": "height", "Duration": "duration",
        "FrameRate": "frame_rate", "Codec": "codec",
    }  # fmt: skip
    assert {ours: told.get(theirs) for theirs, ours in pairs.items()} == {ours: shown[ours] for ours in pairs.values()}
    assert shown["error"] is None
    assert shown["created_at"] <= shown["updated_at"]


@every_sample
def test_the_bytes_behind_the_signed_link_are_the_original_ones(
    client: SparkClient, ended: dict[str, Json], files: dict[str, bytes], sample: Sample
) -> None:
    asset = client.get_asset(result(ended[sample.name])["Id"])
    answer = follow("GET", asset["URL"])
    assert answer.status == 200
    assert answer.body == files[sample.name]
    assert answer.sha256 == asset["Sha256"]
    assert answer.headers["content-type"] == MEDIA_TYPES[asset["Format"]]


@every_sample
def test_a_rendition_is_drawn_upright_and_without_metadata(service: Service, ended: dict[str, Json], sample: Sample) -> None:
    asset_id = result(ended[sample.name])["Id"]
    answer = _wait_for_rendition(service, asset_id, VARIANTS[sample.type])
    with Image.open(io.BytesIO(answer)) as picture:
        picture.load()
        assert not picture.getexif()
        assert picture.info.keys().isdisjoint({"exif", "xmp", "icc_profile", "comment"})
        assert picture.size == (sample.preview or picture.size)
        assert max(picture.size) <= 1024


def test_the_envelope_names_the_action_and_the_request(ended: dict[str, Json]) -> None:
    task = ended["plain.jpg"]
    head = envelope(task)["ResponseMetadata"]
    assert head == {
        "RequestId": task["metadata"]["request_id"], "Action": "CreateAsset", "Version": "2024-01-01", "Service": "ark", "Region": "local",
    }  # fmt: skip


def test_the_same_bytes_are_stored_once_under_two_assets(
    service: Service, client: SparkClient, group: str, shelf: Shelf, media: Path
) -> None:
    content = make.make_jpeg(media / "twice.jpg", 333, 444).read_bytes()
    ids = [client.create_asset(group, shelf.put(f"/twice-{number}.jpg", content), name=f"twice {number}") for number in (1, 2)]
    first, second = (client.get_asset(asset_id) for asset_id in ids)
    assert first["Id"] != second["Id"]
    assert first["Sha256"] == second["Sha256"]
    assert follow("GET", first["URL"]).body == follow("GET", second["URL"]).body == content
    if not service.is_fleet:
        assert sum(content == path.read_bytes() for path in (service.home / "blobs").rglob("*") if path.is_file()) == 1


def _wait_for_rendition(service: Service, asset_id: str, variant: Variant) -> bytes:
    secret = SECRET if service.is_fleet else (service.home / "signing-keys").read_text().strip()
    signer = LinkSigner((SigningKey(*secret.split(":")),))
    link = service.base_url + signer.sign(media_path(asset_id, variant, MediaFormat.JPEG), int(time.time()) + 600)
    deadline = time.monotonic() + 20
    while (answer := follow("GET", link)).status == 404 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert answer.status == 200, answer.body
    return answer.body
