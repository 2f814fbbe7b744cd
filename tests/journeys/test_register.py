"""A batch of 250 devices, while Apple fails at random and the server is killed: every device is registered exactly once.

The normal run takes a spread of the kill points; `FENFA_CRASH_ROUNDS=all` takes every one, a number takes that many.
"""

import os
import random
import re
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.journeys.test_crash import is_dead
from tests.services.apple_world import settings_of
from tests.support.app_store import Account, AppStore, Fault, Seen, app_store, make_account, udid
from tests.support.postgresql import PostgreSQL
from tests.support.server import FenfaServer, fenfa_server, query, wait_for
from tests.support.strace import injecting, strace

pytestmark = pytest.mark.journey
ROUNDS = os.environ.get("FENFA_CRASH_ROUNDS", "6")
DEVICES = 250
MOMENTS = ("before", "after", "answered")
NOW = {"retry-after": "0"}
FAULTS = (
    *(Fault(429, "RATE_LIMIT_EXCEEDED", NOW), Fault(500), Fault(500, after=True), Fault(503, headers=NOW, after=True)),
    *(Fault(cut=True), Fault(cut=True, after=True), Fault(garbage=b"<html>"), Fault(garbage=b"[" * 9999, after=True)),
)


@pytest.fixture
def account() -> Account:
    return make_account(limit=1000)


@pytest.fixture
def store(account: Account) -> Iterator[AppStore]:
    with app_store(account) as started:
        chance = random.Random(5)
        started.fault = lambda seen: chance.choice(FAULTS) if chance.random() < 0.08 else None
        yield started


@pytest.fixture
def server(tmp_path: Path, store: AppStore, account: Account) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path, apple_url=store.url) as started:
        started.client.put("/admin/api/settings", json=settings_of(account)).raise_for_status()
        yield started


def add_devices(server: FenfaServer, first: int, count: int) -> None:
    rows = [(f"dev_{number:020}", udid(number), f"Phone {number}") for number in range(first, first + count)]
    columns = "id, udid, device_name, model, os_version, verified_at, apple_device_id, created_at"
    statement = f"INSERT INTO devices ({columns}) VALUES (?, ?, ?, 'iPhone17,1', '', 't', '', 't')"
    with closing(sqlite3.connect(server.data / "fenfa.db")) as connection, connection:
        connection.executemany(statement, rows)


def start_batch(server: FenfaServer) -> str:
    answer = server.client.post("/admin/api/apple/registrations", json={"confirm": True})
    return str(answer.json()["data"]["jobs"][0]["id"])


def finished(server: FenfaServer, job_id: str) -> dict[str, Any] | None:
    """The job once it is over; None also while the server is gone."""
    try:
        job: dict[str, Any] = server.client.get(f"/admin/api/jobs/{job_id}").json()["data"]
    except httpx.TransportError:
        return None
    return job if job["state"] in ("done", "failed") else None


def assert_registered(server: FenfaServer, account: Account, store: AppStore, count: int) -> None:
    """At Apple and here: every device, once."""
    assert account.udids() == Counter({udid(number): 1 for number in range(count)})
    joined = "devices d JOIN apple_registrations r ON r.device_id = d.id"
    ours = query(server, f"SELECT d.udid, r.apple_device_id FROM {joined} ORDER BY d.udid")
    assert ours == sorted((row["udid"], row["id"]) for row in account.devices)
    assert query(server, "SELECT count(*) FROM devices WHERE apple_registered_at IS NULL") == [(0,)]
    assert store.busiest == 1
    assert not re.search(r"00008110|PRIVATE KEY|Phone \d", server.log)


def test_random_faults(server: FenfaServer, store: AppStore, account: Account) -> None:
    account.status = "PROCESSING"
    add_devices(server, 0, DEVICES)
    job_id = start_batch(server)
    job = wait_for(partial(finished, server, job_id))
    assert (job["state"], job["done"], job["total"]) == ("done", DEVICES, DEVICES)
    assert job["message"] == f"{DEVICES} registered, 0 refused"
    assert_registered(server, account, store, DEVICES)


def test_a_server_that_ends_hands_its_job_back(server: FenfaServer, store: AppStore, account: Account) -> None:
    add_devices(server, 0, DEVICES)
    job_id = start_batch(server)
    wait_for(lambda: store.asked("POST") > 20 or None)
    assert server.terminate() == 0
    ((state, done),) = query(server, "SELECT state, done FROM jobs WHERE kind = 'register-with-apple'")
    assert state == "queued"
    assert 0 < done < DEVICES
    server.start()
    assert wait_for(partial(finished, server, job_id))["state"] == "done"
    assert_registered(server, account, store, DEVICES)


