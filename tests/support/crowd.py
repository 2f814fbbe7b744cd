"""A crowd of clients before several servers: they upload and download without end, and keep a ledger of what they were told.

Uploaders behave as a CI script does: one key for each build, another try somewhere else after a failure that may pass. Some give
up after their first failure. Whatever no client may ever be told goes into `Ledger.wrong`.
"""

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from tests.support.server import ADMIN, FenfaServer, make_build
from tests.web.test_resumable import OFFSET, metadata

PASSING = (429, 502, 503, 504)
LARGE = 9_000_000  # more than goes to a bucket in one request
_LARGE_EVERY, _QUITS_EVERY = 7, 5
_PATIENCE = 60.0
SOON = 15.0
STORE_AWAY = "503 the object store does not answer; try again in a moment"
_LONGEST_PAUSE = 2.0


class Refused(Exception):
    """An answer, or none, after which trying again is right."""


@dataclass
class Ledger:
    """`acknowledged`: SHA-256 → release. `open`: sent, and its client gave up, so that it may be there or not."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0
    news: threading.Condition = field(default_factory=threading.Condition)

    def count(self, *names: str) -> None:
        with self.news:
            self.counts.update(names)
            self.news.notify_all()

    def acknowledge(self, sha256: str, release_id: str) -> None:
        with self.news:
            self.open.discard(sha256)
            self.acknowledged[sha256] = release_id
        self.count("acknowledged")

    def await_more(self, name: str, number: int, patience: float) -> None:
        """Until `number` more of these were counted."""
        with self.news:
            wanted = self.counts[name] + number
            came = self.news.wait_for(lambda: self.counts[name] >= wanted or self.wrong, patience)
            assert came, f"{wanted - self.counts[name]} of {number} {name} did not come in {patience} s"


@dataclass
class Crowd:
    servers: Sequence[FenfaServer]
    variants: Sequence[str]
    seed: int
    ledger: Ledger = field(default_factory=Ledger)
    over: threading.Event = field(default_factory=threading.Event)
    apps: Iterator[int] = field(default_factory=count)

    @contextmanager
    def at_work(self, uploaders: int, downloaders: int) -> Iterator[Ledger]:
        """They end what they began when the block ends."""
        loops: list[tuple[Callable[[random.Random, int], None], int]] = [
            (self._upload_all, n) for n in range(uploaders)
        ]
        loops += [(self._download_all, n) for n in range(downloaders)]
        loops.append((self._look_around, 0))
        threads = [threading.Thread(target=self._guarded, args=one, daemon=True) for one in loops]
        for thread in threads:
            thread.start()
        try:
            yield self.ledger
        finally:
            self.over.set()
            for thread in threads:
                thread.join(3 * _PATIENCE)
        assert not [thread for thread in threads if thread.is_alive()], "an upload did not come to its end"

    def _guarded(self, loop: Callable[[random.Random, int], None], number: int) -> None:
        try:
            loop(random.Random(f"{self.seed} {loop.__name__} {number}"), number)
        except Exception as error:
            self.ledger.wrong.append(f"a client ended: {error!r}")
            raise

    def _upload_all(self, rng: random.Random, number: int) -> None:
        turn = 0
        while not self.over.is_set():
            turn += 1
            self._upload(rng, f"{self.seed}-{number}-{turn}", turn + number)

    def _upload(self, rng: random.Random, key: str, turn: int) -> None:
        size = LARGE if turn % _LARGE_EVERY == 0 else rng.randint(1_000, 300_000)
        app = rng.choice((0, next(self.apps) // 3))  # new ones come from several uploaders at once
        content = make_build(rng.randbytes(size), f"com.example.app{app}", f"App {app}")
        sha256 = hashlib.sha256(content).hexdigest()
        kind = JOBS[turn % len(JOBS)]
        job = kind(content, sha256, key)
        self.ledger.open.add(sha256)
        self.ledger.count("uploads", "large" if size == LARGE else "small", kind.__name__.lower())
        variant, pause = rng.choice(self.variants), 0.1
        while True:
            release_id = self._try(job, rng, variant)
            if release_id:
                self.ledger.acknowledge(sha256, release_id)
                return
            if turn % _QUITS_EVERY == 0:
                self.ledger.count("given up")
                return
            time.sleep(rng.uniform(0, pause))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _try(self, job: "Job", rng: random.Random, variant: str) -> str:
        server, began = job.chosen(self.servers, rng), time.monotonic()
        try:
            with httpx.Client(base_url=server.url, headers=ADMIN, timeout=_PATIENCE) as client:
                return job.send(client, variant)
        except (httpx.TransportError, Refused) as error:
            self.ledger.count("failed attempts", f"{error.__class__.__name__} {error}")
        except Unexpected as error:
            self.ledger.wrong.append(f"{server.folder.name}: {error}")
            raise
        finally:
            self.ledger.longest = max(self.ledger.longest, time.monotonic() - began)
            self.ledger.count("attempts")
        return ""

    def _download_all(self, rng: random.Random, number: int) -> None:
        while not self.over.wait(0.02):
            known = list(self.ledger.acknowledged.items())
            if known:
                self._download(rng.choice(self.servers), *rng.choice(known))

    def _download(self, server: FenfaServer, sha256: str, release_id: str) -> None:
        try:
            with httpx.Client(base_url=server.url, timeout=_PATIENCE) as client:
                answer = client.get(f"/d/{release_id}", follow_redirects=True)
        except httpx.TransportError:
            self.ledger.count("failed downloads")
            return
        if answer.status_code != 200:
            if answer.status_code not in (*PASSING, 500) or (answer.status_code == 500 and not answer.history):
                self.ledger.wrong.append(f"{release_id} from {answer.url}: {answer.status_code} {answer.text[:300]}")
            self.ledger.count("failed downloads")
        elif hashlib.sha256(answer.content).hexdigest() != sha256:
            self.ledger.wrong.append(f"{release_id} from {server.folder.name} is not what was uploaded")
        else:
            self.ledger.count("downloads")

    def _look_around(self, rng: random.Random, number: int) -> None:
        """At what asks no store for its bytes: it is answered soon, whatever else hangs."""
        while not self.over.wait(0.1):
            server, path = rng.choice(self.servers), rng.choice(("/healthz", "/readyz", "/admin/api/products"))
            try:
                answer = httpx.get(f"{server.url}{path}", headers=ADMIN, timeout=SOON)
            except httpx.TimeoutException:
                self.ledger.wrong.append(f"{server.folder.name}: {path} was not answered in {SOON} s")
            except httpx.TransportError:
                self.ledger.count("failed looks")
            else:
                self.ledger.count(f"{answer.status_code} {path}")
                if answer.status_code not in (200, 503):
                    self.ledger.wrong.append(f"{server.folder.name}: {path} {answer.status_code} {answer.text[:300]}")


class Unexpected(Exception):
    """An answer that no client may get."""


@dataclass
class Job:
    """One build on its way. `send` tries once, wherever it got to before, and gives the release's ID."""

    content: bytes
    sha256: str
    key: str

    def chosen(self, servers: Sequence[FenfaServer], rng: random.Random) -> FenfaServer:
        return rng.choice(servers)

    def send(self, client: httpx.Client, variant: str) -> str:
        raise NotImplementedError

    @property
    def form(self) -> dict[str, Any]:
        return {"files": {"app_file": ("app.apk", self.content)}, "headers": {"Idempotency-Key": self.key}}


