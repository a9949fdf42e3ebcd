"""The steps of the demo, in their order, and how they are shown.

The assets go to stdout; how the demo gets on goes to stderr.
"""

import hashlib
import json
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from spark_assets.cli.demo_media import draw_clip, draw_picture, play_sound
from spark_assets.cli.demo_server import ENDING_SIGNALS, DemoFailed, DemoServer, get, origin, post
from spark_assets.cli.output import FAILURE
from spark_assets.domain.parameters import CREATE_ASSET, CREATE_GROUP, GET_ASSET

INTERRUPTED: Final = 130
"""The exit code after Ctrl+C."""
_GENERATION: Final = "/model/v1/generation"
_TASK_TIMEOUT: Final = 60.0
"""Seconds that one task may take."""
_POLL_EVERY: Final = 0.1

Result = dict[str, Any]
"""What a completed task says, in the spelling of the wire: `Id`, `URL`, `Sha256`."""


class _Medium(NamedTuple):
    """A file of the demo and what it is registered as."""

    file: str
    name: str
    asset_type: str


_MEDIA: Final = (
    _Medium("hills.jpg", "Hills at dusk", "Image"),
    _Medium("sunset.mp4", "The sun goes down", "Video"),
    _Medium("tune.wav", "An evening tune", "Audio"),
)


def run(*, keep: bool) -> int:
    """Run the demo; with `keep`, hold the server until Ctrl+C. The command's exit code; nothing is left behind."""
    progress = _Progress()
    try:
        with _ended_by_signals(), tempfile.TemporaryDirectory(prefix="spark-assets-demo-", ignore_cleanup_errors=True) as folder:
            return _run_in(Path(folder), progress, keep=keep)
    except KeyboardInterrupt:
        progress.say("stopped", "everything it made is gone")
        return INTERRUPTED
    except OSError as error:
        progress.say("failed", str(error))
        return FAILURE


def _run_in(folder: Path, progress: "_Progress", *, keep: bool) -> int:
    media = folder / "media"
    media.mkdir()
    with origin(media) as source_port:
        server = DemoServer(folder, f"127.0.0.1:{source_port}")
        try:
            server.start()
            draw_picture(media / _MEDIA[0].file)
            draw_clip(media / _MEDIA[1].file)
            play_sound(media / _MEDIA[2].file)
            story = _Story(server, source_port, media, progress)
            story.tell()
            needed = progress.seconds()
            if keep:
                story.go_on()
        except DemoFailed as error:
            progress.report(error, server)
            return FAILURE
        finally:
            server.stop()
    progress.say("done", f"in {needed:.1f} s; the server is stopped and its home is gone")
    return 0