@pytest.mark.postgresql
def test_two_servers_on_one_database(tmp_path: Path, store: AppStore, account: Account, postgresql: PostgreSQL) -> None:
    """Both register all devices at once: one request at a time reaches Apple, and every device is registered once."""
    database = postgresql.fresh()
    address = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    shared = {"apple_url": store.url, "database_url": address, "secret_key": "ab" * 32}
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with fenfa_server(folders[0], **shared) as one, fenfa_server(folders[1], **shared) as two:
        one.client.put("/admin/api/settings", json=settings_of(account)).raise_for_status()
        text = "".join(f"{udid(number)}\tPhone {number}\tios\n" for number in range(100))
        one.client.post("/admin/api/devices/import", content=text).raise_for_status()
        ids = [device["id"] for device in one.client.get("/admin/api/ios_devices").json()["data"]["items"]]
        halves = (ids[:70], one), (ids[30:], two)
        with ThreadPoolExecutor(2) as pool:
            calls = [pool.submit(register_now, server, chosen_ids) for chosen_ids, server in halves]
            counts = [call.result() for call in calls]
    database.close()
    assert counts == [70, 70]
    assert account.udids() == Counter({udid(number): 1 for number in range(100)})
    assert store.busiest == 1
    assert len({seen.token for seen in store.requests}) == 2


def register_now(server: FenfaServer, device_ids: list[str]) -> int:
    """How many are registered; asks again while some are put off."""
    found = server.client.post("/admin/api/devices/register-apple", json={"device_ids": device_ids}).json()["data"]
    while found["fail_count"]:
        found = server.client.post("/admin/api/devices/register-apple", json={"device_ids": device_ids}).json()["data"]
    return int(found["success_count"])


class Killer:
    """Kills the server, at most once at each of its points (UDID, moment), and brings it back."""

    def __init__(self, server: FenfaServer, points: list[tuple[str, str]]) -> None:
        self._server, self._points = server, set(points)
        self._died = threading.Event()
        self.kills = 0

    def watch(self, moment: str, seen: Seen) -> None:
        """Called by a thread of Apple's, in the middle of a request."""
        if (seen.udid, moment) in self._points and not self._died.is_set():
            self._points.discard((seen.udid, moment))
            self.kills += 1
            os.killpg(self._server.process.pid, signal.SIGKILL)
            self._died.set()

    def turn(self, job_id: str) -> dict[str, Any] | None:
        """The job once it is over, an empty one after a kill."""
        if not self._died.is_set():
            return finished(self._server, job_id)
        self._server.wait()
        self._died.clear()
        self._server.start()
        return {}


def chosen(points: list[tuple[str, str]]) -> list[tuple[str, str]]:
    rounds = len(points) if ROUNDS == "all" else min(int(ROUNDS), len(points))
    return [points[index * len(points) // rounds] for index in range(rounds)]


def test_killed_at_any_request(server: FenfaServer, store: AppStore, account: Account) -> None:
    """`before` Apple does what was asked, `after` it, and when the answer is on its way."""
    add_devices(server, 0, DEVICES)
    points = chosen([("", "answered"), *((udid(number), moment) for number in range(DEVICES) for moment in MOMENTS)])
    killer = Killer(server, points)
    job: dict[str, Any] = {}
    job_id = start_batch(server)
    store.watch = killer.watch
    while not job:
        job = wait_for(partial(killer.turn, job_id))
    assert (job["state"], job["done"]) == ("done", DEVICES)
    assert killer.kills >= len(points) * 0.9
    assert_registered(server, account, store, DEVICES)


def test_killed_at_any_system_call(server: FenfaServer, store: AppStore, account: Account, tmp_path: Path) -> None:
    """While it writes down what Apple said. The admin asks for what is missing until nothing is."""
    calls = [(name, str(number)) for name in ("pwrite64", "fdatasync", "sendto") for number in range(1, 31)]
    points = chosen(calls)[::2] if ROUNDS != "all" else calls
    killed = 0
    for number, (name, when) in enumerate(points):
        add_devices(server, 4 * number, 4)
        worker = psutil.Process(server.worker())
        with strace(worker.pid, tmp_path / "kill.log", *injecting(name, f"signal=KILL:when={when}")):
            wait_for(partial(asked_or_dead, server, worker))
        killed += is_dead(worker)
        server.restart()
        wait_for(partial(ask_for_the_rest, server))
        assert_registered(server, account, store, 4 * number + 4)
    assert killed >= len(points) * 0.5


def asked_or_dead(server: FenfaServer, worker: psutil.Process) -> bool | None:
    return ask_for_the_rest(server) or is_dead(worker) or None


def ask_for_the_rest(server: FenfaServer) -> bool | None:
    """True once every device is registered."""
    with suppress(httpx.TransportError):
        server.client.post("/admin/api/apple/registrations", json={"confirm": True})
    return query(server, "SELECT count(*) FROM devices WHERE apple_registered_at IS NULL") == [(0,)] or None
