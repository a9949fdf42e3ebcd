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


def say_from_now_on(framed: bytes, times: int = 1) -> bytes:
    """Stay in the child and, given a job, say these bytes."""
    from spark_assets.media import child

    child.perform = lambda encoded: say(framed, times)
    return b"captured"


def _called(number: int, *arguments: int) -> bytes:
    """The outcome of a system call by its number on x86-64 or, where it differs, 64-bit ARM."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(
        ctypes.c_long(number), *(ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments)
    )
    return f"refused {ctypes.get_errno()}".encode() if result < 0 else b"done"


def attempt_calls(calls: dict[str, tuple[int, ...]]) -> bytes:
    """Try system calls, each by its number and arguments; those that were not refused with EPERM."""
    return ", ".join(name for name, call in calls.items() if _called(*call) != b"refused 1").encode()


def tell_peak() -> bytes:
    """The most address space that this process has ever had, in bytes."""
    words = Path("/proc/self/status").read_text().split("VmPeak:")[1].split()
    return str(int(words[0]) * 1024).encode()


def hold_at_once(length: int) -> bytes:
    """Try to take so many bytes of memory in one piece."""
    import mmap

    return _outcome(lambda: mmap.mmap(-1, length).close())


def spin() -> bytes:
    """Use the processor without end, deaf to every polite signal."""
    import signal

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU, signal.SIGALRM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def raise_own_limits() -> bytes:
    """Try to raise every limit that was set for good; those that could be raised."""
    import resource

    names = ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE")
    attempts = {name: (getattr(resource, name), resource.getrlimit(getattr(resource, name))[1]) for name in names}
    raised = [
        name
        for name, (what, hard) in attempts.items()
        if _outcome(lambda w=what, h=hard: _raise_limit(w, h + 1)) == b"done"  # type: ignore[misc]
    ]
    return ", ".join(raised).encode()


def _raise_limit(what: int, limit: int) -> None:
    import resource

    try:
        resource.setrlimit(what, (limit, limit))
    except ValueError as error:
        raise OSError(1, str(error)) from error


def _way_out() -> list[int]:
    """Descriptors of pipes that can be written to: the way to the parent."""
    import fcntl
    import stat

    found = []
    for descriptor in range(3, 64):
        try:
            is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
            if is_pipe and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY:
                found.append(descriptor)
        except OSError:
            continue
    return found


def say(framed: bytes, times: int = 1) -> bytes:
    """Write bytes to the parent past everything that guards the pipe, then do nothing for long."""
    for _ in range(times):
        for descriptor in _way_out():
            os.write(descriptor, framed)
    time.sleep(60)
    return b""


def hold_locks() -> bytes:
    """Take the locks of the pipes, so that nobody else gets them, then do nothing for long."""
    import gc

    for found in gc.get_objects():
        if type(found).__name__ == "RLock" and hasattr(found, "_semlock"):
            found.acquire(False)
    time.sleep(60)
    return b""


def tell_hands() -> bytes:
    """What stands open here: how many descriptors, the working directory's names, the arguments, the name of the process."""
    held = []
    for descriptor in range(64):
        try:
            os.fstat(descriptor)
            held.append(descriptor)
        except OSError:
            continue
    import sys

    return f"{len(held)} {sys.argv} {os.environ}".encode()
