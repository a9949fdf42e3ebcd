import ssl
import stat
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.download import HttpSource

MakeSource = Callable[..., HttpSource]


def ignore(received: int, total: int | None) -> None:
    """Takes no notice of progress."""


def content(path: Path) -> bytes | None:
    """The bytes of a file, or None where there is none."""
    return path.read_bytes() if path.exists() else None


def mode(path: Path) -> int:
    """Who may read and write the file."""
    return stat.S_IMODE(path.stat().st_mode)


def write_publicly(path: Path, body: bytes) -> None:
    """Leave a file that everybody may read."""
    path.write_bytes(body)
    path.chmod(0o644)


@pytest.fixture
async def make_source() -> AsyncIterator[MakeSource]:
    """Sources that may fetch from `allow` (127.0.0.1 unless told), never pause between attempts, and are closed at the end."""
    made: list[HttpSource] = []

    async def no_pause(_: float) -> None:
        return

    def make(*, allow: str = "127.0.0.1", own: tuple[tuple[str, int], ...] = (), **options: Any) -> HttpSource:
        guard = AddressGuard(parse_allow_list(allow), frozenset({80, 443, 8080, 8443}), own)
        source = HttpSource(guard, **{"user_agent": "tests (mailto:someone@example.com)", "sleep": no_pause, **options})
        made.append(source)
        return source

    yield make
    for source in made:
        await source.close()


class Pauses:
    """A sleep that takes no time and remembers what it was asked for."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def take(self, seconds: float) -> None:
        """Pretend to sleep."""
        self.taken.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    """Sleeps without sleeping."""
    return Pauses()


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server on 127.0.0.1 shows, and what a client that trusts it uses."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "origin")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "origin.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where a download goes."""
    return tmp_path / "spool"
