"""Readers of the tests' own, which misbehave as they like: forked and caged as the product's are."""

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from fenfa.inspectors import sandbox
from fenfa.inspectors.base import Distant
from fenfa.inspectors.forkserver import COMMAND, IDLE_SECONDS, ForkServer

SERVE = "import sys; sys.path.append({folder!r}); from fenfa.inspectors.child import main; main(int(sys.argv[1]))"
MODULE = "import os, struct, sys\n\ndef inspect(path):\n{body}\n sys.stdout.flush()\n os._exit(0)\n"


class Readers:
    """Runs code in the place of a reader: `path` is the file, and what it prints is its answer."""

    def __init__(self, folder: Path, idle: float = IDLE_SECONDS) -> None:
        self._folder = folder
        self.server = ForkServer((sys.executable, "-I", "-c", SERVE.format(folder=str(folder))), idle)

    def run(self, code: str, file: Path | Distant = Path("/dev/null"), **limits: Any) -> bytes:
        return sandbox.read(self.module(code), file, readers=self.server, **limits)

    def module(self, code: str) -> str:
        """The name of a new one."""
        name = f"reader_{len(list(self._folder.iterdir()))}"
        (self._folder / f"{name}.py").write_text(MODULE.format(body=textwrap.indent(code, " ")))
        return name


@contextmanager
def own_readers(folder: Path, idle: float = IDLE_SECONDS) -> Iterator[Readers]:
    readers = Readers(folder, idle)
    try:
        yield readers
    finally:
        readers.server.close()


def is_reader(process: psutil.Process) -> bool:
    """Not the process that forks them, which looks alike."""
    with suppress(psutil.Error):  # it has ended
        parent = process.parent()
        return parent is not None and COMMAND[-1] in process.cmdline() == parent.cmdline()
    return False
