"""A real service: `spark-assets` processes on a temporary home, in both sizes.

with embedded(source_allow="127.0.0.0/8") as service:
    client = service.client()
"""

import json
import os
import re
import signal
import ssl
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import psutil
from typer.testing import CliRunner, Result

from spark_assets.cli.main import app
from tests.factories import given_out
from tests.factories.http import Json, SparkClient
from tests.factories.loopback_server import LoopbackServer
from tests.factories.servers import PostgresServer, S3Server

PROGRAM: Final = Path(sysconfig.get_path("scripts")) / "spark-assets"
SECRET: Final = "1:0123456789abcdef0123"
"""Signing and encryption keys of a fleet in tests."""
_SERVING: Final = re.compile(r"^ready .*\(process (\d+)\)$", re.MULTILINE)
"""What a server process says of itself."""
_GONE: Final = 10.0
"""Seconds within which the children of a killed process must have ended."""


def environment(**settings: object) -> dict[str, str]:
    """The environment of a process of ours: nothing of the user's settings, and these ones, named in lower case."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_ASSETS_", "AWS_"))}
    return kept | {f"SPARK_ASSETS_{name.upper()}": str(value) for name, value in settings.items()}


def run(arguments: list[str], variables: Mapping[str, str], timeout: float = 60.0) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, whatever its exit code; ended by force after the timeout (seconds)."""
    return subprocess.run(
        [str(PROGRAM), *arguments],
        env=dict(variables), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def _is_alive(process: psutil.Process) -> bool:
    """A zombie is not: it only waits for whoever adopted it."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class SparkProcess(LoopbackServer):
    """One `spark-assets` process that stays, with its log; killing it takes nothing but the process itself."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__()
        self.variables: Final = dict(variables)
        self.home: Final = self.folder / "home"
        self.exit_code: int | None = None

    @property
    def log(self) -> str:
        """All that the process and those before it have written."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def prepare(self) -> None:
        """Nothing: the home is made by the process itself."""

    def stop(self) -> None:
        """End the process by SIGTERM and wait until it is gone."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """End the process, and remove its folder. No secret that was given out in this run may stand in its log."""
        self.stop()
        told = given_out.find_given_out(self.log)
        super().close()
        assert not told, f"the log of {type(self).__name__} holds what nobody may read there: {told}"

    def wait(self) -> None:
        """Wait until the process, which is about to end by itself, is gone."""
        assert self._process is not None
        self._process.wait(_GONE)
        self._end(signal.SIGKILL)

    def descendants(self) -> list[psutil.Process]:
        """The processes below this one."""
        return [] if self.pid is None else psutil.Process(self.pid).children(recursive=True)

    def _run_program(self, log: int, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [str(PROGRAM), *arguments],
            env=self.variables, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        below = self.descendants() if process is not None and process.poll() is None else []
        super()._end(number)
        if process is None:
            return
        self.exit_code = process.returncode
        deadline = time.monotonic() + _GONE
        while alive := [child for child in below if _is_alive(child)]:
            if time.monotonic() > deadline:
                for left in alive:
                    left.kill()
                raise AssertionError(f"processes outlived their server: {alive}")
            time.sleep(0.01)


class ServeProcess(SparkProcess):
    """`spark-assets serve`, ready when `/readyz` says so."""

    def __init__(self, variables: Mapping[str, str], *arguments: str) -> None:
        super().__init__(variables)
        self._arguments = arguments
        self._certificate: Final = self.variables.get("SPARK_ASSETS_TLS_CERT")

    @property
    def base_url(self) -> str:
        """Where the server answers."""
        return f"http{'s' if self._certificate else ''}://127.0.0.1:{self.port}"

    @property
    def is_alive(self) -> bool:
        """Whether the process runs, and so does the one below it that last said that it is ready: it ends shortly after that one."""
        serving = _SERVING.findall(self.log)
        if not super().is_alive or not serving:
            return False
        try:
            return _is_alive(psutil.Process(int(serving[-1])))
        except psutil.NoSuchProcess:
            return False

    def launch(self, log: int) -> "subprocess.Popen[bytes]":
        """Start the server on its port."""
        return self._run_program(log, "serve", "--port", str(self.port), *self._arguments)

    def is_ready(self) -> bool:
        """Whether `/readyz` answers 200."""
        try:
            context = ssl.create_default_context(cafile=self._certificate) if self._certificate else None
            with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=5, context=context) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class WorkerProcess(SparkProcess):
    """`spark-assets worker`, ready when it says so."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self._said_before = 0

    def launch(self, log: int) -> "subprocess.Popen[bytes]":
        """Start the worker."""
        self._said_before = self._times_ready()
        return self._run_program(log, "worker")

    def is_ready(self) -> bool:
        """Whether it has said so since it was started; a start that was given up before it could does not count."""
        return self._times_ready() > self._said_before

    def _times_ready(self) -> int:
        return self.log.count("ready    worker")


class Service:
    """A server, and for a fleet a worker beside it, on one home."""

    def __init__(self, variables: Mapping[str, str], *, has_worker: bool) -> None:
        serve_arguments = ["--no-ingest"] if has_worker else []
        self.server: Final = ServeProcess(variables, *serve_arguments)
        self.worker: Final = WorkerProcess(variables) if has_worker else None
        for process in self.processes:
            process.variables["SPARK_ASSETS_HOME"] = str(process.home)
        self.variables: Final = dict(self.server.variables)
        self._keys: dict[tuple[str, ...], Json] = {}

    @property
    def processes(self) -> list[SparkProcess]:
        """The processes of this service."""
        return [self.server] if self.worker is None else [self.server, self.worker]

    @property
    def home(self) -> Path:
        """The home of the server; a worker has one of its own, as on another machine."""
        return self.server.home

    @property
    def is_fleet(self) -> bool:
        """Whether it runs on PostgreSQL and S3."""
        return self.worker is not None

    @property
    def base_url(self) -> str:
        """Where the server answers."""
        return self.server.base_url

    def __enter__(self) -> "Service":
        try:
            with ThreadPoolExecutor() as threads:
                for _ in threads.map(SparkProcess.__enter__, self.processes):
                    pass
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def start(self) -> None:
        """Start again what was stopped."""
        with ThreadPoolExecutor() as threads:
            for _ in threads.map(SparkProcess.start, self.processes):
                pass

    def close(self) -> None:
        """Stop everything and remove the home."""
        with ThreadPoolExecutor() as threads:
            for _ in threads.map(SparkProcess.close, self.processes):
                pass

    def command(self, *arguments: str, timeout: float = 60.0) -> "subprocess.CompletedProcess[str]":
        """Run `spark-assets` with these arguments on the service's settings."""
        return run(list(arguments), self.variables, timeout)

    def in_process(self, *arguments: str) -> Result:
        """Run a short command in this process, which has loaded its code already: a process of its own takes a second to do so.

        It has a thread of its own, for the test's may have an event loop that runs.
        """
        cleared = {name: None for name in os.environ if name.startswith("SPARK_ASSETS_")}
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(CliRunner().invoke, app, list(arguments), env={**cleared, **self.variables}).result()

    def quick_command(self, *arguments: str) -> Any:
        """What a command prints with `--json`, run in this process; it must succeed."""
        finished = self.in_process(*arguments, "--json")
        assert finished.exit_code == 0, finished.output
        output = json.loads(finished.stdout)
        given_out.note_output(output)
        return output

    def make_key(self, *options: str) -> Json:
        """A key made through the command line, once for each set of options."""
        if options not in self._keys:
            self._keys[options] = self.quick_command("keys", "create", "--name", "test", *options)
        return self._keys[options]

    def client(self, *options: str) -> SparkClient:
        """A caller whose key has these options of `keys create`."""
        return SparkClient(self.base_url, self.make_key(*options)["key"])

    def spool_files(self) -> list[str]:
        """What lies in the spool folders."""
        return sorted(path.name for process in self.processes for path in (process.home / "spool").iterdir())

    def wait_for_empty_spool(self, patience: float = 20.0) -> None:
        """Wait until the last preview has been published."""
        deadline = time.monotonic() + patience
        while found := self.spool_files():
            assert time.monotonic() < deadline, f"spool files stay: {found}"
            time.sleep(0.05)

    def doctor(self, *options: str) -> tuple[int, Json]:
        """Exit code and findings of `doctor --json`, the states by part."""
        finished = self.command("doctor", *options, "--json")
        assert finished.stdout, finished.stderr
        return finished.returncode, json.loads(finished.stdout)


def embedded(**settings: object) -> Service:
    """A service on SQLite and a folder, not started yet."""
    return Service(environment(**{"log_format": "json", "failed_key_delay": 0, **settings}), has_worker=False)


def fleet(postgres: PostgresServer, s3: S3Server, **settings: object) -> Service:
    """A service on a database and a bucket of its own, with a worker beside the server, not started yet."""
    variables = environment(
        **{
            "log_format": "json",
            "failed_key_delay": 0,
            "database_url": postgres.create_database(),
            "storage_url": f"s3://{s3.create_bucket()}/library",
            "s3_endpoint": s3.endpoint,
            "signing_keys": SECRET,
            "encryption_keys": SECRET,
            **settings,
        }
    )
    variables |= {
        "AWS_ACCESS_KEY_ID": s3.access_key_id,
        "AWS_SECRET_ACCESS_KEY": s3.secret_access_key,
        "AWS_REGION": s3.REGION,
    }
    return Service(variables, has_worker=True)
