"""nginx and Caddy with our samples, changed in nothing but what a reader must change: name, port, certificate, server."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.factories.certificates import Certificate
from tests.factories.loopback_server import LoopbackServer

ROOT: Final = Path(__file__).parents[2]
SAMPLES: Final = ROOT / "deploy"
_UNPACKED: Final = ROOT / ".venv" / "proxies" / "usr"
_PLACES: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", *map(str, (_UNPACKED / "sbin", _UNPACKED / "bin"))])


def find_program(name: str) -> str:
    """The program, installed or unpacked by `make proxies`; the test is skipped without it."""
    found = shutil.which(name, path=_PLACES)
    if found is None:
        pytest.skip(f"there is no {name} here; 'make {'promtool' if name == 'promtool' else 'proxies'}' gets it where apt-get is")
    return found


class Proxy(LoopbackServer):
    """A proxy with one of the samples, that speaks TLS on its port and leads to a port that is told before the start."""

    def __init__(self, sample: str, certificate: Certificate) -> None:
        super().__init__()
        self.sample: Final = SAMPLES / sample
        self.text: Final = self.sample.read_text()
        self.certificate: Final = certificate
        self.target = 0
        """The port of the server behind it."""

    def prepare(self) -> None:
        """Nothing: the configuration needs the port."""

    def is_ready(self) -> bool:
        """Whether the port is open."""
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def changed(self, **replaced: str) -> str:
        """The sample with these words in place of those that stand in it."""
        text = self.text
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        return text

    def run(self, log: int, *command: str) -> "subprocess.Popen[bytes]":
        """The program in its folder."""
        environment = {"PATH": os.defpath, "HOME": str(self.folder)}
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


class Nginx(Proxy):
    """nginx in the foreground."""

    def launch(self, log: int) -> "subprocess.Popen[bytes]":
        """Write the configuration and start."""
        return self.run(log, find_program("nginx"), *self.arguments())

    def arguments(self) -> list[str]:
        """What nginx is started with; its configuration is written."""
        file = self.folder / "nginx.conf"
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        site = self._site() if "server {" in self.text else self._around(self._place())
        file.write_text(
            f"daemon off; worker_processes 1; pid {self.folder}/nginx.pid; error_log stderr warn;\n"
            f"events {{ worker_connections 512; }}\nhttp {{\naccess_log off;\n{temporary}{site}\n}}\n"
        )
        return ["-e", "stderr", "-p", str(self.folder), "-c", str(file)]

    def _site(self) -> str:
        """The sample with server blocks of its own."""
        return self._place(
            **{
                "listen 443": f"listen 127.0.0.1:{self.port}",
                "listen 80;": f"listen unix:{self.folder}/plain;",
                "/etc/ssl/assets.example.com.pem": str(self.certificate.chain),
                "/etc/ssl/assets.example.com.key": str(self.certificate.key),
            }
        )

    def _place(self, **more: str) -> str:
        return self.changed(**{"127.0.0.1:8080": f"127.0.0.1:{self.target}", **more})

    def _around(self, location: str) -> str:
        """A site that has other things to serve."""
        return (
            f"server {{\nlisten 127.0.0.1:{self.port} ssl;\nssl_certificate {self.certificate.chain};\n"
            f"ssl_certificate_key {self.certificate.key};\nlocation / {{ return 404 elsewhere; }}\n{location}\n}}"
        )


class Caddy(Proxy):
    """Caddy in the foreground."""

    def launch(self, log: int) -> "subprocess.Popen[bytes]":
        """Write the configuration and start."""
        return self.run(log, find_program("caddy"), "run", *self.arguments())

    def arguments(self) -> list[str]:
        """What says where the configuration is; it is written."""
        file = self.folder / "Caddyfile"
        name = "\nassets.example.com {" if "\nassets.example.com {" in self.text else "\nexample.com {"
        site = f"\nhttps://127.0.0.1:{self.port} {{\n\tbind 127.0.0.1\n\ttls {self.certificate.chain} {self.certificate.key}\n"
        text = self.changed(**{name: site, "reverse_proxy 127.0.0.1:8080": f"reverse_proxy 127.0.0.1:{self.target}"})
        file.write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{text}")
        return ["--config", str(file), "--adapter", "caddyfile"]