class Whole(Job):
    """One form, sent again and again under one key."""

    def send(self, client: httpx.Client, variant: str) -> str:
        return release_in(client.post("/upload", data={"variant_id": variant}, **self.form))


class Smart(Job):
    """The same, for an app that perhaps is not there yet."""

    def send(self, client: httpx.Client, variant: str) -> str:
        return release_in(client.post("/smart-upload", data={"create": "1"}, **self.form))


class Direct(Job):
    """Past the server, into the bucket."""

    def send(self, client: httpx.Client, variant: str) -> str:
        wanted = {"file_name": "app.apk", "size_bytes": len(self.content), "sha256": self.sha256, "variant_id": variant}
        answer = client.post("/uploads/direct", json=wanted, headers={"Idempotency-Key": self.key})
        if "NOT_OFFERED" in answer.text:
            raise Refused("the bucket is not known well enough")
        told = expected(answer, 201).json()["data"]
        put = httpx.put(told["url"], content=self.content, headers=told["headers"], timeout=_PATIENCE)
        if not put.is_success and put.status_code != 412:  # an earlier try put it there
            raise Refused(f"{put.status_code} from the bucket")
        return release_in(client.post(f"/uploads/direct/{told['upload_id']}/finish"))


@dataclass
class Pieces(Job):
    """Sent in pieces to the server that has the first ones."""

    server: FenfaServer | None = None
    path: str = ""

    def chosen(self, servers: Sequence[FenfaServer], rng: random.Random) -> FenfaServer:
        self.server = self.server if self.path and self.server else rng.choice(servers)
        return self.server

    def send(self, client: httpx.Client, variant: str) -> str:
        if not self.path:
            said = metadata(filename="app.apk", variant_id=variant, sha256=self.sha256)
            headers = {"Upload-Length": str(len(self.content)), "Upload-Metadata": said}
            self.path = expected(client.post("/uploads/resumable", headers=headers), 201).headers["location"]
        answer = client.head(self.path)
        if answer.status_code != 404:  # all of its bytes are there already
            offset = int(expected(answer, 200).headers["upload-offset"])
            while offset < len(self.content):
                piece = self.content[offset : offset + LARGE // 4]
                headers = OFFSET | {"Upload-Offset": str(offset)}
                answer = client.patch(self.path, content=piece, headers=headers)
                offset = int(expected(answer, 204, 409, 423).headers.get("upload-offset", offset))
        return release_in(client.post(f"{self.path}/complete"))


JOBS: tuple[type[Job], ...] = (Pieces, Smart, Whole, Direct, Smart, Whole)


def release_in(answer: httpx.Response) -> str:
    return str(expected(answer, 201).json()["data"]["release"]["id"])


def expected(answer: httpx.Response, *statuses: int) -> httpx.Response:
    if answer.status_code in statuses:
        return answer
    if answer.status_code in PASSING:
        assert answer.status_code != 503 or answer.headers["retry-after"]
        reason = answer.json()["error"]["message"] if answer.content else "without a word"
        raise Refused(f"{answer.status_code} {reason}")
    raise Unexpected(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:300]}")
