"""The model of ingesting agrees with what theory says of the queues that it can be reduced to."""

import statistics

import pytest

from bench.queueing import WAIT, Passage, Step, System, Work, simulate

SECONDS = 0.01


def _passages(system: System, *ingesting: Step, rate: float, count: int = 20_000) -> list[Passage]:
    return simulate(system, [Work((), ingesting)], rate, count, seed=7)


def _mean(seconds: list[float]) -> float:
    return statistics.fmean(seconds)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_place_with_an_even_need_waits_as_long_as_pollaczek_and_khinchine_say(load: float) -> None:
    passages = _passages(System(places=1, cores=1, stations={"loop": 1}), Step("loop", SECONDS), rate=load / SECONDS)
    expected = SECONDS * load / (2 * (1 - load))
    assert _mean([passage.queued for passage in passages]) == pytest.approx(expected, rel=0.1)


def test_a_shared_core_serves_as_processor_sharing_does() -> None:
    load = 0.5
    passages = _passages(System(places=10_000, cores=1, stations={"loop": 10_000}), Step("loop", SECONDS), rate=load / SECONDS)
    assert _mean([passage.lasted for passage in passages]) == pytest.approx(SECONDS / (1 - load), rel=0.1)


def test_waits_take_their_time_and_no_processor() -> None:
    passages = _passages(System(places=10_000, cores=1, stations={}), Step(WAIT, SECONDS), rate=1000)
    assert all(passage.lasted == pytest.approx(SECONDS) for passage in passages)


@pytest.mark.parametrize(("cores", "lasted"), [(2, SECONDS), (1, 2 * SECONDS)])
def test_steps_slow_each_other_down_only_when_cores_are_short(cores: int, lasted: float) -> None:
    both = _passages(System(places=2, cores=cores, stations={"loop": 2}), Step("loop", SECONDS), rate=1e9, count=2)
    assert [passage.lasted for passage in both] == pytest.approx([lasted, lasted], rel=0.01)


def test_twice_the_machines_carry_twice_the_load() -> None:
    one, two = (
        _passages(System(4, 1, {"loop": 1}, machines=machines), Step("loop", SECONDS), rate=1e6, count=2_000) for machines in (1, 2)
    )
    assert one[-1].ended == pytest.approx(2 * two[-1].ended, rel=0.01)


def test_a_step_of_a_full_station_waits_its_turn() -> None:
    first, second = _passages(System(2, 2, {"loop": 1}), Step("loop", SECONDS), rate=1e9, count=2)
    assert (first.ended, second.ended) == (pytest.approx(SECONDS, rel=0.01), pytest.approx(2 * SECONDS, rel=0.01))


def test_what_a_file_needs_after_its_end_holds_up_others_and_not_itself() -> None:
    work = Work((), (Step("loop", SECONDS),), (Step("loop", 2 * SECONDS),))
    first, second = simulate(System(1, 1, {"loop": 1}), [work], rate=1e9, count=2, seed=1)
    assert (first.ended, second.ended) == (pytest.approx(SECONDS, rel=0.01), pytest.approx(4 * SECONDS, rel=0.01))


def test_the_same_seed_gives_the_same_passages() -> None:
    system = System(places=2, cores=2, stations={"loop": 1})
    assert _passages(system, Step("loop", SECONDS), rate=120, count=200) == _passages(system, Step("loop", SECONDS), rate=120, count=200)
