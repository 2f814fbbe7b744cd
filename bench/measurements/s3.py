"""Builds in a bucket: how fast the server leads to them, and uploads through it beside obstore alone, which has nothing to receive,
to hash or to look into. The bucket is SeaweedFS on this machine, so both share the processor with it."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import obstore

from bench.files import make_zip
from bench.measurements.uploads import memory_of, send, show_size
from bench.plan import MB, Plan, median, take_turns
from bench.processes import apart, on_warm_memory
from bench.server import Server, serve
from bench.table import Figure
from bench.wrk import load
from fenfa.storage.base import Address
from fenfa.storage.bucket import open_store
from tests.support.seaweedfs import running_seaweedfs, settings_of

CONNECTIONS = 32
REDIRECTS = 2000
RATIO = 0.8
MEMORY_MB = 60


def measure(plan: Plan) -> Iterator[Figure]:
    room = plan.room("s3")
    with running_seaweedfs() as seaweedfs:
        address = seaweedfs.bucket()
        settings = {f"FENFA_{name.upper()}": value for name, value in settings_of(address).items()}
        with serve(plan, room, **settings) as server:
            idle = server.tree.pss_bytes()
            yield _redirects(plan, server, make_zip(room / "small.zip", 4096))
            yield from _uploads(plan, server, address, make_zip(room / "app.zip", plan.scale.upload_s3), idle)


def _redirects(plan: Plan, server: Server, source: Path) -> Figure:
    url = f"{server.url}/d/{server.upload(server.create_variant('redirects'), source).release_id}"
    load(server.tree, url, CONNECTIONS, 1)
    rates = [load(server.tree, url, CONNECTIONS, plan.scale.load_seconds).rate for _ in range(plan.scale.rounds)]
    return Figure("download redirect", median(rates), "requests/s", at_least=REDIRECTS)


def _uploads(plan: Plan, server: Server, address: Address, source: Path, idle: int) -> Iterator[Figure]:
    variant, numbers = server.create_variant("s3"), count()
    ours, limits = take_turns(
        2 * plan.scale.rounds + 1,  # now and then SeaweedFS takes half a second longer, of either
        lambda: send(server, variant, source),
        lambda: _alone(replace(address, name=str(next(numbers))), source),
    )
    name = f"upload {show_size(ours[0].size)} into S3"
    rates = [cost.rate for cost in ours[1:]]  # the first turn warms up
    yield Figure(name, median(rates), "MB/s", median(limits[1:]), "obstore alone", ratio_at_least=RATIO)
    over = (max(memory_of(server, variant, source) for _ in range(plan.scale.rounds)) - idle) / MB
    yield Figure(f"{name}, memory over idle", over, "MB", at_most=MEMORY_MB)


def _alone(address: Address, source: Path) -> float:
    os.sync()  # as before ours
    size = source.stat().st_size
    return size / apart(on_warm_memory, size, put, address, source) / MB


def put(address: Address, source: Path) -> float:
    """Seconds that obstore takes for the file, in parts as it cuts them by itself."""
    store = open_store(address)
    started = time.perf_counter()
    obstore.put(store, f"alone/{address.name}", source)
    return time.perf_counter() - started
