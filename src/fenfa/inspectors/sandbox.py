"""The cage around readers: a child process with limits, a clock and a bounded answer.

The parent's half is here, the child's half in `child`; `forkserver` starts it. A file that eats memory, spins, floods or crashes
its reader costs its own child and becomes BadPackage; the server never dies and never waits longer than `WALL_SECONDS`.
"""

import os
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import Distant
from fenfa.inspectors.distant import Feeder
from fenfa.inspectors.forkserver import READERS, ForkServer
from fenfa.inspectors.slots import taken

WALL_SECONDS = 30.0
MAX_ANSWER = 4 << 20  # bytes; an icon of 2 MiB in base64 and room for the rest
_PIECE = 1 << 16


def read(
    module: str,
    file: Path | Distant,
    slots: Path | None = None,
    *,
    readers: ForkServer = READERS,
    wall: float = WALL_SECONDS,
    cap: int = MAX_ANSWER,
) -> bytes:
    """The answer of `module`'s reader about this file, as the child gives it. At most two children at once of all whose
    `slots` is the same folder; None: no one else reads. Its clock stands still while a distant file is fetched."""
    question: dict[str, Any] = {"module": module}
    with ExitStack() as stack:
        slot = [stack.enter_context(taken(slots))] if slots else []
        feeder = None if isinstance(file, Path) else stack.enter_context(_feeding(file))
        question |= {"path": os.fspath(file.absolute())} if isinstance(file, Path) else {"size": file.size}
        with _answer_of(readers, question, feeder, slot) as descriptor:
            answer = _drain(descriptor, time.monotonic() + wall, cap, feeder)
    if not answer:
        raise BadPackage("the file broke its reader: it is damaged, or needs more memory or time than a package may")
    return answer


@contextmanager
def _answer_of(readers: ForkServer, question: dict[str, Any], feeder: Feeder | None, slot: list[int]) -> Iterator[int]:
    """Where a reader answers, which lives no longer than this."""
    ours, theirs = socket.socketpair()
    inherited = [theirs, *([feeder.theirs] if feeder else [])]
    with ours, theirs, readers.forked(question, [*(one.fileno() for one in inherited), *slot]):
        for one in inherited:
            one.close()
        yield ours.fileno()


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
