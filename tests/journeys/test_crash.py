"""R1 to R4: kill -9 at any system call, the order of fsync, and fsync that fails.

The normal run takes a spread of the kill points; `FENFA_CRASH_ROUNDS=all` takes every one, a number takes that many.
`FENFA_ORDER_UPLOADS` is the number of uploads whose fsync order is checked.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.server import FenfaServer, assert_whole, fenfa_server, make_build, query, sweep_tomorrow, upload_head
from tests.support.strace import Call, injecting, read_calls, strace

pytestmark = pytest.mark.journey
ROUNDS = os.environ.get("FENFA_CRASH_ROUNDS", "15")
ORDER_UPLOADS = int(os.environ.get("FENFA_ORDER_UPLOADS", "20"))
DEADLY = (
    *(
        "openat",
        "pwrite64",
        "write",
        "fdatasync",
        "fsync",
        "ftruncate",
        "fallocate",
        "mkdir",
        "rmdir",
        "link",
        "linkat",
    ),
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "sendto", "writev", "sendmsg"),
)
WATCHED = ",".join(f"?{name}" for name in DEADLY)


@dataclass
class Visitor:
    """A client that uploads, repeats, changes and deletes, and remembers what was acknowledged."""

    server: FenfaServer
    folder: Path
    variant: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    uploads: int = 0
    numbers: Iterator[int] = field(default_factory=count)

    def work(self) -> None:
        """One round; ends early when the server is gone."""
        number = next(self.numbers)
        content, other = (make_build(random.Random(f"{number}{word}").randbytes(200_000)) for word in ("a", "b"))
        smart = make_build(b"", f"com.example.smart{number}", f"Smart {number}")
        with suppress(httpx.TransportError):
            first = self.send("/upload", content, variant_id=self.variant)
            self.send("/upload", content, variant_id=self.variant)
            self.send("/smart-upload", smart, create="1")
            self.change(first)
            self.delete(first)
            self.send("/upload", other, variant_id=self.variant)

    def send(self, path: str, content: bytes, **form: str) -> str:
        self.uploads += 1
        answer = self.server.client.post(path, data=form, files={"app_file": ("app.apk", content)})
        if answer.status_code != 201:
            return ""
        release = answer.json()["data"]["release"]
        self.acknowledged[release["id"]] = sha256(content).hexdigest()
        return str(release["id"])

    def change(self, release_id: str) -> None:
        self.server.client.put(f"/admin/api/releases/{release_id}", json={"changelog": "changed"})

    def delete(self, release_id: str) -> None:
        self.acknowledged.pop(release_id, None)  # whether it was deleted is open until the answer
        self.server.client.delete(f"/admin/api/releases/{release_id}")


def visit(server: FenfaServer, folder: Path) -> Visitor:
    """A visitor who has been through one round, so that everything is imported."""
    visitor = Visitor(server, folder, server.make_variant())
    visitor.work()
    return visitor


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path) as started:
        yield started


def kill_points(visitor: Visitor) -> list[tuple[str, int]]:
    """Every call that one round makes, as (name, how many of them its thread had made)."""
    log, worker = visitor.folder / "points.log", psutil.Process(visitor.server.worker())
    with strace(worker.pid, log, "-e", f"trace={WATCHED}"):
        visitor.work()
    own = {thread.id for thread in worker.threads()}  # not those of the children that inspect packages
    per_thread = Counter((call.thread, call.name) for call in read_calls(log) if call.thread in own)
    highest: Counter[str] = Counter()
    for (_, name), times in per_thread.items():
        highest[name] = max(highest[name], times)
    return [(name, n) for name in sorted(highest) for n in range(1, highest[name] + 1)]


def chosen(points: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """A spread over all of them, or all."""
    rounds = len(points) if ROUNDS == "all" else min(int(ROUNDS), len(points))
    return [points[index * len(points) // rounds] for index in range(rounds)]


@pytest.mark.long
def test_nothing_acknowledged_is_lost_by_kill_9(server: FenfaServer, tmp_path: Path) -> None:
    visitor = visit(server, tmp_path)
    points = kill_points(visitor)
    struck = 0
    for name, number in chosen(points):
        worker = psutil.Process(server.worker())
        with strace(worker.pid, tmp_path / "kill.log", *injecting(name, f"signal=KILL:when={number}")):
            visitor.work()
        struck += is_dead(worker)
        server.restart()
        assert_settled(server)
        sweep_tomorrow(server)
        assert_whole(server, visitor.acknowledged)
        assert_no_empty_product(server)
    assert struck >= len(chosen(points)) * 0.8, f"only {struck} of {len(chosen(points))} kills struck"
    assert visitor.uploads >= 2 * len(chosen(points))
    server.upload(visitor.variant, make_build(b"still well")).raise_for_status()


def assert_settled(server: FenfaServer) -> None:
    """Right after the start: nothing waits in staging, and every row has its file."""
    assert list((server.data / "staging").iterdir()) == []
    assert query(server, "SELECT id FROM uploads WHERE state = 'received'") == []
    assert all((server.data / key).is_file() for (key,) in query(server, "SELECT storage_key FROM releases"))


def assert_no_empty_product(server: FenfaServer) -> None:
    """A smart upload makes its product and its release, or neither."""
    used = "SELECT product_id FROM variants JOIN releases ON releases.variant_id = variants.id"
    assert query(server, f"SELECT name FROM products WHERE name LIKE 'Smart %' AND id NOT IN ({used})") == []


@pytest.mark.parametrize("part", [1, 1000, 2_500_000, 3_999_999])
def test_upload_that_is_cut_by_kill_9_leaves_nothing(server: FenfaServer, part: int) -> None:
    variant = server.make_variant()
    with server.connect() as client:
        client.sendall(upload_head(variant, 4_000_000) + b"x" * part)
        server.staged(b"x" if part > 2_000_000 else b"")
        server.restart()
    assert_whole(server, {})


def test_two_workers_survive_the_death_of_one(tmp_path: Path) -> None:
    with fenfa_server(tmp_path, "--workers", "2") as server:
        variant = server.make_variant()
        sent = {content: server.upload(variant, content) for content in (make_build(b"1"), make_build(b"2"))}
        first = psutil.Process(server.process.pid).children()[0]
        first.kill()
        first.wait(30)
        server.client.close()
        server.client = httpx.Client(base_url=server.url, headers=server.client.headers, timeout=30)
        known = {r.json()["data"]["release"]["id"]: sha256(content).hexdigest() for content, r in sent.items()}
        assert_whole(server, known)


def test_everything_is_durable_before_the_answer(server: FenfaServer, tmp_path: Path) -> None:
    visitor = visit(server, tmp_path)
    log = tmp_path / "order.log"
    pid = server.worker()
    with strace(pid, log, "-y", "-s", "4096", "-e", f"trace={WATCHED}"):
        before = visitor.uploads
        while visitor.uploads - before < ORDER_UPLOADS:
            visitor.work()
    calls = read_calls(log)
    replies = [call for call in calls if is_success(call)]
    assert len([call for call in replies if " 201 " in call.arguments]) == visitor.uploads - before
    for reply in replies:
        assert undurable(calls, reply, server.data) == set()
    assert_order(calls, server.data)


def is_success(call: Call) -> bool:
    return call.name in ("writev", "sendto", "write", "sendmsg") and "HTTP/1.1 20" in call.arguments


def undurable(calls: list[Call], reply: Call, data: Path) -> set[str]:
    """What a power cut at the moment of the reply could take: files written and folders changed since their last sync."""
    loose: set[str] = set()
    for call in calls:
        if call.began >= reply.began:
            break
        loose |= loosened(call, data)
        if call.name in ("fsync", "fdatasync") and call.result == "0":
            loose.discard(path_of(call))
    return loose


def loosened(call: Call, data: Path) -> set[str]:
    """The file or the folder that the call makes undurable. (Staging and SQLite's shared memory need not last.)"""
    if call.result.startswith("-"):
        return set()
    paths: set[str] = set()
    if call.name in ("pwrite64", "write", "ftruncate"):
        paths = {path_of(call)}
    if call.name in ("link", "rename", "mkdir"):
        paths = {str(Path(call.arguments.split('"')[-2]).parent)}
    gone = (str(data / "staging"), str(data / "fenfa.db-shm"))
    return {path for path in paths if path.startswith(f"{data}/") and path not in gone}


def path_of(call: Call) -> str:
    """Of the call's descriptor."""
    return call.arguments.partition("<")[2].partition(">")[0]


def assert_order(calls: list[Call], data: Path) -> None:
    """Staged bytes before the link, link and meta.json before the commit: a row never points at nothing."""
    synced: set[str] = set()
    links = [call for call in calls if call.name == "link" and call.result == "0"]
    assert links
    for call in calls:
        if call.name in ("fsync", "fdatasync"):
            synced.add(path_of(call))
        if call.name == "link":
            source, target = call.arguments.split('"')[1::2]
            assert source in synced or source.startswith(str(data / "uploads"))
            assert next_sync(calls, call, str(Path(target).parent)) < next_sync(calls, call, f"{data}/fenfa.db-wal")


def next_sync(calls: list[Call], after: Call, path: str) -> int:
    """When it was first synced after that call, by the same thread."""
    later = (c for c in calls if c.began > after.began and c.thread == after.thread)
    return next(c.began for c in later if c.name in ("fsync", "fdatasync") and path_of(c) == path)


@pytest.mark.parametrize("name", ["fsync", "fdatasync"])
def test_failed_sync_is_never_a_success(server: FenfaServer, tmp_path: Path, name: str) -> None:
    visitor = visit(server, tmp_path)
    server.client.headers["connection"] = "close"  # a 500 may end its connection
    failures = 0
    for number in range(1, 8):
        log, content = tmp_path / f"{name}{number}.log", make_build(f"{name} {number}".encode())
        with strace(server.worker(), log, "-y", *injecting(name, f"error=EIO:when={number}")):
            answer = server.upload(visitor.variant, content)
        failed = [call for call in read_calls(log) if "INJECTED" in call.note]
        # SQLite syncs the folder once a connection and does not mind; the name of its log is there since the first
        injected = any(path_of(call) != str(server.data) for call in failed)
        assert (answer.status_code in (500, 503)) == injected, answer.text
        failures += injected
        if not injected:
            visitor.acknowledged[answer.json()["data"]["release"]["id"]] = sha256(content).hexdigest()
        assert query(server, "SELECT id FROM uploads WHERE state = 'received'") == []
    assert failures >= 2
    assert_whole(server, visitor.acknowledged)
    server.restart()
    assert_whole(server, visitor.acknowledged)


def is_dead(process: psutil.Process) -> bool:
    """Also when it ends between the two questions."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
