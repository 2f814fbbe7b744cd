"""A disk that is small: a tmpfs where the machine allows mounting, otherwise a limit on the size of a process's files."""

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass
class Disk:
    """`folder` holds `size` bytes. Where it is not a real mount, `limit` must be called with the writer's process ID."""

    folder: Path
    size: int
    is_mounted: bool

    def limit(self, pid: int) -> None:
        if not self.is_mounted:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (self.size // 2, resource.RLIM_INFINITY))

    def free(self, pid: int) -> None:
        """What deleting does on a real disk."""
        if not self.is_mounted:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def small_disk(folder: Path, size: int = 64 * MIB) -> Iterator[Disk]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "fenfa-test", str(folder)]
    try:
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    try:
        yield Disk(folder, size, is_mounted)
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
