"""Uploads beside the least that any receiver must do: read, SHA-256, write, fdatasync, in one loop of 1 MiB chunks."""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import client
from bench.files import make_zip
from bench.plan import GB, MB, MIB, Plan, median, take_turns
from bench.processes import Peak, apart, cpu_of, on_warm_memory
from bench.server import UPLOAD_TOKEN, Server, serve
from bench.table import Figure

MEMORY_MB = 40


@dataclass(frozen=True)
class Cost:
    size: int
    seconds: float
    cpu_seconds: float
    written_bytes: int = 0

    @property
    def rate(self) -> float:
        return self.size / self.seconds / MB

    @property
    def cpu_per_gb(self) -> float:
        return self.cpu_seconds / self.size * GB


def measure(plan: Plan) -> Iterator[Figure]:
    room, scale = plan.room("uploads"), plan.scale
    source = make_zip(room / "app.zip", scale.upload)
    with serve(plan, room) as server:
        idle = server.tree.pss_bytes()
        variant = server.create_variant("uploads")
        for size in scale.upload_others:
            yield from _memory_alone(server, variant, make_zip(room / f"{size}.zip", size), idle)
        yield from _memory_alone(server, variant, source, idle)
        ours, limits = take_turns(scale.rounds + 1, lambda: send(server, variant, source), lambda: copy(source))
        yield from _figures(ours[1:], limits[1:])  # the first turn warms up
        if scale.upload_sparse:
            yield from _sparse(server, variant, room / "sparse.zip", scale.upload_sparse, idle)


def send(server: Server, variant: str, source: Path) -> Cost:
    size = source.stat().st_size
    os.sync()  # what earlier rounds left dirty is not this round's cost
    written = server.tree.written_bytes()
    with cpu_of(server.tree) as cpu:
        upload = apart(on_warm_memory, size, client.upload, server.port, UPLOAD_TOKEN, variant, source)
    return Cost(size, upload.seconds, cpu.seconds, server.tree.written_bytes() - written)


def memory_of(server: Server, variant: str, source: Path) -> int:
    """The most, in bytes, that the server held meanwhile. Apart from `send`, since looking slows down what is looked at."""
    with Peak(server.tree) as peak:
        server.upload(variant, source)
    return peak.bytes


def copy(source: Path) -> Cost:
    os.sync()
    target = source.with_suffix(".copy")
    cost = apart(on_warm_memory, source.stat().st_size, copy_hashed, source, target)
    target.unlink()
    return cost


def copy_hashed(source: Path, target: Path) -> Cost:
    """The limit: read + SHA-256 + write + fdatasync."""
    size, digest, buffer = source.stat().st_size, hashlib.sha256(), memoryview(bytearray(MIB))
    started, cpu = time.perf_counter(), time.process_time()
    with source.open("rb", buffering=0) as reader, target.open("xb", buffering=0) as writer:
        while count := reader.readinto(buffer):
            digest.update(buffer[:count])
            writer.write(buffer[:count])
        os.fdatasync(writer.fileno())
    return Cost(size, time.perf_counter() - started, time.process_time() - cpu)


def _figures(ours: list[Cost], limits: list[Cost]) -> Iterator[Figure]:
    name = f"upload {show_size(ours[0].size)}"
    rate, rate_limit = median([c.rate for c in ours]), median([c.rate for c in limits])
    yield Figure(name, rate, "MB/s", rate_limit, "copy loop", ratio_at_least=0.65)
    cpu, cpu_limit = median([c.cpu_per_gb for c in ours]), median([c.cpu_per_gb for c in limits])
    yield Figure(f"{name}, CPU", cpu, "s/GB", cpu_limit, "copy loop", at_most=1.6)
    yield Figure(f"{name}, disk writes", median([c.written_bytes / c.size for c in ours]), "bytes/byte", at_most=1.05)


def _memory_alone(server: Server, variant: str, source: Path, idle: int) -> Iterator[Figure]:
    over = (memory_of(server, variant, source) - idle) / MB
    name = f"upload {show_size(source.stat().st_size)}, memory over idle"
    yield Figure(name, over, "MB", at_most=MEMORY_MB)


def _sparse(server: Server, variant: str, path: Path, size: int, idle: int) -> Iterator[Figure]:
    source = make_zip(path, size, sparse=True)
    yield Figure(f"upload {show_size(size)} sparse", send(server, variant, source).rate, "MB/s")
    yield from _memory_alone(server, variant, source, idle)


def show_size(size: int) -> str:
    return f"{size // MIB} MiB" if size % MIB == 0 else f"{size // MB} MB"