class _Progress:
    """What the demo says of itself, on stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._started = time.monotonic()

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def say(self, word: str, sentence: str) -> None:
        """One line."""
        self._console.print(f"[bold]{word:<10}[/]", end="")
        self.quote(sentence)

    def quote(self, text: str) -> None:
        """Text exactly as it is, never broken into lines."""
        self._console.print(text, soft_wrap=True, markup=False)

    def report(self, error: DemoFailed, server: DemoServer) -> None:
        """What failed, and what the server said last."""
        self.say("failed", str(error))
        self.quote("The last lines of the server's log:")
        for line in server.last_log_lines():
            self.quote(f"  {line}")


class _Story:
    """One run against one server."""

    def __init__(self, server: DemoServer, source_port: int, media: Path, progress: _Progress) -> None:
        self._server = server
        self._source = f"http://127.0.0.1:{source_port}"
        self._media = media
        self._progress = progress
        self._key = ""
        self._group = ""
        self._tasks: list[str] = []
        self._assets: list[Result] = []

    def tell(self) -> None:
        """Key, group, three assets, one download. Raises DemoFailed."""
        say = self._progress.say
        self._server.wait_until_ready()
        say("server", f"{self._server.url} is ready after {self._progress.seconds():.1f} s, on a throw-away home")
        self._key = self._server.run("keys", "create", "--name", "demo")["key"]
        say("key", f"{self._key[:7]}... made by 'spark-assets keys create'")
        say("source", f"{self._source} serves a picture, a clip and a sound")
        self._group = self._finish(self._submit(CREATE_GROUP.model, Name="Demo", GroupType="AIGC"))["Id"]
        say("group", self._group)
        self._tasks = [self._register(medium) for medium in _MEDIA]
        say("tasks", ", ".join(self._tasks))
        found = [self._finish(task) for task in self._tasks]
        self._assets = [self._finish(self._submit(GET_ASSET.model, Id=asset["Id"])) for asset in found]
        _show(self._assets)
        self._download(_MEDIA[1], self._assets[1])

    def go_on(self) -> None:
        """Say how to use the server by hand, and hold it until Ctrl+C. Raises DemoFailed if it ends by itself."""
        again = {
            "model": CREATE_ASSET.model, "Name": "Once more", "AssetType": "Image",
            "GroupId": self._group, "URL": f"{self._source}/{_MEDIA[0].file}",
        }  # fmt: skip
        quote = self._progress.quote
        quote("\nThe server keeps running until you press Ctrl+C here. Go on in another terminal:\n")
        quote(f"export BASE={self._server.url}")
        quote(f"export KEY={self._key}\n")
        quote("# the picture's facts, and a fresh signed URL")
        quote(f'curl -H "Authorization: Bearer $KEY" $BASE/v1/assets/{self._assets[0]["Id"]}\n')
        quote("# download it")
        quote(f'curl -L -H "Authorization: Bearer $KEY" -o {_MEDIA[0].file} $BASE/v1/assets/{self._assets[0]["Id"]}/content\n')
        quote(f"# register an asset; files put into {self._media} can be fetched from {self._source}")
        quote(f"curl -H \"Authorization: Bearer $KEY\" $BASE{_GENERATION} -d '{json.dumps(again)}'\n")
        quote("# poll a task; this one registered the picture, the last command printed the ID of another")
        quote(f'curl -H "Authorization: Bearer $KEY" $BASE{_GENERATION}/task/{self._tasks[0]}\n')
        try:
            self._server.wait_until_ended()
        except KeyboardInterrupt:
            quote("")

    def _register(self, medium: _Medium) -> str:
        address = f"{self._source}/{medium.file}"
        return self._submit(CREATE_ASSET.model, Name=medium.name, AssetType=medium.asset_type, GroupId=self._group, URL=address)

    def _submit(self, model: str, **parameters: str) -> str:
        """Create a task; its ID."""
        status, body = post(self._server.port, _GENERATION, self._key, {"model": model, **parameters})
        return str(_read(status, body, model)["id"])

    def _finish(self, task_id: str) -> Result:
        """Poll a task to its end; its result."""
        deadline = time.monotonic() + _TASK_TIMEOUT
        while time.monotonic() < deadline:
            task = _read(*get(self._server.port, f"{_GENERATION}/task/{task_id}", self._key), f"task {task_id}")
            if task["status"] == "completed":
                result: Result = json.loads(task["output"][0]["content"][0]["text"])["Result"]
                return result
            if task["status"] == "failed":
                raise DemoFailed(f"task {task_id} failed: {task['error']['error_message']}")
            time.sleep(_POLL_EVERY)
        raise DemoFailed(f"task {task_id} did not end within {_TASK_TIMEOUT:.0f} s")

    def _download(self, medium: _Medium, asset: Result) -> None:
        """Follow the signed URL, which needs no key, and compare the bytes with what the origin served."""
        path = str(asset["URL"]).removeprefix(self._server.url)
        status, content = get(self._server.port, path)
        if status != 200:
            raise DemoFailed(f"the signed URL of {medium.file} answered {status}")
        received = hashlib.sha256(content).hexdigest()
        original = hashlib.sha256((self._media / medium.file).read_bytes()).hexdigest()
        if not received == original == asset["Sha256"]:
            raise DemoFailed(f"{medium.file} came back changed: SHA-256 {received} instead of {original}")
        self._progress.say("download", f"{medium.file}: {len(content)} bytes, with the SHA-256 above")


def _read(status: int, body: bytes, what: str) -> Any:
    """The JSON of an answer with status 200. Raises DemoFailed for any other."""
    if status != 200:
        raise DemoFailed(f"{what} was answered with {status}: {body.decode(errors='replace')}")
    return json.loads(body)


def _show(assets: list[Result]) -> None:
    """Each asset as a table, and below it its signed URL in one piece: a terminal wraps it, and it can be copied."""
    console = Console(highlight=False)
    for asset in assets:
        table = Table("Asset   ", str(asset["Name"]), box=None, pad_edge=False, header_style="bold")
        for label, value in _rows(asset):
            table.add_row(label, value)
        console.print()
        console.print(table)
        console.print(asset["URL"], soft_wrap=True, markup=False)
    console.print()


def _rows(asset: Result) -> Iterator[tuple[str, str]]:
    yield "Id", asset["Id"]
    yield "Status", asset["Status"]
    yield "Type", f"{asset['AssetType']}, {asset['Format']}" + (f" ({asset['Codec']})" if "Codec" in asset else "")
    yield "Bytes", str(asset["Size"])
    if "Width" in asset:
        yield "Size", f"{asset['Width']} x {asset['Height']} px"
    if "Duration" in asset:
        rate = f", {asset['FrameRate']:g} frames a second" if "FrameRate" in asset else ""
        yield "Duration", f"{asset['Duration']:g} s{rate}"
    yield "SHA-256", asset["Sha256"]


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Clean up after SIGTERM, and when the terminal is closed, as after Ctrl+C."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
