"""A task, followed until it has ended or the time is up."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from spark_assets.client import AsyncTask, WaitTimedOut

if TYPE_CHECKING:
    from spark_assets.client import Progress


async def follow(task: AsyncTask, timeout: float, tell: "Callable[[Progress], None]") -> None:
    """Tell of each step of a task; it is then up to date, and completed or failed. Raises WaitTimedOut after so many seconds."""
    try:
        async with asyncio.timeout(timeout), aclosing(task.events()) as steps:
            async for step in steps:
                tell(step)
    except TimeoutError:
        if not task.is_over:
            raise WaitTimedOut(task.body, timeout) from None
