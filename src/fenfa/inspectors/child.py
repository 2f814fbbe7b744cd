"""The process that forks readers, and the readers: `python -I -m fenfa.inspectors.child DESCRIPTOR`, of a socket to the server.

A question is `{"module": …, "path": …}`, or with `size` instead of `path` for a file that lies elsewhere. With it come descriptors:
the socket to answer on, for a distant file the one to ask for it, and what else the reader is to inherit. The reader's process
number is answered; `{"reap": number}` is asked once it was killed.

A reader locks itself in before it looks at its file, and answers with one JSON object (see `wire`).
"""

import ctypes
import json
import os
import resource
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from fenfa.errors import BadPackage
from fenfa.inspectors import wire
from fenfa.inspectors.distant import DistantPath

GIB, MIB = 1 << 30, 1 << 20
MOST_QUESTION, MOST_DESCRIPTORS = 1 << 16, 3
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _SIGKILL = 1, 38, 9


def main(descriptor: int) -> None:
    """Until the server hangs up."""
    line = socket.socket(fileno=descriptor)
    while True:
        asked, descriptors, _, _ = socket.recv_fds(line, MOST_QUESTION, MOST_DESCRIPTORS)
        if not asked:
            return
        question = json.loads(asked)
        if "reap" in question:
            _reap(line, question["reap"])
            continue
        with suppress(Exception):  # the reader will say so
            import_module(question["module"])
        own = os.getpid()
        pid = os.fork()
        if not pid:
            line.close()
            _be_reader(question, descriptors, own)
        for descriptor in descriptors:
            os.close(descriptor)
        _answer(line, pid)


def _answer(line: socket.socket, number: int) -> None:
    line.sendall(str(number).encode())


def _reap(line: socket.socket, pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
    _answer(line, pid)


def _be_reader(question: dict[str, Any], descriptors: list[int], parent: int) -> NoReturn:
    try:
        os.setsid()
        confine()
        if os.getppid() != parent:  # it ended before that could have ended us
            os._exit(1)
        path = DistantPath.of(descriptors[1], question["size"]) if "size" in question else Path(question["path"])
        os.dup2(descriptors[0], sys.stdout.fileno())
        sys.stdout.buffer.write(read(question["module"], path))
        sys.stdout.flush()
    finally:
        os._exit(0)


def confine(*, memory: int = GIB, cpu_seconds: int = 20) -> None:
    """Gives up what a reader never needs: memory, time, big files, core dumps, new privileges. Dies with its parent."""
    limits = {
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 64 * MIB,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":
        limits[resource.RLIMIT_AS] = memory  # macOS refuses this one
        _forbid_privileges()
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))


def _forbid_privileges() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def read(module_name: str, path: Path) -> bytes:
    try:
        module = import_module(module_name)
    except ImportError as error:  # our own fault, not the file's
        return wire.pack_fault(str(error))
    try:
        return wire.pack(module.inspect(path))
    except BadPackage as error:
        return wire.pack_error(error.message)
    except (Exception, RecursionError, MemoryError):  # a hostile file can break a reader in any way
        return wire.pack_error("the file cannot be read: it is damaged, or not what its name says")


if __name__ == "__main__":
    main(int(sys.argv[1]))
