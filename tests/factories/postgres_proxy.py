"""A proxy before PostgreSQL that loses a connection at the very commit: before it is seen, or before it is answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_COMMIT: Final = b"COMMIT;"


class Loss(Enum):
    """What becomes of a commit whose connection is lost."""

    UNSEEN = "the server never saw it"
    UNANSWERED = "it is done, and the client never learns so"


class CuttingProxy:
    """Passes bytes on; once armed, it cuts the connection of the next commit."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._loss: Loss | None = None
        self.cuts = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The database's address by way of the proxy."""
        return urlunsplit(self._target._replace(netloc=f"{self._target.username}@127.0.0.1:{self.port}"))

    def lose_next_commit(self, loss: Loss) -> None:
        """Cut the connection on which the next commit is asked for."""
        self._loss = loss

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what one client says until either side ends, or a commit is lost."""
        server_reader, server_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        answers = asyncio.create_task(_pass_on(server_reader, writer))
        try:
            while said := await reader.read(65536):
                loss = self._loss if _COMMIT in said else None
                if loss is Loss.UNSEEN:
                    break
                if loss is Loss.UNANSWERED:
                    answers.cancel()
                    await asyncio.wait([answers])
                    server_writer.write(said)
                    await server_reader.read(1)  # the server answers once the commit is durable
                    break
                server_writer.write(said)
                await server_writer.drain()
            else:
                return
            self._loss = None
            self.cuts += 1
        finally:
            answers.cancel()
            for end in (writer, server_writer):
                end.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while said := await reader.read(65536):
            writer.write(said)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def run_proxy(url: str) -> AsyncIterator[CuttingProxy]:
    """A proxy before the database at that address, until the block ends."""
    proxy = CuttingProxy(url)
    clients: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(proxy.serve(reader, writer))
        clients.add(task)
        task.add_done_callback(clients.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for client in list(clients):
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await server.wait_closed()
