"""What a client sees right after a server was killed and started again; `test_survival.py` waits for the rest."""

from tests.end_to_end.wreckage import Wreck


def test_whatever_was_acknowledged_before_a_kill_is_there_after_the_restart(wrecked: Wreck) -> None:
    assert len(wrecked.acknowledged) >= 20
    for task_id in wrecked.acknowledged:
        assert wrecked.caller.poll(task_id)["status"] == "completed"
    for task_id in wrecked.expected:
        assert wrecked.caller.poll(task_id)["status"] in {"in_progress", "completed"}
