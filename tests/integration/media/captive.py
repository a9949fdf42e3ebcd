"""The program of a child for tests: confined as every child, it also does what a probe says that it was brought as text.

As text, for a confined child can read no file that we could put it into; compressed, for a job is short.
"""

import zlib

from spark_assets.media import child

PROBE = b"probe "
_perform = child.perform


def run(jobs: int, answers: int, lent: str, memory: int) -> None:
    """The life of a real child, but for the jobs that are probes."""
    child.perform = perform
    child.run(jobs, answers, lent, memory)


def perform(job: bytes) -> bytes:
    """What the probe answers, or else the real answer to the job."""
    if not job.startswith(PROBE):
        return _perform(job)
    answer = eval(zlib.decompress(job.removeprefix(PROBE)))  # text of our own
    assert isinstance(answer, bytes)
    return answer
