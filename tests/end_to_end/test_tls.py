"""HTTPS without a proxy."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.factories.certificates import Certificate, make_certificate
from tests.factories.spark_processes import Service, embedded

HANDSHAKE = 10.0
"""Seconds that a client has to shake hands, and again for the headers of a request."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """One for 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def service(certificate: Certificate) -> Iterator[Service]:
    """A server with that certificate."""
    with embedded(tls_cert=certificate.chain, tls_key=certificate.key) as running:
        yield running


def test_the_server_speaks_tls_and_hands_out_addresses_that_say_so(service: Service, certificate: Certificate) -> None:
    key = service.make_key()["key"]
    with httpx2.Client(base_url=service.base_url, verify=certificate.trusting) as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/openapi.json").json()["servers"] == [{"url": service.base_url}]
        signed_in = client.post("/console/sign-in", data={"key": key}, headers={"Origin": service.base_url})
        assert "; Secure" in signed_in.headers["set-cookie"]
    assert service.base_url.startswith("https://")
    assert f"console  {service.base_url}/console\n" in service.server.log
    assert "connections_unbounded" not in service.server.log


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_two_versions_that_are_safe_are_spoken(service: Service, certificate: Certificate, version: ssl.TLSVersion) -> None:
    context = certificate.trusting
    context.minimum_version = context.maximum_version = version
    with httpx2.Client(verify=context) as client:
        assert client.get(f"{service.base_url}/healthz").status_code == 200


def test_who_does_not_speak_tls_or_says_nothing_is_given_up_and_others_are_served(service: Service, certificate: Certificate) -> None:
    there = ("127.0.0.1", service.server.port)
    began = time.monotonic()
    with (
        socket.create_connection(there) as plain,
        socket.create_connection(there) as silent,
        certificate.trusting.wrap_socket(socket.create_connection(there), server_hostname="127.0.0.1") as greeted,
    ):
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        with httpx2.Client(verify=certificate.trusting) as client:
            assert client.get(f"{service.base_url}/healthz").status_code == 200
        for connection in (plain, silent, greeted):
            connection.settimeout(2 * HANDSHAKE)
            assert b"HTTP/1.1 200" not in _all_of(connection)
        assert time.monotonic() - began < 2 * HANDSHAKE


def _all_of(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = b""
    try:
        while piece := connection.recv(1024):
            found += piece
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("fault", ["another key", "no certificate", "no file"])
def test_a_certificate_that_cannot_be_served_with_stops_the_start_in_one_sentence(
    service: Service, certificate: Certificate, tmp_path: Path, fault: str
) -> None:
    expected = "expected a certificate chain and its private key"
    chain, key, reason = {
        "another key": (certificate.chain, make_certificate(tmp_path).key, expected),
        "no certificate": (certificate.key, certificate.key, expected),
        "no file": (tmp_path / "nowhere", certificate.key, "No such file"),
    }[fault]
    finished = service.in_process("serve", "--tls-cert", str(chain), "--tls-key", str(key))
    assert finished.exit_code == 1
    assert finished.stderr.startswith("spark-assets: SPARK_ASSETS_TLS_CERT and SPARK_ASSETS_TLS_KEY cannot be used: ")
    assert reason in finished.stderr
    another = embedded(home=tmp_path, tls_cert=chain, tls_key=key)
    assert another.in_process("doctor").stderr == finished.stderr
    another.close()
