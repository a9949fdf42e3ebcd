"""Listeners on loopback that nobody may touch: a connection to any of them is on record, whether anything was sent or not."""

import socket
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

HOSTS: Final = ("127.0.0.1", "127.0.0.2", "127.1.2.3", "::1")
"""What `0.0.0.0` and `::` lead to is among them."""
_ATTEMPTS: Final = 20


class Canaries:
    """One port on several addresses of loopback; connections wait in the kernel's queue until `touched` looks."""

    def __init__(self, hosts: tuple[str, ...] = HOSTS, port: int = 0) -> None:
        """`port`: 0 for one that is free on all of them."""
        self._hosts = hosts
        self._wanted = port
        self._stack = ExitStack()
        self._listeners: list[socket.socket] = []
        self._touched: list[tuple[str, bytes]] = []
        self.port = port

    def __enter__(self) -> Self:
        for _ in range(_ATTEMPTS):
            try:
                self.port = self._wanted
                self._listen()
            except OSError:
                self._stack.close()
                self._listeners.clear()
            else:
                return self
        raise RuntimeError("no port is free on every address of the canaries")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    @property
    def touched(self) -> list[tuple[str, bytes]]:
        """Which canary was connected to, and what it was sent; whoever still waits for an answer is cut off."""
        for host, listener in zip(self._hosts, self._listeners, strict=True):
            while True:
                try:
                    guest, _ = listener.accept()
                except BlockingIOError:
                    break
                with guest:
                    guest.setblocking(False)
                    try:
                        sent = guest.recv(65_536)
                    except BlockingIOError:
                        sent = b""
                    self._touched.append((host, sent))
        return list(self._touched)

    def _listen(self) -> None:
        for host in self._hosts:
            listener = self._stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
            listener.bind((host, self.port))
            listener.listen(64)
            listener.setblocking(False)
            self.port = listener.getsockname()[1]
            self._listeners.append(listener)
