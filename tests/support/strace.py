"""strace on a running process: what it calls, and calls that fail or kill on purpose."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(\d+) +(.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?)(?:<[^>]*>)?(.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
_UNFINISHED = " <unfinished ...>"


@dataclass(frozen=True)
class Call:
    """One system call in the order of its end; `began` is its place in the order of beginnings."""

    thread: int
    name: str
    arguments: str
    result: str
    note: str
    began: int


@contextmanager
def strace(pid: int, log: Path, *options: str) -> Iterator[None]:
    """Traces the process, its threads and its children from here to the end of the block, or to its death."""
    command = ["strace", "-f", "-p", str(pid), "-o", str(log), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr
        first = tracer.stderr.readline()
        assert "attached" in first, first
        try:
            yield
        finally:
            _end(tracer)


def _end(tracer: subprocess.Popen[str]) -> None:
    """SIGINT lets it finish its log. It can miss the death of a thread and wait for it for ever: then by force."""
    tracer.send_signal(signal.SIGINT)
    try:
        tracer.wait(2)
    except subprocess.TimeoutExpired:
        tracer.kill()


def injecting(names: str, fault: str) -> tuple[str, ...]:
    """Options that do `fault` to these calls, e.g. `error=EIO:when=2`; every thread counts its own."""
    return "-e", f"trace={names}", "-e", f"inject={names}:{fault}"


def read_calls(log: Path) -> list[Call]:
    """The calls of a log that was written with `-o` and `-f`."""
    begun: dict[int, tuple[int, str]] = {}
    calls = []
    for number, line in enumerate(log.read_text(errors="replace").splitlines()):
        match = _LINE.fullmatch(line)
        assert match, line
        thread, text = int(match[1]), match[2]
        if text.endswith(_UNFINISHED):
            begun[thread] = (number, text.removesuffix(_UNFINISHED))
            continue
        began = number
        if resumed := _RESUMED.match(text):
            began, head = begun.pop(thread, (number, f"{resumed[1]}("))
            text = head + text[resumed.end() :].lstrip()
        if call := _CALL.fullmatch(text):
            calls.append(Call(thread, call[1], call[2], call[3], call[4], began))
    return calls
