"""A file in a form is streamed: the server does not grow with it."""

import http.client
import os
from typing import Final

from tests.end_to_end.test_hostile_transfers import Footprint
from tests.factories.spark_processes import embedded

SIZE: Final = 128
"""MiB of the file."""
GROWTH: Final = 32 * 2**20
_FIELD: Final = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
_FILE: Final = '--x\r\nContent-Disposition: form-data; name="file"; filename="large.mp4"\r\n\r\n'


def test_a_large_file_in_a_form_is_never_held_in_memory() -> None:
    with embedded(media_policy="open") as service:
        client = service.client()
        head = f"{_FIELD.format('type', 'Video')}{_FIELD.format('group_id', client.create_group())}{_FILE}".encode()
        tail = b"\r\n--x--\r\n"
        footprint = Footprint(service)
        connection = http.client.HTTPConnection("127.0.0.1", service.server.port, timeout=60)
        connection.putrequest("POST", "/v1/uploads")
        connection.putheader("Authorization", f"Bearer {client.key}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=x")
        connection.putheader("Content-Length", str(len(head) + SIZE * 2**20 + len(tail)))
        connection.endheaders(head)
        piece = os.urandom(2**20)
        with footprint.watched():
            for _ in range(SIZE):
                connection.send(piece)
            connection.send(tail)
            answer = connection.getresponse()
            assert (answer.status, answer.read() != b"") == (202, True)
        connection.close()
        assert footprint.growth < GROWTH
