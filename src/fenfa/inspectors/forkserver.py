"""Readers are forked from a process that has Python and their modules loaded: one costs a tenth of what a new process would.

The process (`child`) reads no file itself and knows nothing but our own modules, so no file can touch what later readers start
from. It is started for the first reader, ends when there was none for a minute, and with whoever started it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock, Timer
from typing import Any

IDLE_SECONDS = 60.0
PATIENCE = 30.0
COMMAND = (sys.executable, "-I", "-m", "fenfa.inspectors.child")


class ForkServer:
    """One for a whole process, whose threads may all ask at once."""

    def __init__(self, command: Sequence[str] = COMMAND, idle: float = IDLE_SECONDS) -> None:
        self.command, self._idle = command, idle
        self._lock = Lock()
        self._process: _Process | None = None
        self._readers = 0
        self._end: Timer | None = None

    @contextmanager
    def forked(self, question: dict[str, Any], descriptors: Sequence[int]) -> Iterator[int]:
        """A reader that is told this and inherits these, as its process ID; killed at the end, with all that it left behind."""
        parent, pid = self._fork(question, descriptors)
        try:
            yield pid
        finally:
            self._kill(parent, pid)

    def _fork(self, question: dict[str, Any], descriptors: Sequence[int]) -> "tuple[_Process, int]":
        with self._lock:
            if self._end:
                self._end.cancel()
            try:
                pid = self._running().ask(question, descriptors)
            except OSError:  # it was killed, perhaps for want of memory
                self._stop()
                pid = self._running().ask(question, descriptors)
            self._readers += 1
            return self._running(), pid

    def _kill(self, parent: "_Process", pid: int) -> None:
        """Until its parent reaps it its number cannot belong to anyone else. With its parent it has ended too."""
        with self._lock:
            if parent.is_alive:
                for kill in (os.killpg, os.kill):  # it may not have come to found its group
                    with suppress(ProcessLookupError, PermissionError):
                        kill(pid, signal.SIGKILL)
                with suppress(OSError):
                    parent.ask({"reap": pid})
            self._readers -= 1
            if not self._readers:
                self._end_later()

    def close(self) -> None:
        """The next reader starts it again."""
        with self._lock:
            self._stop()

    def _end_later(self) -> None:
        self._end = Timer(self._idle, self._end_if_idle)
        self._end.daemon = True
        self._end.start()

    def _end_if_idle(self) -> None:
        with self._lock:
            if not self._readers:
                self._stop()

    def _running(self) -> "_Process":
        if self._process is None:
            self._process = _Process(self.command)
        return self._process

    def _stop(self) -> None:
        if self._process:
            self._process.end()
            self._process = None


class _Process:
    def __init__(self, command: Sequence[str]) -> None:
        self._line, theirs = socket.socketpair()
        self._line.settimeout(PATIENCE)
        nothing = subprocess.DEVNULL
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter, and no shell
                (*command, str(theirs.fileno())),
                stdin=nothing,
                stdout=nothing,
                stderr=nothing,
                env={},
                cwd="/",
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: dict[str, Any], descriptors: Sequence[int] = ()) -> int:
        socket.send_fds(self._line, [json.dumps(question).encode()], descriptors)
        answer = self._line.recv(32)
        if not answer:
            raise ConnectionError("the process that forks readers is gone")
        return int(answer)

    def end(self) -> None:
        self._line.close()
        self._process.kill()
        self._process.wait()


READERS = ForkServer()
