"""What is counted in this process, and how it is shown."""

import asyncio
from typing import TYPE_CHECKING

from spark_assets import __version__
from spark_assets.operations.load import LoadGauge
from spark_assets.ports.metrics import Exposition
from spark_assets.settings import Settings

if TYPE_CHECKING:
    from spark_assets.metrics.prometheus import PrometheusMetrics


def open_metrics(settings: Settings) -> "PrometheusMetrics":
    """Counting for Prometheus; loaded only here, for commands that serve nothing count nothing."""
    from spark_assets.metrics.prometheus import PrometheusMetrics  # noqa: PLC0415  # as said

    return PrometheusMetrics(version=__version__, database="sqlite" if settings.is_embedded else "postgresql")


class Scrape:
    """Answers scrapes, one at a time."""

    def __init__(self, exposition: Exposition, load: LoadGauge) -> None:
        self.media_type = exposition.media_type
        self._exposition = exposition
        self._load = load
        self._lock = asyncio.Lock()

    async def render(self) -> bytes:
        """All that was counted, as text."""
        async with self._lock:
            load = await self._load.read()
            self._exposition.gather()
            return await asyncio.to_thread(self._exposition.render, load)
