"""How much memory the processes of a server take."""

import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

_PROCESSES: Final = Path("/proc")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PARENT: Final = 1
_PAGES: Final = 21
"""Fields of `stat` behind the name, which ends with the last bracket: proc(5), where they are the 4th and the 24th."""


class _Process(NamedTuple):
    parent: int
    resident: int


def resident_bytes() -> Mapping[str, int]:
    """Resident bytes of the server's or worker's own processes (`main`), and of those that they started (`children`).

    The own ones are this one and, of a server, its supervisor and its siblings. Memory that processes share counts for each.
    """
    found = _processes()
    supervisor = multiprocessing.parent_process()
    root = os.getpid() if supervisor is None or supervisor.pid is None else supervisor.pid
    main = {root, os.getpid()} | ({number for number, one in found.items() if one.parent == root} if root != os.getpid() else set())
    totals = {"main": 0, "children": 0}
    for number, one in found.items():
        if number in main:
            totals["main"] += one.resident
        elif _descends(number, main, found):
            totals["children"] += one.resident
    return totals


def _descends(number: int, ancestors: set[int], found: Mapping[int, _Process]) -> bool:
    seen: set[int] = set()
    while number in found and number not in seen:
        seen.add(number)
        number = found[number].parent
        if number in ancestors:
            return True
    return False


def _processes() -> dict[int, _Process]:
    """Those that can be seen; one that ends meanwhile is left out."""
    found = {}
    for entry in _PROCESSES.iterdir() if _PROCESSES.is_dir() else ():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = _Process(int(fields[_PARENT]), int(fields[_PAGES]) * _PAGE)
            except (OSError, IndexError, ValueError):
                continue
    return found
