"""Row `ingest-large`: distinct MP4s of 50 MB, 4 at once, in MB/s, against `curl` to a file and then `sha256sum`.

Our side runs from the first creation to the last task seen completed; the files are durable by then, the baseline's need
not be.
"""

import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from bench.figures import ROUNDS, Figure, Goal, compare
from bench.media import MEGABYTE, make_mp4
from bench.origin import serving_media
from bench.progress import tell
from bench.server import Server, serving

FILES: Final = 12
"""Files of one round of one side."""
AT_ONCE: Final = 4
SIZE: Final = 50 * MEGABYTE
_GOAL: Final = Goal(0.90, at_least=True)


def measure() -> list[Figure]:
    """Run the row."""
    ours, baseline = [], []
    with tempfile.TemporaryDirectory(prefix="spark-assets-bench-") as name:
        folder = Path(name)
        clip = make_mp4(folder / "clip.mp4", SIZE)
        megabytes = FILES * clip.stat().st_size / MEGABYTE
        with serving_media(clip) as origin, serving(settings={"INGEST_CONCURRENCY": str(AT_ONCE)}) as server:
            group_id = server.group_id()
            for number in range(1, ROUNDS + 1):
                urls = [f"{origin}/mp4/{number * FILES + index}" for index in range(FILES)]
                ours.append(megabytes / _ingest_with_us(server, group_id, urls))
                server.wait_until_idle()
                baseline.append(megabytes / _ingest_with_baseline(folder / "baseline", urls))
                tell("ingest-large", f"round {number} of {ROUNDS}: {ours[-1]:.0f} MB/s, baseline {baseline[-1]:.0f}")
    return [compare("ingest-large", "MB/s", ours, baseline, _GOAL)]


def _ingest_with_us(server: Server, group_id: str, urls: list[str]) -> float:
    """Seconds."""
    began = time.perf_counter()
    server.wait_for_all([server.create_asset(url, group_id, "Video") for url in urls])
    return time.perf_counter() - began


def _ingest_with_baseline(folder: Path, urls: list[str]) -> float:
    """Seconds."""
    folder.mkdir()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        began = time.perf_counter()
        for _ in threads.map(_fetch_and_hash, urls, (folder / str(index) for index in range(len(urls)))):
            pass
        lasted = time.perf_counter() - began
    shutil.rmtree(folder)
    return lasted


def _fetch_and_hash(url: str, path: Path) -> None:
    subprocess.run(["curl", "--silent", "--fail", "--output", str(path), url], check=True)
    subprocess.run(["sha256sum", str(path)], check=True, stdout=subprocess.DEVNULL)
