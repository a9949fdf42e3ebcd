"""What a captured child might do, tried from inside one: ways to reach what it must not, ways to lie, ways to die."""

import ctypes
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path


def _outcome(attempt: Callable[[], object]) -> bytes:
    try:
        attempt()
    except OSError as error:
        return f"refused {error.errno}".encode()
    return b"done"


def attempt_connection(port: int) -> bytes:
    """Try to reach a listening socket on this machine."""
    return _outcome(lambda: socket.create_connection(("127.0.0.1", port), timeout=2).close())


def attempt_reading(path: str) -> bytes:
    """Try to read a file."""
    try:
        return b"read " + Path(path).read_bytes()
    except OSError as error:
        return f"refused {error.errno}".encode()


def attempt_listing(folder: str) -> bytes:
    """Try to learn the names in a folder."""
    return _outcome(lambda: list(Path(folder).iterdir()))


def attempt_making(path: str) -> bytes:
    """Try to make a file, a folder and a symbolic link; the outcome if all agree."""
    made = Path(path)
    outcomes = {_outcome(attempt) for attempt in (made.touch, made.mkdir, lambda: made.symlink_to("/etc/passwd"))}
    return b" and ".join(sorted(outcomes))


def _change_name(path: Path) -> None:
    path.rename(path.with_suffix(".moved")).rename(path)


def attempt_changing(path: str) -> bytes:
    """Try every way to change a file that exists, its attributes, or its name; the ways that worked."""
    file = Path(path)
    ways: dict[str, Callable[[], object]] = {
        "write": lambda: os.open(file, os.O_WRONLY),
        "update": lambda: os.open(file, os.O_RDWR),
        "append": lambda: os.open(file, os.O_WRONLY | os.O_APPEND),
        "write through its descriptor": lambda: os.open(f"/proc/self/fd/{os.open(file, os.O_RDONLY)}", os.O_RDWR),
        "empty by opening": lambda: os.open(file, os.O_RDONLY | os.O_TRUNC),
        "truncate": lambda: os.truncate(file, 1),
        "chmod": lambda: file.chmod(0o666),
        "utime": lambda: os.utime(file, (1, 1)),
        "setxattr": lambda: os.setxattr(file, b"user.mark", b"x"),
        "link": lambda: file.with_suffix(".linked").hardlink_to(file),
        "rename": lambda: _change_name(file),
        "unlink": file.unlink,
    }
    return ", ".join(way for way, attempt in ways.items() if _outcome(attempt) == b"done").encode()


def attempt_program() -> bytes:
    """Try to become another program."""
    return _outcome(lambda: os.execv("/bin/true", ["true"]))


def attempt_process() -> bytes:
    """Try to make another process."""
    try:
        child = os.fork()
    except OSError as error:
        return f"refused {error.errno}".encode()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return b"forked"


def attempt_signal(process: int) -> bytes:
    """Try to look whether a signal could be sent to another process."""
    return _outcome(lambda: os.kill(process, 0))


def tell_surroundings() -> bytes:
    """How many variables the kernel handed over, descriptors that are sockets, and variables that Python knows."""
    environment = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    variables = 0
    while bool(environment) and environment[variables]:
        variables += 1
    sockets = 0
    for descriptor in range(64):
        try:
            sockets += os.fstat(descriptor).st_mode & 0o170000 == 0o140000
        except OSError:
            continue
    return f"{variables} {sockets} {len(os.environ)}".encode()


def tell_process() -> bytes:
    """The number of the child."""
    return str(os.getpid()).encode()


def hog_memory() -> bytes:
    """Take more memory than allowed."""
    held = []
    try:
        while True:
            held.append(bytearray(64 * 2**20))
    except MemoryError:
        return str(len(held)).encode()


def crash() -> bytes:
    """Fault in native code."""
    return ctypes.string_at(0)


def linger() -> bytes:
    """Take the name `lingering` (PR_SET_NAME), which others can see, then do nothing for long."""
    ctypes.CDLL(None).prctl(15, b"lingering", 0, 0, 0)
    time.sleep(60)
    return b""


def answer_from_now_on(answer: object) -> bytes:
    """Stay in the child and answer every later job with the same lie."""
    from spark_assets.media import child

    child.perform = lambda encoded: answer  # type: ignore[assignment,return-value]
    return b"captured"


class Poison:
    """Unpickled, it would run a function of its choice in the parent."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.target,)

    def __init__(self, target: str) -> None:
        self.target = target


def send_poison(target: str) -> object:
    """Answer with an object that acts when it is unpickled."""
    return Poison(target)
