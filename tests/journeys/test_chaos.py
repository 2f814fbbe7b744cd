"""R16, R17: three servers on one PostgreSQL and one bucket, whose parts are killed, ended, stopped and cut while clients work.

The normal run meets every fault once or twice. `make soak` goes on for FENFA_SOAK_MINUTES with a seed of its own;
FENFA_SOAK_SEED repeats one. What a failing run did, and what its servers said, is printed.
"""

import hashlib
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from fenfa.config import Config
from fenfa.db.engine import open_url
from fenfa.db.tables import releases, uploads
from fenfa.runtime import Runtime, open_runtime, utc_now
from fenfa.services.sweeps import GRACE, sweep
from fenfa.storage.bucket import signer_of
from fenfa.storage.unfinished import abort_unfinished
from fenfa.vocabulary import UploadState
from tests.support.crowd import STORE_AWAY, Crowd
from tests.support.faulty_wire import Fault, FaultyWire, faulty_wire
from tests.support.postgresql import PostgreSQL, running_postgresql
from tests.support.seaweedfs import SeaweedFS, running_seaweedfs, settings_of
from tests.support.server import FenfaServer, make_build, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.postgresql]
MINUTES = float(os.environ.get("FENFA_SOAK_MINUTES", "0"))
SEED = int(os.environ.get("FENFA_SOAK_SEED") or (secrets.randbelow(10**6) if MINUTES else 7))
REPLICAS, UPLOADERS, DOWNLOADERS = 3, 4, 2
ATTEMPTS, ACKNOWLEDGED = 6, 4  # that a fault lasts; that must come before the next one
PATIENCE = 120.0


@dataclass
class World:
    """What the faults befall. `said` is the schedule as far as it went."""

    replicas: list[FenfaServer]
    postgresql: PostgreSQL
    seaweedfs: SeaweedFS
    wire: FaultyWire
    database_url: str
    settings: dict[str, str]
    rng: random.Random
    said: list[str] = field(default_factory=list)
    fresh: list[bytes] = field(default_factory=list)


Trouble = Callable[[World], AbstractContextManager[None]]


@contextmanager
def killed_replica(world: World) -> Iterator[None]:
    replica = world.rng.choice(world.replicas)
    replica.kill()
    try:
        yield
    finally:
        wait_for(partial(starts, replica))


def starts(replica: FenfaServer) -> bool | None:
    """As whoever runs it starts it again, when it ended because its database was away."""
    try:
        replica.start()
    except AssertionError:
        replica.process.wait(PATIENCE)
        return None
    return True


@contextmanager
def stopped_postgresql(world: World) -> Iterator[None]:
    world.postgresql.stop_hard()
    try:
        yield
    finally:
        world.postgresql.start()


@contextmanager
def ended_connections(world: World) -> Iterator[None]:
    world.postgresql.end_connections()
    yield


@contextmanager
def crashed_postgresql(world: World) -> Iterator[None]:
    """One of its processes dies, and it begins anew by itself."""
    world.postgresql.crash()
    yield


@contextmanager
def paused_store(world: World) -> Iterator[None]:
    world.seaweedfs.pause()
    try:
        yield
    finally:
        world.seaweedfs.go_on()


@contextmanager
def killed_store(world: World) -> Iterator[None]:
    world.seaweedfs.kill()
    try:
        yield
    finally:
        world.seaweedfs.start()


@contextmanager
def faulty(fault: Fault, world: World) -> Iterator[None]:
    world.wire.fault = fault
    try:
        yield
    finally:
        world.wire.fault = Fault.NONE


ENGINES: dict[str, Trouble] = {
    "replica killed": killed_replica,
    "PostgreSQL stopped": stopped_postgresql,
    "connections ended": ended_connections,
    "PostgreSQL crashed": crashed_postgresql,
}
STORE: dict[str, Trouble] = {
    "store paused": paused_store,
    "store killed": killed_store,
    **{f"store {fault}": partial(faulty, fault) for fault in Fault if fault != Fault.NONE},
}
HANGING = {("store paused",), ("store stalled",)}


@contextmanager
def world_at(folder: Path) -> Iterator[World]:
    with ExitStack() as stack:
        postgresql = stack.enter_context(running_postgresql())
        seaweedfs = stack.enter_context(running_seaweedfs())
        wire = stack.enter_context(faulty_wire(seaweedfs.port))
        address = replace(seaweedfs.bucket(), endpoint=f"http://127.0.0.1:{wire.port}")
        url = postgresql.durable()
        settings = settings_of(address) | {"database_url": url, "secret_key": "ab" * 32}
        replicas = []
        for number in range(REPLICAS):
            (folder / f"replica{number}").mkdir()
            proxying = ("--proxy-downloads",) if number == 0 else ()
            replicas.append(FenfaServer(folder / f"replica{number}", proxying, settings))
            replicas[-1].start()
            stack.callback(end, replicas[-1])
        yield World(replicas, postgresql, seaweedfs, wire, url, settings, random.Random(SEED))


def end(replica: FenfaServer) -> None:
    if replica.process.poll() is None:
        replica.kill()


