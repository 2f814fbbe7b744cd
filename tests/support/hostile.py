"""222 files made to break a reader, and a process that reads them all: `python -m tests.support.hostile FOLDER NOTES`.

It prints one line of JSON a file: what was found or why it was refused, and what that cost, in seconds and bytes.
"""

import fcntl
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors import inspect
from fenfa.inspectors.forkserver import READERS
from tests.inspectors.fixtures import FOLDER, Entry


def make_hostile(folder: Path) -> list[Entry]:
    """Writes them, once for all test processes that name this folder; what is expected of each."""
    folder.mkdir(exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "manifest.json").exists():
            command = [sys.executable, str(FOLDER / "make_bad.py"), str(folder)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return hostile_entries(folder)


def hostile_entries(folder: Path) -> list[Entry]:
    entries: list[Entry] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    return sorted(entries, key=lambda entry: str(entry["file"]))


MEASURED = """
import os, sys
from fenfa.inspectors import child

log = open({log!r}, "a", buffering=1)

def reap(pid, options):
    used = os.wait4(pid, options)[2]
    print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, file=log)

os.waitpid = reap
child.main(int(sys.argv[1]))
"""
USAGE = "used-by-readers"


class Usage:
    """What each reader used, as the process that forked it learns."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / USAGE
        READERS.command = (sys.executable, "-I", "-c", MEASURED.format(log=str(self._log)))

    def last(self) -> tuple[float, int]:
        """Seconds of processor, and bytes of memory at the most."""
        seconds, memory = self._log.read_text().splitlines()[-1].split()
        return float(seconds), int(memory)


def _read(path: Path, usage: Usage) -> dict[str, Any]:
    began = time.monotonic()
    try:
        answer: dict[str, Any] = {"found": vars(inspect(path, path.name))}
    except BadPackage as refusal:
        answer = {"refusal": refusal.message}
    seconds = time.monotonic() - began
    processor_seconds, memory = usage.last()
    return {
        **answer,
        "file": path.name,
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "child_memory": memory,
        "own_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


if __name__ == "__main__":
    usage = Usage(Path(sys.argv[2]))
    for entry in hostile_entries(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(_read(Path(sys.argv[1], entry["file"]), usage), default=repr) + "\n")
    READERS.close()
