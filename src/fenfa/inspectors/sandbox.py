"""The cage around readers: a child process with limits, a clock and a bounded answer.

The parent's half is here, the child's half in `child`. A file that eats memory, spins, floods or crashes its reader costs its
own child and becomes BadPackage; the server never dies and never waits longer than `WALL_SECONDS`.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from fenfa.errors import BadPackage
from fenfa.inspectors.base import Distant
from fenfa.inspectors.distant import Feeder
from fenfa.inspectors.slots import taken

WALL_SECONDS = 30.0
MAX_ANSWER = 4 << 20  # bytes; an icon of 2 MiB in base64 and room for the rest
_PIECE = 1 << 16


def read(module: str, file: Path | Distant, slots: Path | None = None) -> bytes:
    """The answer of `module`'s reader about this file, as the child gives it. At most two children at once of all whose
    `slots` is the same folder; None: no one else reads."""
    argv = (sys.executable, "-I", "-m", "fenfa.inspectors.child", module)
    with ExitStack() as stack:
        inherited = (stack.enter_context(taken(slots)),) if slots else ()
        if isinstance(file, Path):
            answer = run((*argv, os.fspath(file.absolute())), inherited=inherited)
        else:
            feeder = stack.enter_context(_feeding(file))
            answer = run((*argv, feeder.word()), inherited=inherited, feeder=feeder)
    if not answer:
        raise BadPackage("the file broke its reader: it is damaged, or needs more memory or time than a package may")
    return answer


def run(
    argv: Sequence[str],
    *,
    wall: float = WALL_SECONDS,
    cap: int = MAX_ANSWER,
    inherited: tuple[int, ...] = (),
    feeder: Feeder | None = None,
) -> bytes:
    """A command's standard output. Whatever it leaves behind is killed. Its clock stands still while `feeder` fetches."""
    child = subprocess.Popen(  # noqa: S603 -- our own interpreter, and no shell
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
        pass_fds=(*inherited, feeder.theirs.fileno()) if feeder else inherited,
    )
    try:
        assert child.stdout is not None
        if feeder:
            feeder.theirs.close()
        return _drain(child.stdout.fileno(), time.monotonic() + wall, cap, feeder)
    finally:
        _end(child)


@contextmanager
def _feeding(file: Distant) -> Iterator[Feeder]:
    feeder = Feeder(file, WALL_SECONDS)
    try:
        yield feeder
    finally:
        feeder.close()


def _drain(descriptor: int, deadline: float, cap: int, feeder: Feeder | None) -> bytes:
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        if feeder:
            selector.register(feeder, selectors.EVENT_READ)
        while True:
            left = deadline + (feeder.spent if feeder else 0.0) - time.monotonic()
            ready = {key.fileobj for key, _ in selector.select(max(left, 0))}
            if not ready:
                raise BadPackage("the file took too long to read")
            if feeder in ready and feeder and not feeder.feed():
                selector.unregister(feeder)
            if descriptor not in ready:
                continue
            piece = os.read(descriptor, _PIECE)
            if not piece:
                return bytes(answer)
            answer += piece
            if len(answer) > cap:
                raise BadPackage("the file says more of itself than a package may")


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kills the child's whole group. Until `wait` reaps the child its number cannot belong to anyone else."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    assert child.stdout is not None
    child.stdout.close()
    child.wait()
