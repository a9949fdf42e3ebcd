"""Processes that are killed or stopped in the middle of their work lose nothing and double nothing."""

from tests.end_to_end.shelf import Shelf
from tests.end_to_end.wreckage import Wreck, everything_is_done_once, submit_slow_files, wait_until_in_the_middle
from tests.factories.ledger import Ledger


def test_a_kill_in_the_middle_of_fifty_ingests_loses_and_doubles_nothing(wrecked: Wreck) -> None:
    everything_is_done_once(wrecked.service, wrecked.caller, wrecked.expected)


def test_a_server_whose_inner_process_is_killed_ends_and_can_be_started_again(wrecked: Wreck) -> None:
    server = wrecked.service.server
    server.descendants()[0].kill()
    server.wait()
    assert server.exit_code not in {0, None}
    server.start()
    assert wrecked.caller.create_group()


def test_a_stop_in_the_middle_drains_exits_with_0_and_loses_nothing(wrecked: Wreck, shelf: Shelf, contents: list[bytes]) -> None:
    service, caller = wrecked.service, wrecked.caller
    expected = submit_slow_files(caller, shelf, contents, "stopped", 30)
    wait_until_in_the_middle(caller, expected, ended=3)
    for process in reversed(service.processes):
        process.stop()
        assert process.exit_code == 0, process.log[-3000:]
    assert all(name.endswith(".preview") for name in service.spool_files()), "only what waits to be published may be left"
    service.start()
    everything_is_done_once(service, caller, expected)
    attempts = {row[0]: row[3] for row in Ledger(service).created()}
    assert {attempts[task_id] for task_id in expected} == {1}, "what a stop interrupts does not count as an attempt"
