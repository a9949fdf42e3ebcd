"""Fixtures for real servers, one of each per test run, started when the first test asks for it.

Registered with `pytest_plugins = ["tests.factories.fixtures"]` in the topmost `conftest.py`.
"""

from collections.abc import Iterator

import pytest

from tests.factories.servers import AzureServer, GoogleServer, PostgresServer, S3Server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL; a test that stops it starts it again."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A running S3 server; a test that stops it starts it again."""
    with S3Server() as server:
        yield server


@pytest.fixture(scope="session")
def google_server() -> Iterator[GoogleServer]:
    """A running server that speaks as Google Cloud Storage does; likewise."""
    with GoogleServer() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[AzureServer]:
    """A running emulator of Azure Blob Storage; likewise."""
    if not AzureServer.PROGRAM.exists():
        pytest.skip("the emulator of Azure Blob Storage is not installed: 'make azurite' does that where there is npm")
    with AzureServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Address of an empty database of this test's own, dropped after it."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)
