"""The server keeps the locks of its SQLite file, whatever else it does with its descriptors."""

import sqlite3

from tests.factories.spark_processes import embedded


def test_what_was_acknowledged_stays_when_another_process_closes_the_database_and_the_server_is_killed() -> None:
    with embedded() as service:
        client = service.client()
        group = client.create_group()
        other = sqlite3.connect(service.home / "library.db")
        other.execute("SELECT count(*) FROM groups").fetchall()
        other.close()
        # A server that has lost its locks would have its log of writes removed by whoever closes the file last.
        assert (service.home / "library.db-wal").exists()
        service.server.kill()
        service.server.start()
        assert client.call("GET", f"/v1/groups/{group}").status == 200
