"""Takes a picture of every page of the console, light and dark, wide and narrow on a throw-away server with a demo library.

python scripts/screenshots.py

The two that the README shows go to `docs/images`; all others, to be looked at, to `build/screenshots`.
"""

import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, Literal

from demo_pictures import PICTURES, draw
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from spark_assets.cli.demo_media import draw_clip, play_sound
from spark_assets.cli.demo_server import DemoServer
from spark_assets.cli.local import in_transaction
from spark_assets.client import Client
from spark_assets.domain.usage import DAY, MICRO, Charge, UsageRecord
from spark_assets.ports.unit_of_work import UnitOfWork

ROOT: Final = Path(__file__).parent.parent
SHOWN: Final = ROOT / "docs/images"
LOOKED_AT: Final = ROOT / "build/screenshots"
SIZES: Final = {"wide": (1280, 860), "narrow": (390, 844)}
SETTINGS: Final = """
price_create = "0.002"
price_get = "0.0001"
discount = "10"
webhook_allow = "127.0.0.0/8"
"""
_GROUPS: Final = {
    "Places": "Where the story goes, by day and by night",
    "Patterns": "Tiles, cloth and wallpaper",
    "Sound": "Voices, and what is heard in the distance",
    "Characters": "",
}
_COLOURS: Final = 256
"""A picture for the README has so many: half the bytes, and nobody sees it."""
_DAYS: Final = 40


def main() -> int:
    """Take all pictures; 1 where there is no browser."""
    program = shutil.which("chromium")
    if program is None:
        print("there is no chromium here: make browser", file=sys.stderr)
        return 1
    SHOWN.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(LOOKED_AT, ignore_errors=True)
    LOOKED_AT.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="spark-assets-pictures-") as folder, _receiver() as hook:
        server = _server(Path(folder))
        try:
            server.start()
            server.wait_until_ready()
            key = server.run("keys", "create", "--name", "me", "--scope", "admin")["key"]
            pages = _fill(server, key, Path(folder), hook)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
                _take_all(browser, server.url, key, pages)
                browser.close()
        finally:
            server.stop()
    print(f"pictures are in {SHOWN.relative_to(ROOT)} and {LOOKED_AT.relative_to(ROOT)}", file=sys.stderr)
    return 0


def _server(folder: Path) -> DemoServer:
    server = DemoServer(folder, "127.0.0.0/8")
    server.home.mkdir()
    (server.home / "spark-assets.toml").write_text(SETTINGS)
    return server


def _fill(server: DemoServer, key: str, folder: Path, hook: str) -> dict[str, str]:
    """Make a library to look at; the address of each page by its name."""
    with Client(server.url, key) as client:
        film = client.projects.create("film")
        client.projects.create("trailers")
        server.run("projects", "quota", "film", "--bytes", "2GiB", "--assets", "500")
        groups = {name: client.groups.create(name, description=text) for name, text in _GROUPS.items()}
        client.keys.create("Render farm", projects=["film"], expires_at="2099-06-30T23:59:59Z")
        client.keys.revoke(client.keys.create("Old laptop").id)
        client.access_keys.rotate(client.access_keys.create("Programs for the Ark Assets API").id, grace_seconds=86_400)
        webhook = client.webhooks.create(hook, description="the render farm", events=["asset.active", "asset.failed"])
        client.assets.create(group_id=groups["Places"].id, url="http://127.0.0.1:1/not-there.jpg", name="Not there")
        asset, clip = _add_files(client, groups["Places"].id, groups["Sound"].id, folder)
    in_transaction(server.home, lambda uow: _charge(uow, asset.project, film.id))
    places = ("add", "tasks", "groups", "projects", "usage", "keys", "webhooks", "system")
    return {
        **{place: f"/console/{place}" for place in places},
        "table": "/console?view=table",
        "trash": "/console?deleted=true",
        "asset": f"/console/assets/{asset.id}",
        "video": f"/console/assets/{clip.id}",
        "webhook": f"/console/webhooks/{webhook.id}",
        "library": "/console",
    }


