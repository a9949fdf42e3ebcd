from spark_assets.db.memory_rates import MemoryRates
from spark_assets.ports.rates import Verdict


async def test_requests_are_counted_in_whole_seconds_and_forgotten_with_them() -> None:
    times = iter([7.0, 7.5, 7.999, 8.0, 8.999, 9.5])
    rates = MemoryRates(lambda: next(times))
    verdicts = [await rates.take("key-1", "spark_asset_list", 2) for _ in range(6)]
    assert [(verdict.allowed, verdict.remaining) for verdict in verdicts] == [
        (True, 1), (True, 0), (False, 0), (True, 1), (True, 0), (True, 1),
    ]  # fmt: skip
    assert verdicts[2] == Verdict(allowed=False, remaining=0, reset=1)
