"""Landlock: a process gives up every file but some that it may read. Linux 5.13 and later.

Called directly, as the C library has no wrapper.
Numbers: include/uapi/linux/landlock.h; the meaning of each version: Documentation/userspace-api/landlock.rst of the kernel.
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_READ_FILE: Final = 1 << 2
_READ_DIRECTORY: Final = 1 << 3
_FILE_RIGHTS_BY_VERSION: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many of the rights to files each version knows, counted from the lowest bit."""
_NETWORK_RIGHTS: Final = 0b11
"""Binding and connecting TCP sockets; version 4."""
_SCOPES: Final = 0b11
"""Abstract sockets and signals of processes outside; version 6."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def landlock_version() -> int:
    """The version that the kernel offers; 0 if it has none or it is switched off."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)))


def restrict_files(listed: Iterable[Path], unlisted: Iterable[Path]) -> bool:
    """Give up, for ever, all files but reading those beneath the given folders; TCP too where the kernel can.

    What lies in `listed` folders can be found out, what lies in `unlisted` ones must be known by name. Nothing can be written.
    True if it holds. Needs `no_new_privs`. Folders that do not exist are passed over.
    """
    version = landlock_version()
    if version == 0:
        return False
    files = (1 << _FILE_RIGHTS_BY_VERSION[min(version, 5)]) - 1
    rules = _Ruleset(files, _NETWORK_RIGHTS if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    length = 24 if version >= 6 else 16 if version >= 4 else 8
    libc = _libc()
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(length), 0)
    if ruleset < 0:
        return False
    try:
        granted = [(path, _READ_FILE | _READ_DIRECTORY) for path in listed] + [(path, _READ_FILE) for path in unlisted]
        complete = all(_allow(libc, ruleset, path, rights) for path, rights in granted if path.is_dir())
        return complete and libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, folder: Path, rights: int) -> bool:
    parent = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(rights, parent)
        return int(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)) == 0
    finally:
        os.close(parent)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
