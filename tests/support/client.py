"""A client that calls the application in this process: real routes, real SQLite, real files, no socket."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from fenfa.config import Config, load_config
from fenfa.db.engine import Database, open_sqlite
from fenfa.db.migrate import migrate
from fenfa.runtime import Runtime, open_runtime
from fenfa.web.app import create_app, write_events
from fenfa.web.lifespan import Lifespan

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
        self._lifespan = Lifespan(self.app)
        self.address = "127.0.0.1"

    def start(self) -> None:
        self._runner.run(self._lifespan.startup())

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
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(self.address, 50_000))
        base = options.pop("base_url", "http://testserver")
        async with httpx.AsyncClient(transport=transport, base_url=base, timeout=60) as client:
            return await client.request(method, url, **options)

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
        self._runner.run(write_events(self.runtime))

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


def make_runtime(
    folder: Path, clock: Clock, settings: dict[str, str] | None = None, database: Database | None = None
) -> Runtime:
    """`settings` are environment variables without FENFA_, in lower case."""
    environ = {f"FENFA_{name.upper()}": value for name, value in (settings or {}).items()}
    config: Config = load_config(None, {"FENFA_DATA_DIR": str(folder), "FENFA_MIN_FREE_BYTES": "0", **environ})
    opened = database or open_sqlite(config.database_file)
    migrate(opened)
    return open_runtime(config, clock, opened)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[AppClient]:
    clock = Clock()
    with asyncio.Runner() as runner:
        client = AppClient(make_runtime(folder, clock, settings), clock, runner)
        client.start()
        yield client
        client.stop()