def schedule(rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Every trouble of either kind, in an order of chance, some of them with one of the other kind."""
    for _ in range(10_000):
        engines, store = list(ENGINES), list(STORE)
        rng.shuffle(engines)
        rng.shuffle(store)
        yield from ((name,) for name in engines)
        for name in store:
            has_company = rng.random() < 0.4 and (MINUTES or (name,) not in HANGING)  # which takes its time
            yield (name, rng.choice(engines)) if has_company else (name,)
        if not MINUTES:
            return


def strike(world: World, crowd: Crowd, names: tuple[str, ...]) -> None:
    """For so many attempts of uploads, whatever comes of them; then all must go on. (A machine's speed decides what a fault hits,
    the seed in which order they come.)"""
    began = time.monotonic()
    with ExitStack() as stack:
        for name in names:
            stack.enter_context((ENGINES | STORE)[name](world))
        if names in HANGING:  # nobody waits for it for ever
            crowd.ledger.await_more(f"Refused {STORE_AWAY}", 1, PATIENCE)
        else:
            crowd.ledger.await_more("attempts", ATTEMPTS, PATIENCE)
    lasted = time.monotonic() - began
    crowd.ledger.await_more("acknowledged", ACKNOWLEDGED, PATIENCE)
    world.said.append(f"{' and '.join(names)}: {lasted:.1f} s, well after {time.monotonic() - began - lasted:.1f} s")
    assert crowd.ledger.wrong == []


@pytest.mark.long
def test_nothing_acknowledged_is_lost_whatever_fails(tmp_path: Path) -> None:
    with world_at(tmp_path) as world:
        variants = [world.replicas[0].make_variant(name=f"App {number}") for number in range(3)]
        crowd = Crowd(world.replicas, variants, SEED)
        deadline = time.monotonic() + 60 * MINUTES
        try:
            with crowd.at_work(UPLOADERS, DOWNLOADERS) as ledger:
                ledger.await_more("acknowledged", ACKNOWLEDGED, PATIENCE)
                for names in schedule(world.rng):
                    strike(world, crowd, names)
                    if MINUTES and time.monotonic() > deadline:
                        break
                began = time.monotonic()
                for replica in world.replicas:
                    wait_for(partial(is_ready, replica))
                    world.fresh.append(make_build(b"fresh " + replica.url.encode()))
                    replica.upload(variants[0], world.fresh[-1]).raise_for_status()
                world.said.append(f"all well again after {time.monotonic() - began:.1f} s")
            check(world, crowd)
        finally:
            tell(world, crowd)
    assert ledger.wrong == []


def is_ready(replica: FenfaServer) -> bool | None:
    with suppress(httpx.TransportError):
        return replica.client.get("/readyz").status_code == 200 or None
    return None


def check(world: World, crowd: Crowd) -> None:
    assert crowd.ledger.wrong == []
    for replica in world.replicas:
        for sha256, release_id in crowd.ledger.acknowledged.items():
            answer = replica.client.get(f"/d/{release_id}", follow_redirects=True)
            assert hashlib.sha256(answer.content).hexdigest() == sha256, (replica.folder.name, release_id, answer)
    for replica in world.replicas:
        assert replica.terminate() == 0
    with closing(open_url(world.database_url)) as database:
        for replica in world.replicas:
            sweep_tomorrow(world, replica)
        found = database.read_now(lambda c: Counter(c.scalars(select(releases.c.sha256))))
        waiting = (UploadState.RECEIVED, UploadState.PROPOSED)
        assert (
            database.read_now(lambda c: list(c.scalars(select(uploads.c.id).where(uploads.c.state.in_(waiting))))) == []
        )
        keys = database.read_now(lambda c: set(c.scalars(select(releases.c.storage_key))))
    assert max(found.values()) == 1
    assert set(crowd.ledger.acknowledged) <= set(found)
    unheard = set(found) - set(crowd.ledger.acknowledged) - {hashlib.sha256(build).hexdigest() for build in world.fresh}
    assert unheard <= crowd.ledger.open
    crowd.ledger.counts["finished unheard"] = len(unheard)
    for replica in world.replicas:
        assert list((replica.data / "staging").iterdir()) == []
    metas = {f"{key.rpartition('/')[0]}/meta.json" for key in keys}
    assert in_bucket(world) == keys | metas


def runtime_of(world: World, replica: FenfaServer) -> Runtime:
    given = world.settings | {"data_dir": str(replica.data)}
    config = Config(**given, given=frozenset(given))  # type: ignore[arg-type]  # all of them are texts
    return open_runtime(config, lambda: utc_now() + timedelta(hours=25))


def sweep_tomorrow(world: World, replica: FenfaServer) -> None:
    runtime = runtime_of(world, replica)
    sweep(runtime, GRACE)
    runtime.database.close()


def in_bucket(world: World) -> set[str]:
    """Everything there; an upload that nobody finishes counts too."""
    import obstore

    from fenfa.storage.bucket import open_store

    runtime = runtime_of(world, world.replicas[0])
    with closing(runtime.database):
        store = runtime.storage.current()
        address = runtime.storage.database.read_now(runtime.storage.address_of, store.name)
    signer = signer_of(address)
    assert signer
    assert abort_unfinished(signer, time.time() + 60) == 0
    return {one["path"] for chunk in obstore.list(open_store(address)) for one in chunk}


def tell(world: World, crowd: Crowd) -> None:
    """pytest shows it when the test has failed, `make soak` always."""
    ledger = crowd.ledger
    told = [f"FENFA_SOAK_SEED={SEED}", *world.said, f"longest attempt: {ledger.longest:.1f} s"]
    told += [f"{number} {name}" for name, number in ledger.counts.most_common()]
    told += [f"{replica.folder.name}:\n{replica.log}" for replica in world.replicas if ledger.wrong]
    print(*told, *ledger.wrong, sep="\n", flush=True)  # noqa: T201
