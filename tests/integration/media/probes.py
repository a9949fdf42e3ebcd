"""Work given to confined children in tests: attempts to do what they must not, and ways to die. Run inside the child."""

import ctypes
import os
import socket
import time
from pathlib import Path


def attempt_connection(port: bytes) -> bytes:
    """Try to reach a listening socket on this machine."""
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=2):
            return b"connected"
    except OSError as error:
        return f"refused {error.errno}".encode()


def attempt_reading(path: bytes) -> bytes:
    """Try to read a file."""
    try:
        return b"read " + Path(os.fsdecode(path)).read_bytes()
    except OSError as error:
        return f"refused {error.errno}".encode()


def attempt_writing(path: bytes) -> bytes:
    """Try to write a file."""
    try:
        Path(os.fsdecode(path)).write_bytes(b"x")
    except OSError as error:
        return f"refused {error.errno}".encode()
    return b"written"


def attempt_program() -> bytes:
    """Try to become another program."""
    try:
        os.execv("/bin/true", ["true"])
    except OSError as error:
        return f"refused {error.errno}".encode()


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


def attempt_signal(process: bytes) -> bytes:
    """Try to look whether a signal could be sent to another process."""
    try:
        os.kill(int(process), 0)
    except OSError as error:
        return f"refused {error.errno}".encode()
    return b"sent"


def tell_surroundings() -> bytes:
    """The environment as the kernel handed it over, the working folder's entries, and the descriptors that are sockets."""
    environment = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    variables = 0
    while environment and environment[variables]:
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


def linger(mark: bytes) -> bytes:
    """Tell the own process by a file, then do nothing for long."""
    Path(os.fsdecode(mark)).write_text(str(os.getpid()))
    time.sleep(60)
    return b""


class Poison:
    """Unpickled, it would run a function of its choice in the parent."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.target,)

    def __init__(self, target: str) -> None:
        self.target = target


def send_poison(target: bytes) -> object:
    """Answer with an object that acts when it is unpickled."""
    return Poison(os.fsdecode(target))
