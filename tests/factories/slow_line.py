"""A line to a server that stands still when so many bytes have gone to it, until it is let go."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_PIECE = 1 << 16


class SlowLine:
    """Passes bytes on; open as a context manager."""

    def __init__(self, base_url: str, still_after: int) -> None:
        """`still_after`: bytes that go to the server before the line stands still."""
        parts = urlsplit(base_url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._still_after = still_after
        self._free = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.stands_still = threading.Event()
        self.sent = 0
        """Bytes that have gone to the server."""

    @property
    def base_url(self) -> str:
        """The server's address by way of the line."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._free.set()
        self._listener.close()

    def let_go(self) -> None:
        """Stand still no more."""
        self._free.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        """Pass on what is said on one connection until either side ends; one that nobody takes is closed."""
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            answers = threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True)
            answers.start()
            self._pass_on(client, server, True)
            answers.join()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_counted: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                target.sendall(piece)
                if is_counted:
                    self._count(len(piece))
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _count(self, length: int) -> None:
        with self._lock:
            self.sent += length
            is_full = self.sent >= self._still_after
        if is_full and not self._free.is_set():
            self.stands_still.set()
            self._free.wait()
