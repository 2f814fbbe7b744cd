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

import httpx

from tests.support.server import ADMIN, FenfaServer, make_build
from tests.web.test_resumable import OFFSET, metadata

PASSING = (429, 502, 503, 504)
LARGE = 9_000_000  # more than goes to a bucket in one request
_LARGE_EVERY, _PIECES_EVERY, _QUITS_EVERY = 7, 4, 6
_PATIENCE = 60.0
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

    @contextmanager
    def at_work(self, uploaders: int, downloaders: int) -> Iterator[Ledger]:
        """They end what they began when the block ends."""
        loops: list[tuple[Callable[[random.Random, int], None], int]] = [
            (self._upload_all, n) for n in range(uploaders)
        ]
        loops += [(self._download_all, n) for n in range(downloaders)]
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
        content = make_build(rng.randbytes(LARGE if turn % _LARGE_EVERY == 0 else rng.randint(1_000, 300_000)))
        sha256 = hashlib.sha256(content).hexdigest()
        job = Pieces(content, sha256) if turn % _PIECES_EVERY == 0 else Whole(content, key)
        self.ledger.open.add(sha256)
        self.ledger.count("uploads", "large" if len(content) > LARGE else "small", type(job).__name__.lower())
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

    def _try(self, job: "Whole | Pieces", rng: random.Random, variant: str) -> str:
        server, began = job.chosen(self.servers, rng), time.monotonic()
        try:
            with httpx.Client(base_url=server.url, headers=ADMIN, timeout=_PATIENCE) as client:
                return job.send(client, variant)
        except (httpx.TransportError, Refused) as error:
            self.ledger.count("failed attempts", f"{error.__class__.__name__} {error}"[:80])
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


class Unexpected(Exception):
    """An answer that no client may get."""


@dataclass
class Whole:
    """One form, sent again and again under one key."""

    content: bytes
    key: str

    def chosen(self, servers: Sequence[FenfaServer], rng: random.Random) -> FenfaServer:
        return rng.choice(servers)

    def send(self, client: httpx.Client, variant: str) -> str:
        form, files = {"variant_id": variant}, {"app_file": ("app.apk", self.content)}
        answer = client.post("/upload", data=form, files=files, headers={"Idempotency-Key": self.key})
        return release_in(answer)


@dataclass
class Pieces:
    """Sent in pieces to the server that has the first ones."""

    content: bytes
    sha256: str
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
