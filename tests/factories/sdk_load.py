"""Programs that use the SDK while servers come and go: they add by address and by upload, wait, read, download and delete.

Nothing is tried again here: whatever the SDK raises is a failure that a program would have met.
"""

import hashlib
import io
import itertools
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, NamedTuple, Self

import httpx2

from spark_assets.client import Client, NotFound
from tests.end_to_end.shelf import Shelf

_LONGEST: Final = 180.0
"""Seconds that a program waits for one task."""


class Asked(NamedTuple):
    """One asset that a program made."""

    asset_id: str
    sha256: str
    is_kept: bool
    """Whether it was not deleted again."""


class CountingTransport(httpx2.BaseTransport):
    """Sends requests, and counts what was sent and what became of it: the SDK's repetitions are seen from below."""

    def __init__(self, counts: "Counter[str]") -> None:
        self._counts = counts
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request of the SDK, repeated or not."""
        self._counts["requests sent"] += 1
        try:
            answer = self._inner.handle_request(request)
        except httpx2.TransportError as error:
            self._counts["connections refused" if isinstance(error, httpx2.ConnectError) else "connections broken"] += 1
            raise
        if answer.status_code >= 500:
            self._counts[f"answers {answer.status_code}"] += 1
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class SdkLoad:
    """So many programs at work, each at one of the servers; open as a context manager."""

    def __init__(self, addresses: Sequence[str], key: str, shelf: Shelf, picture: bytes, *, programs: int = 4, pause: float = 0.05) -> None:
        """`pause`: seconds that a program rests between two assets."""
        self._addresses = addresses
        self._key = key
        self._shelf = shelf
        self._picture = picture
        self._pause = pause
        self._over = threading.Event()
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(programs)]
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        """What the programs were shown, with where."""
        self.asked: list[Asked] = []
        self.longest = 0.0
        """Seconds that the slowest asset took from the request to the end."""
        with Client(addresses[0], key) as client:
            self.group = client.groups.create(f"load {id(self)}").id

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def figures(self) -> str:
        """What was asked, and how it went, in a line."""
        seen = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        return f"{len(self.asked)} assets, {seen}, slowest asset {self.longest:.1f} s, failures shown to a program: {len(self.failures)}"

    def wait_for(self, more: int, patience: float = 120.0) -> None:
        """Wait until so many further assets are there, or something failed."""
        wanted, deadline = len(self.asked) + more, time.monotonic() + patience
        while len(self.asked) < wanted and not self.failures:
            assert time.monotonic() < deadline, f"the load stands still: {self.figures}"
            time.sleep(0.02)

    def broken_promises(self) -> list[str]:
        """What the servers do not show as the programs were told."""
        broken = []
        with Client(self._addresses[0], self._key) as client:
            shown = {asset.id: (asset.status, asset.sha256) for asset in client.assets.list(group_id=self.group)}
            kept = {asked.asset_id: ("Active", asked.sha256) for asked in self.asked if asked.is_kept}
            broken += [f"{asset_id} was promised as {kept.get(asset_id)} and is {shown.get(asset_id)}" for asset_id in kept.keys() | shown
                       if kept.get(asset_id) != shown.get(asset_id)]  # fmt: skip
            for asked in self.asked:
                if not asked.is_kept:
                    try:
                        client.assets.get(asked.asset_id)
                        broken.append(f"{asked.asset_id} was deleted and is there")
                    except NotFound:
                        pass
        return broken

    def _run(self, number: int) -> None:
        kinds: tuple[Callable[[Client], None], ...] = (self._by_address, self._by_upload, self._and_delete)
        with Client(self._addresses[number % len(self._addresses)], self._key, transport=CountingTransport(self.counts)) as client:
            for kind in itertools.cycle(kinds):
                began = time.monotonic()
                try:
                    kind(client)
                except Exception:  # whatever it is, a program was shown it
                    self.failures.append(f"{kind.__name__} after {time.monotonic() - began:.1f} s: {traceback.format_exc()}")
                self.longest = max(self.longest, time.monotonic() - began)
                if self._over.wait(self._pause):
                    return

    def _content(self) -> bytes:
        return self._picture + b"%d" % next(self._numbers)

    def _make_by_address(self, client: Client) -> Asked:
        content = self._content()
        sha256 = hashlib.sha256(content).hexdigest()
        url = self._shelf.put(f"/load-{id(self)}-{sha256}.jpg", content)
        asset = client.assets.create(group_id=self.group, url=url, wait=True, timeout=_LONGEST)
        assert asset.sha256 == sha256
        return Asked(asset.id, sha256, is_kept=True)

    def _by_address(self, client: Client) -> None:
        """Added by its address, read and downloaded."""
        asked = self._make_by_address(client)
        self.asked.append(asked)
        received = io.BytesIO()
        assert client.assets.download(asked.asset_id, received).id == asked.asset_id
        assert hashlib.sha256(received.getvalue()).hexdigest() == asked.sha256

    def _by_upload(self, client: Client) -> None:
        """Added as a file, changed and read."""
        content = self._content()
        asset = client.assets.create(group_id=self.group, file=io.BytesIO(content), type="Image", wait=True, timeout=_LONGEST)
        self.asked.append(Asked(asset.id, hashlib.sha256(content).hexdigest(), is_kept=True))
        client.assets.update(asset.id, name="renamed")
        assert client.assets.get(asset.id).name == "renamed"

    def _and_delete(self, client: Client) -> None:
        """Added by its address, and deleted."""
        asked = self._make_by_address(client)
        client.assets.delete(asked.asset_id)
        self.asked.append(asked._replace(is_kept=False))
