"""How children are started: with nothing of ours in their hands, and with no way to hand us more than plain data.

The standard `spawn` passes on the environment (and with it every secret in it) and imports the parent's main module; a message
from a child is unpickled freely. Here a child gets an empty environment, an empty working folder and two pipes, and its
messages may name nothing but the pool's own records.
"""

import io
import multiprocessing.connection
import multiprocessing.context
import os
import pickle
import pickletools
import subprocess
import sys
from multiprocessing import popen_spawn_posix, reduction, util
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from pebble.common.types import Result, ResultStatus
from pebble.pool.process import Acknowledgement, TaskProblem, TaskResult

LARGEST_MESSAGE: Final = 2 * 2**20
"""Bytes of one message from a child: a preview of at most 1 MiB and its facts."""
_ACCEPTED_TYPES: Final = {
    (kind.__module__, kind.__qualname__): kind for kind in (Result, ResultStatus, Acknowledgement, TaskProblem, TaskResult)
}
_PLAIN_STEPS: Final = frozenset(
    {
        *("PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINGET", "LONG_BINGET", "STACK_GLOBAL", "NEWOBJ", "REDUCE", "BUILD"),
        *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("SHORT_BINUNICODE", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "SETITEM", "SETITEMS"),
    }
)
"""What an honest pickle of those records is made of. Others could have the unpickler take memory for values that are not there."""
_MOST_STEPS: Final = 1_000
"""An honest message has some forty."""
_PROGRAM: Final = "import os, sys; sys.path[:] = {path!r}; from multiprocessing.spawn import _main; sys.exit(_main({pipe}, os.dup({pipe})))"


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        """Refuse every name but those of the pool's records: a captured child must not run code here."""
        try:
            return _ACCEPTED_TYPES[module, name]
        except KeyError:
            raise OSError(f"a parser child sent a message that names {module}.{name}") from None


def _check_steps(message: bytes) -> None:
    """Raise OSError for a message that no honest child makes; it is only read here, not followed."""
    for count, (step, _, _) in enumerate(pickletools.genops(message)):
        if step.name not in _PLAIN_STEPS or count >= _MOST_STEPS:
            raise OSError(f"a parser child sent a message that is not plain: {step.name}")


class PlainConnection(multiprocessing.connection.Connection):
    """The parent's end of the pipe that children answer on."""

    def recv(self) -> Any:
        """The next message. Raises OSError for one that is not plain or too long: the pool then counts as broken and is replaced."""
        try:
            message = self.recv_bytes(LARGEST_MESSAGE)
            _check_steps(message)
            return _PlainUnpickler(io.BytesIO(message)).load()
        except (OSError, EOFError):
            raise
        except Exception as error:  # bytes made to confuse an unpickler may raise anything
            raise OSError("a parser child sent a message that cannot be read") from error

    def __reduce__(self) -> Any:
        """Children are given the descriptor only to close it; for them it is an ordinary connection."""
        return multiprocessing.connection.reduce_connection(self)  # type: ignore[attr-defined]  # not in typeshed


class _Launch(popen_spawn_posix.Popen):
    """One child process, started by `subprocess`, which unlike `spawn` lets one choose environment and folder."""

    _child: subprocess.Popen[bytes]
    _fds: list[int]

    def _launch(self, process_obj: BaseProcess) -> None:
        assert isinstance(process_obj, BareProcess)
        payload = self._payload(process_obj)
        child_reads, parent_writes = os.pipe()
        sentinel, child_holds = os.pipe()
        inherited = [*self._fds, child_reads, child_holds]
        program = _PROGRAM.format(path=[entry for entry in sys.path if entry], pipe=child_reads)
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-c", program],
                env={},
                cwd=process_obj.folder,
                pass_fds=inherited,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(child_reads)
            os.close(child_holds)
        self.pid, self.sentinel = self._child.pid, sentinel
        self.finalizer = util.Finalize(self, os.close, (sentinel,))
        with os.fdopen(parent_writes, "wb") as pipe:
            pipe.write(payload)

    def _payload(self, process_obj: BaseProcess) -> memoryview:
        """Preparation (nothing) and process, pickled while descriptors are being collected in `_fds`."""
        buffer = io.BytesIO()
        multiprocessing.context.set_spawning_popen(self)
        try:
            reduction.dump({}, buffer)
            reduction.dump(process_obj, buffer)
        finally:
            multiprocessing.context.set_spawning_popen(None)
        return buffer.getbuffer()

    def terminate(self) -> None:
        """Kill it: it has nothing to put away, and one that is captured, or deep in native code, would not listen."""
        self.kill()

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """The exit code, or None while it runs; reaped in one place only."""
        if self.returncode is None:
            self.returncode = self._child.wait() if flag == 0 else self._child.poll()
        return self.returncode


class BareProcess(multiprocessing.context.SpawnProcess):
    """A process that starts bare, in the given folder."""

    folder: str = "/"

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 - the standard library's name
        return _Launch(process_obj)


class BareContext(multiprocessing.context.SpawnContext):
    """What a pool is given to make its processes and pipes; `folder` becomes their working directory and should be empty."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = str(folder)

    def Process(self, *arguments: Any, **named: Any) -> BareProcess:  # type: ignore[override]  # noqa: N802 - a class in the base
        """A process, not started yet."""
        process = BareProcess(*arguments, **named)
        process.folder = self._folder
        return process

    def Pipe(self, duplex: bool = True) -> Any:  # noqa: N802 - the standard library's name
        """Two ends of a pipe; the reading one takes plain messages only."""
        reader, writer = super().Pipe(duplex)
        plain = PlainConnection(os.dup(reader.fileno()), writable=False)
        reader.close()
        return plain, writer
