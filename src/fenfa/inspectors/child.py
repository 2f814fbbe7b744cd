"""The child process that reads one file: `python -I -m fenfa.inspectors.child MODULE PATH`; in the place of a path may stand what
`distant.DistantPath.of` takes.

It locks itself in before it imports a reader, and answers with one JSON object on standard output (see `wire`).
"""

import resource
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GIB, MIB = 1 << 30, 1 << 20
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _SIGKILL = 1, 38, 9


def confine(*, memory: int = GIB, cpu_seconds: int = 20) -> None:
    """Gives up what a reader never needs: memory, time, big files, core dumps, new privileges. Dies with the server."""
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
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def main(module_name: str, place: str) -> None:
    confine()
    from importlib import import_module

    from fenfa.errors import BadPackage
    from fenfa.inspectors import wire

    try:
        module = import_module(module_name)
    except ImportError as error:  # our own fault, not the file's
        answer = wire.pack_fault(str(error))
    else:
        try:
            answer = wire.pack(module.inspect(_path(place)))
        except BadPackage as error:
            answer = wire.pack_error(error.message)
        except (Exception, RecursionError, MemoryError):  # a hostile file can break a reader in any way
            answer = wire.pack_error("the file cannot be read: it is damaged, or not what its name says")
    sys.stdout.buffer.write(answer)


def _path(place: str) -> "Path":
    if place.startswith("/"):
        from pathlib import Path

        return Path(place)
    from fenfa.inspectors.distant import DistantPath

    return DistantPath.of(place)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
