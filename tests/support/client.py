"""A client that calls the application in this process: real routes, real SQLite, real files, no socket."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select
from starlette.types import ASGIApp, Message

from fenfa.config import Config, load_config
from fenfa.db.engine import Database, open_sqlite
from fenfa.db.tables import releases
from fenfa.inspectors import inspect
from fenfa.inspectors.base import Distant, PackageInfo
from fenfa.runtime import Runtime, open_runtime
from fenfa.services.releases import insert_release
from fenfa.services.runner import Runner
from fenfa.vocabulary import Platform, file_type, new_id
from fenfa.web.app import create_app, write_events
from fenfa.web.lifespan import Lifespan
from fenfa.web.plain import Plain
from tests.support.device_ca import authority
from tests.support.postgresql import lent_database, on_postgresql
from tests.support.seaweedfs import lent_bucket, on_s3
from tests.support.sqlite import migrated_file

ON_SQLITE = pytest.mark.skipif(on_postgresql(), reason="what it looks at is the SQLite file")
ON_DISK = pytest.mark.skipif(on_s3(), reason="it is about files on the disk, or a server without a bucket")
UPLOAD = {"X-Auth-Token": "dev-upload-token"}
ADMIN = {"X-Auth-Token": "dev-admin-token"}


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 2, 9, 30, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def move(self, **step: float) -> None:
        self.now += timedelta(**step)


class AppClient:
    """Synchronous requests to one application. `client.runtime` and `client.clock` are what it runs on."""

    def __init__(self, runtime: Runtime, clock: Clock, runner: asyncio.Runner) -> None:
        self.runtime, self.clock, self._runner = runtime, clock, runner
        self.app = create_app(lambda: runtime)
        self.app.state.worker = 2  # not the first, which works at jobs by itself: a test says when, see `work`
        self._lifespan = Lifespan(self.app)
        self._served: ASGIApp = self.app
        self.address = "127.0.0.1"

    def start(self) -> None:
        """From here on, the client stands where the server stands: before the page cache's fast path."""
        self._runner.run(self._lifespan.startup())
        self._served = Plain(self.app, fast_path=self.app.state.fast_path)

    def stop(self) -> None:
        self._runner.run(self._lifespan.shutdown())

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._request(method, url, options))

    def together(self, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """All of the requests at once."""

        async def gather() -> list[httpx.Response]:
            return list(await asyncio.gather(*(self._request(*request) for request in requests)))

        return self._runner.run(gather())

    async def _request(self, method: str, url: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self._served, raise_app_exceptions=False, client=(self.address, 50_000))
        base = options.pop("base_url", "http://testserver")
        async with httpx.AsyncClient(transport=transport, base_url=base, timeout=60) as client:
            return await client.request(method, url, **options)

    def drive(
        self, method: str, path: str, headers: dict[str, str], *messages: Message, cancel_after: int | None = None
    ) -> list[Message]:
        """One request by hand: the messages that the application receives, then the client is gone. Gives what it sent.
        With `cancel_after`, the server gives up on the request after that many turns of the event loop."""
        return self._runner.run(
            _drive(self._served, _scope(method, path, headers, self.address), messages, cancel_after)
        )

    def settle(self) -> None:
        """Waits for what tidies up after uploads that were cut off, and for what was on its way to a bucket."""
        for thread in threading.enumerate():
            if thread.name.startswith(("receive", "early")):
                thread.join()

    def files(self) -> list[str]:
        """Everything in staging and uploads/, as paths below the data folder."""
        root = Path(self.runtime.config.data_dir)
        found = [path for folder in ("staging", "uploads") for path in (root / folder).rglob("*")]
        return sorted(str(path.relative_to(root)) for path in found)

    def stored(self) -> list[str]:
        """The keys of all builds, wherever they lie."""
        return sorted(one.key for store in self.runtime.storage.every() for one in store.objects())

    def lose_files(self) -> None:
        """All builds are gone; their rows are not."""
        for store in self.runtime.storage.every():
            for one in list(store.objects()):
                store.delete(one.key)

    def token(self, scope: str = "admin", **fields: str) -> dict[str, str]:
        """The header of a new token."""
        made = self.admin("POST", "/admin/api/tokens", json={"name": "test", "scope": scope, **fields})
        return {"X-Auth-Token": made["secret"]}

    def sql(self, statement: str) -> None:
        """Straight into the database, past everything."""
        plain = {} if self.runtime.database.inline else {"no_parameters": True}  # a percent sign is one
        self.runtime.database.write_now(lambda c: c.exec_driver_sql(statement, execution_options=plain))

    def drop(self, table: str) -> None:
        self.sql(f"DROP TABLE {table}{'' if self.runtime.database.inline else ' CASCADE'}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.runtime.database.read_now(lambda c: [tuple(row) for row in c.exec_driver_sql(query)])

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> httpx.Response:
        return self.request("PUT", url, **options)

    def delete(self, url: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", url, **options)

    def admin(self, method: str, url: str, **options: Any) -> Any:
        """`data` of an answer that must be ok."""
        answer = self.request(method, url, headers=ADMIN, **options)
        assert answer.json()["ok"], answer.text
        return answer.json()["data"]

    def flush(self) -> None:
        """Writes the events that wait."""
        self._runner.run(write_events(self.runtime, self.app.state.meter))

    def work(self) -> None:
        """Runs the jobs that are due, until none is."""
        runner = Runner(self.runtime)
        while runner.run_next():
            pass

    # what most tests start from

    def make_product(self, name: str = "MyApp", **fields: Any) -> dict[str, Any]:
        return dict(self.admin("POST", "/admin/api/products", json={"name": name, **fields}))

    def make_variant(self, product_id: str, platform: str = "linux", **fields: Any) -> dict[str, Any]:
        url = f"/admin/api/products/{product_id}/variants"
        return dict(self.admin("POST", url, json={"platform": platform, **fields}))

    def upload(
        self, variant_id: str, content: bytes | Path, file_name: str = "app.tar.gz", headers: Any = None, **fields: str
    ) -> httpx.Response:
        data = content.read_bytes() if isinstance(content, Path) else content
        form = {"variant_id": variant_id, **fields}
        return self.post("/upload", headers=headers or UPLOAD, data=form, files={"app_file": (file_name, data)})

    def make_release(
        self, content: bytes = b"the bytes of a build", platform: str = "linux", **fields: str
    ) -> dict[str, Any]:
        """`data` of an upload into a new product and variant."""
        variant = self.make_variant(self.make_product()["id"], platform)
        answer = self.upload(variant["id"], content, **fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"])

    def make_releases(self, variant_id: str, number: int, **fields: str) -> list[str]:
        """The IDs of so many releases, oldest first; `{n}` in the fields is each one's number. The first comes by an upload, the
        others are rows like its own: much faster, for tests of what many look like."""
        told = [{name: text.format(n=n) for name, text in fields.items()} for n in range(number)]
        first = self.upload(variant_id, b"the bytes of a build", **told[0]).json()["data"]["release"]["id"]
        others = [new_id("rel") for _ in told[1:]]
        self.runtime.database.write_now(_copy_release, first, list(zip(others, told[1:], strict=True)))
        return [first, *others]


def _copy_release(connection: Connection, first: str, others: list[tuple[str, dict[str, str]]]) -> None:
    row = dict(connection.execute(select(releases).where(releases.c.id == first)).mappings().one())
    product_id = row["storage_key"].split("/")[1]
    for release_id, told in others:
        key = row["storage_key"].replace(first, release_id)
        fields = told | ({"build": int(told["build"])} if "build" in told else {})
        kept = {name: value for name, value in row.items() if name != "seq"}
        insert_release(connection, product_id, kept | {"id": release_id, "storage_key": key} | fields)


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error in its envelope, which must hold nothing else."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert set(body) == {"ok", "error"}
    assert body["ok"] is False
    assert set(body["error"]) == {"code", "message"}
    return answer.status_code, body["error"]["code"], body["error"]["message"]


def _scope(method: str, path: str, headers: dict[str, str], address: str) -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    target = {"method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": raw}
    about = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": ""}
    return {**about, **target, "server": ("testserver", 80), "client": (address, 50_000)}


async def _drive(
    app: ASGIApp, scope: dict[str, Any], messages: tuple[Message, ...], cancel_after: int | None
) -> list[Message]:
    waiting, sent = list(messages), []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    request = asyncio.ensure_future(app(scope, receive, send))
    if cancel_after is not None:
        for _ in range(cancel_after):
            await asyncio.sleep(0)
        request.cancel()
    await asyncio.wait([request])
    if not request.cancelled():
        request.exception()
    return sent


def make_runtime(
    folder: Path, clock: Clock, settings: dict[str, str] | None = None, database: Database | None = None
) -> Runtime:
    """`settings` are environment variables without FENFA_, in lower case. `database` is a migrated one."""
    environ = {f"FENFA_{name.upper()}": value for name, value in (settings or {}).items()}
    config: Config = load_config(None, {"FENFA_DATA_DIR": str(folder), "FENFA_MIN_FREE_BYTES": "0", **environ})
    authorities = (authority().pem,)  # of the tests' own devices, in place of Apple's
    return replace(
        open_runtime(config, clock, database or _open_sqlite(config.database_file)),
        inspect=inspect_package,
        device_authorities=authorities,
    )


def _open_sqlite(file: Path) -> Database:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(migrated_file(), file)
    return open_sqlite(file)


def inspect_package(file: Path | Distant, file_name: str) -> PackageInfo:
    """Real reading, but for tar.gz: in there any bytes may stand for a build that says nothing of itself."""
    if file_type(file_name) == "tar.gz":
        return PackageInfo("tar.gz", Platform.LINUX)
    return inspect(file, file_name)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[AppClient]:
    clock = Clock()
    with lent_bucket() as bucket, lent_database() as database, asyncio.Runner() as runner:
        client = AppClient(make_runtime(folder, clock, bucket | settings, database), clock, runner)
        client.start()
        yield client
        client.stop()
