"""The long form of `tests/end_to_end/test_coming_and_going.py`: everything goes away in turn, several times, under load."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from tests.chaos.coming_and_going import Fleet, is_unharmed

ROUNDS: Final = int(os.environ.get("CHAOS_ROUNDS", "3"))


@pytest.fixture
def ours(picture: bytes) -> Iterator[Fleet]:
    with Fleet(picture, programs=6) as running:
        yield running


@pytest.mark.chaos
def test_programs_notice_nothing_while_each_part_of_a_fleet_is_killed_and_restarted_in_turn(ours: Fleet) -> None:
    began = time.monotonic()
    with ours.load:
        for number in range(ROUNDS):
            for process in ours.processes:
                ours.load.wait_for(5)
                ours.kill(process)
            for process in ours.processes:
                ours.load.wait_for(5)
                ours.restart(process)
            ours.load.wait_for(5)
            ours.restart_postgres()
            ours.load.wait_for(5)
            ours.crash_postgres()
            ours.load.wait_for(5)
            with ThreadPoolExecutor() as threads, ours.without_s3(20.0):
                if number % 2:  # a server and a worker go meanwhile; the server is ready again only with S3
                    threads.submit(ours.kill, ours.servers[0])
                    threads.submit(ours.restart, ours.workers[0])
        ours.load.wait_for(10)
    broken = ours.judge()
    print(f"{ROUNDS} rounds in {time.monotonic() - began:.0f} s: {ours.figures}")
    assert broken == []
    assert all(is_unharmed(server.base_url, ours.service.make_key()["key"]) for server in ours.servers)
