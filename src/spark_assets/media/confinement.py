"""What a child gives up before it sees the first hostile byte, layer by layer."""

import ctypes
import os
import resource
import site
import sysconfig
from pathlib import Path
from typing import Final

import msgspec

from spark_assets.media.landlock import landlock_version, restrict_files
from spark_assets.media.seccomp import refuse_calls, seccomp_offered

_NO_NEW_PRIVILEGES: Final = 38
"""PR_SET_NO_NEW_PRIVS of include/uapi/linux/prctl.h."""
_CAPABILITY_VERSION: Final = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3 of include/uapi/linux/capability.h: two words of 32 bits for each of three sets."""
_LARGEST_FILE: Final = 0
"""Bytes that a child may write into one file: it writes none."""
_OPEN_FILES: Final = 64
_LIBRARIES: Final = (Path("/lib"), Path("/lib64"), Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))
"""The C library loads some of its parts when they are first needed."""


class Layers(msgspec.Struct, frozen=True):
    """Which layers of confinement hold: resource limits and `no_new_privs` on every Unix that has them, the others on Linux."""

    resource_limits: bool
    no_new_privileges: bool
    landlock: bool
    seccomp: bool


def offered_layers() -> Layers:
    """What this kernel offers, asked without giving anything up."""
    return Layers(resource_limits=True, no_new_privileges=True, landlock=landlock_version() > 0, seccomp=seccomp_offered())


def confine(lent: Path, memory: int) -> Layers:
    """Give up, for the rest of this process, all that parsing does not need; what holds is reported.

    It keeps `memory` bytes of address space, reading files beneath `lent` whose names it is told, and reading the installation
    of Python. It can write no file, not even one that it may read.
    """
    os.environ.clear()
    limited = _limit_resources(memory)
    return Layers(
        resource_limits=limited,
        no_new_privileges=_forgo_privileges(),
        landlock=restrict_files(_installation(), [lent]),
        seccomp=refuse_calls(),
    )


def allow_processor_time(seconds: float) -> None:
    """Move the limit on processor time to so many seconds from now: it counts over the whole life of a process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _forgo_privileges() -> bool:
    """Give up every capability, which a server that runs as root would pass on, and the gaining of others."""
    libc = ctypes.CDLL(None, use_errno=True)
    nobody, nothing = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    return bool(libc.capset(nobody, nothing) == 0 and libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0)


def _limit_resources(memory: int) -> bool:
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: _LARGEST_FILE,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    return True


def _installation() -> list[Path]:
    """Folders of the standard library, of installed packages, of this package, and of the system's libraries."""
    named = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [*named, *(Path(folder) for folder in site.getsitepackages()), Path(__file__).parents[1], *_LIBRARIES]
