"""222 files made to break a reader, and a process that reads them all: `python -m tests.support.hostile FOLDER`.

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


def _read(path: Path) -> dict[str, Any]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        answer: dict[str, Any] = {"found": vars(inspect(path, path.name))}
    except BadPackage as refusal:
        answer = {"refusal": refusal.message}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        **answer,
        "file": path.name,
        "seconds": time.monotonic() - began,
        "processor_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "child_memory": after.ru_maxrss * 1024,  # the most of this child or any before it
        "own_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


if __name__ == "__main__":
    for entry in hostile_entries(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(_read(Path(sys.argv[1], entry["file"])), default=repr) + "\n")
