"""CPU, memory and disk writes of a process and everything below it, as the kernel counts them."""

import mmap
import multiprocessing
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import psutil

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

SAMPLE_SECONDS = 0.025
STOP_SECONDS = 20
BLOCK = 2 * 2**20
"""Bytes of the blocks in which Linux hands memory back to a host; also those of a huge page."""


class Tree:
    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def _sum(self, read: Callable[[psutil.Process], float]) -> float:
        total = 0.0
        for process in [self._root, *self._root.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                total += read(process)
        return total

    def cpu_seconds(self) -> float:
        """User and system time; that of children that have ended is in their parent's `children_…`."""
        return self._sum(lambda process: sum(process.cpu_times()[:4]))

    def pss_bytes(self) -> int:
        """Proportional set size: a page that N processes share counts 1/N in each, so the sum is what the tree costs."""
        return int(self._sum(lambda process: process.memory_full_info().pss))

    def written_bytes(self) -> int:
        """Bytes sent towards the disk (dirtied pages), not bytes passed to write()."""
        return int(self._sum(lambda process: process.io_counters().write_bytes))


class Peak:
    """Samples a tree's PSS while the block runs, and once when it ends; `bytes` is the highest that was seen."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.bytes = 0

    def _sample(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._over.wait(SAMPLE_SECONDS)
            seen = self._tree.pss_bytes()
            if seen > self.bytes:  # a child between vfork and exec shows its parent's memory once more, for a moment
                self.bytes = max(self.bytes, min(seen, self._tree.pss_bytes()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()


class Stopwatch:
    """CPU seconds that a tree spent inside the block."""

    seconds = 0.0


@contextmanager
def cpu_of(tree: Tree) -> Iterator[Stopwatch]:
    watch, before = Stopwatch(), tree.cpu_seconds()
    yield watch
    watch.seconds = tree.cpu_seconds() - before


def apart(work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
    """Run `work` in a fresh process, so that its CPU, its memory and its GIL are its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()


def on_warm_memory(
    size: int, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Touch and free memory for a file of `size` bytes, then do the work that makes someone write it.

    A virtual machine with a balloon hands free memory back to its host, block by block, seconds after some was freed.
    Touching it anew costs ten times the write itself and would be charged to whoever writes next. Only whole free blocks
    are handed back: one page of each stays in use until the work is done.
    """
    most = min(4 * size, psutil.virtual_memory().available // 2)  # four: of pieces of every size there must be enough
    length = -(-most // BLOCK) * BLOCK
    with mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        with suppress(OSError):  # a kernel without huge pages
            memory.madvise(mmap.MADV_HUGEPAGE)
        for page in range(0, length, mmap.PAGESIZE):
            memory[page] = 1
        for block in range(0, length, BLOCK):
            memory.madvise(mmap.MADV_FREE, block + mmap.PAGESIZE, BLOCK - mmap.PAGESIZE)  # takes a huge page apart
            memory.madvise(mmap.MADV_DONTNEED, block + mmap.PAGESIZE, BLOCK - mmap.PAGESIZE)
        return work(*args, **kwargs)


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL if that does not end it."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