def _add_files(client: Client, pictures: str, sounds: str, folder: Path) -> tuple[Any, Any]:
    """A picture and a clip of all that was added."""
    sound, clip = folder / "plucked.wav", folder / "sunset.mp4"
    play_sound(sound)
    draw_clip(clip)
    client.assets.create(group_id=sounds, path=sound, name="Plucked strings", tags=["score"], wait=True)
    asset = None
    for name in reversed(PICTURES):
        path = folder / f"{name.replace(' ', '-')}.jpg"
        draw(name, path)
        asset = client.assets.create(group_id=pictures, path=path, name=name, tags=["concept", "act one"], wait=True)
    return asset, client.assets.create(group_id=pictures, path=clip, name="The sun goes down", tags=["concept"], wait=True)


async def _charge(uow: UnitOfWork, name: str, other: str) -> None:
    """Some weeks of use, which nobody would wait for."""
    project = await uow.projects.by_name(name)
    assert project is not None
    chance, today = random.Random(7), int(datetime.now(UTC).timestamp() * MICRO) // DAY * DAY
    for day in range(1, _DAYS):
        for number in range(chance.randint(2, 9) if day % 7 < 5 else chance.randint(0, 3)):
            at = today - day * DAY
            model, price = chance.choice((("create", 1800), ("create", 1800), ("get", 90), ("list", 0)))
            record = UsageRecord(
                task_id=f"demo-{day}-{number}", project_id=chance.choice((project.id, project.id, other)), key_id="key-demo",
                model=f"spark_asset_{model}", charge=Charge(price, price // 9), created_at=at + chance.randrange(DAY),
            )  # fmt: skip
            await uow.usage.add(record)


def _take_all(browser: Browser, url: str, key: str, pages: dict[str, str]) -> None:
    looks: list[tuple[Literal["light", "dark"], str, str]] = [
        ("light", "wide", "en"), ("light", "narrow", "en"), ("dark", "wide", "en"), ("dark", "narrow", "en"),
        ("light", "wide", "zh-CN"), ("dark", "narrow", "zh-CN"),
    ]  # fmt: skip
    for scheme, size, locale in looks:
        width, height = SIZES[size]
        context = browser.new_context(base_url=url, color_scheme=scheme, locale=locale, viewport={"width": width, "height": height})
        page = context.new_page()
        look = f"{scheme}-{size}" if locale == "en" else f"{scheme}-{size}-{locale}"
        page.goto("/console/sign-in")
        page.screenshot(path=LOOKED_AT / f"sign-in-{look}.png")
        page.locator("#key").fill(key)
        page.locator("#key").press("Enter")
        page.wait_for_url("**/console")
        for name, address in pages.items():
            _take(page, address, LOOKED_AT / f"{name}-{look}.png", is_whole=True)
        if size == "wide" and locale == "en":
            _take(page, pages["library"], SHOWN / f"console-library-{scheme}.png", is_whole=False)
            _shrink(SHOWN / f"console-library-{scheme}.png")
        context.close()


def _take(page: Page, address: str, path: Path, *, is_whole: bool) -> None:
    """A picture of a page once every image on it has been drawn, and every film has its first."""
    page.goto(address)
    page.evaluate("""Promise.all([...document.querySelectorAll("video")].map((film) =>
        film.readyState > 1 || new Promise((done) => { film.onloadeddata = film.onerror = done; film.preload = "auto"; })))""")
    page.evaluate("""Promise.all([...document.images].map((image) => {
        image.loading = "eager";
        return image.decode().catch(() => undefined);
    }))""")
    page.screenshot(path=path, full_page=is_whole)


def _shrink(path: Path) -> None:
    with Image.open(path) as picture:
        full = picture.convert("RGB")
        few = full.quantize(palette=full.quantize(_COLOURS), dither=Image.Dither.FLOYDSTEINBERG)
    few.save(path, optimize=True)


@contextmanager
def _receiver() -> Iterator[str]:
    """A receiver of webhooks on loopback for as long as this lasts; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/hooks/spark-assets"
        finally:
            server.shutdown()
            thread.join()


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Take the message."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the parent gave it
        """Say nothing of each request."""


if __name__ == "__main__":
    sys.exit(main())
