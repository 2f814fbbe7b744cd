"""A real `fenfa serve` on a data folder of its own: start, talk, stop, kill, start again."""

import hashlib
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from fenfa.config import Config
from fenfa.runtime import open_runtime, utc_now
from fenfa.services.sweeps import GRACE, sweep
from tests.support.packages import make_apk

T = TypeVar("T")
PATIENCE = 30.0
UPLOAD_TAIL = b"\r\n--b--\r\n"
FENFA = [str(Path(sys.executable).with_name("fenfa"))]
ADMIN = {"X-Auth-Token": "dev-admin-token"}


def environment(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    """This process's environment without any FENFA_ variable but these, given without the prefix and in lower case."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("FENFA_")}
    given = {"data_dir": str(folder / "data"), "min_free_bytes": "0"}
    given |= {"events_per_minute": "100000", "udid_calls_per_minute": "100000"}  # all calls come from one address
    given |= settings
    return own | {f"FENFA_{name.upper()}": value for name, value in given.items()}


def run_fenfa(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    command = [*FENFA, *arguments]
    given: dict[str, Any] = {"cwd": folder, "env": environment(folder, settings), "timeout": PATIENCE}
    return subprocess.run(command, capture_output=True, text=True, check=False, **given)


@dataclass
class FenfaServer:
    """`start` and `kill` may alternate; `said` is what the last start printed."""

    folder: Path
    arguments: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    said: str = ""
    url: str = ""

    @property
    def data(self) -> Path:
        return Path(self.settings.get("data_dir", self.folder / "data"))

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def start(self) -> None:
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [*FENFA, "serve", "--port", "0", *self.arguments],
                cwd=self.folder,
                env=environment(self.folder, self.settings),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.said = self._greeting()
        self.client = httpx.Client(base_url=self.url, headers=ADMIN, timeout=PATIENCE)

    def _greeting(self) -> str:
        """Everything that is printed up to the last line, which tells how to upload."""
        assert self.process.stdout
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("first upload:"):
                break
        said = "".join(lines)
        match = re.search(r"is at http://[^:]*:(\d+)$", said, re.MULTILINE)
        assert match, f"the server did not start: {said}{self.log}"
        self.url = f"http://127.0.0.1:{match[1]}"
        return said

    def worker(self) -> int:
        """The process that answers; it has answered once when this returns."""
        self.client.get("/healthz").raise_for_status()
        (child,) = psutil.Process(self.process.pid).children()
        return child.pid

    def terminate(self) -> int:
        """SIGTERM to the server, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """kill -9 to everything that belongs to the server, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Until it is gone; its exit code."""
        self.client.close()
        code = self.process.wait(PATIENCE)
        assert self.process.stdout
        self.process.stdout.read()  # ends when the last worker has closed it
        self.process.stdout.close()
        return code

    def restart(self) -> None:
        self.kill()
        self.start()

    def make_variant(self, platform: str = "android", name: str = "MyApp") -> str:
        product = self.client.post("/admin/api/products", json={"name": name}).json()["data"]
        url = f"/admin/api/products/{product['id']}/variants"
        return str(self.client.post(url, json={"platform": platform}).json()["data"]["id"])

    def upload(self, variant_id: str, content: bytes, file_name: str = "app.apk", **fields: str) -> httpx.Response:
        form, files = {"variant_id": variant_id, **fields}, {"app_file": (file_name, content)}
        return self.client.post("/upload", data=form, files=files)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2])), timeout=PATIENCE)

    def staged(self, start: bytes = b"") -> Path:
        """The file in staging, once it holds this start."""
        return wait_for(lambda: next((p for p in (self.data / "staging").glob("*.part") if holds(p, start)), None))

    def download(self, release_id: str) -> httpx.Response:
        return self.client.get(f"/d/{release_id}")


def make_build(content: bytes, identifier: str = "com.example.app", name: str = "MyApp") -> bytes:
    """A real APK that holds these bytes as they are."""
    with tempfile.TemporaryDirectory() as folder:
        path = make_apk(Path(folder, "app.apk"), identifier=identifier, name=name)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("assets/content", content)
        return path.read_bytes()


def make_slow_build(content: bytes = b"") -> bytes:
    """One that takes long enough to read to be seen at it: a tenth of a second."""
    with tempfile.TemporaryDirectory() as folder:
        files = {f"assets/{number}": b"" for number in range(40_000)} | {"assets/content": content}
        return make_apk(Path(folder, "app.apk"), files=files).read_bytes()


def upload_head(variant_id: str, size: int, token: str = "dev-upload-token") -> bytes:
    """A request for /upload up to the file's first byte; `size` bytes and `UPLOAD_TAIL` must follow."""
    part = 'content-disposition: form-data; name="{}"'
    body = f"--b\r\n{part.format('variant_id')}\r\n\r\n{variant_id}\r\n"
    body += f'--b\r\n{part.format("app_file")}; filename="app.apk"\r\n\r\n'
    length = len(body) + size + len(UPLOAD_TAIL)
    head = f"POST /upload HTTP/1.1\r\nhost: x\r\nx-auth-token: {token}\r\ncontent-length: {length}\r\n"
    return f"{head}content-type: multipart/form-data; boundary=b\r\n\r\n{body}".encode()


def holds(path: Path, start: bytes) -> bool:
    with suppress(FileNotFoundError), path.open("rb") as file:
        return file.read(len(start)) == start
    return False


def wait_for(look: Callable[[], T | None]) -> T:
    """What `look` finds. It is asked again and again, with the processor given away in between, until the deadline."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        select.select([], [], [], 0.005)
    raise AssertionError("it did not come about in time")


@contextmanager
def fenfa_server(folder: Path, *arguments: str, **settings: str) -> Iterator[FenfaServer]:
    server = FenfaServer(folder, arguments, settings)
    server.start()
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


def query(server: FenfaServer, statement: str) -> list[tuple[Any, ...]]:
    """Rows of the server's database, read beside it."""
    with closing(sqlite3.connect(server.data / "fenfa.db")) as connection:
        return connection.execute(statement).fetchall()


def stored_files(server: FenfaServer) -> set[str]:
    """Every file and every empty folder below `uploads`, as paths below the data folder; an empty folder ends in `/`."""
    paths = [path for path in (server.data / "uploads").rglob("*") if path.is_file() or not any(path.iterdir())]
    return {f"{path.relative_to(server.data)}{'/' if path.is_dir() else ''}" for path in paths}


def sweep_tomorrow(server: FenfaServer) -> None:
    """The sweep as it runs 25 hours later, when the grace of what a crash left is over."""
    config = Config(data_dir=str(server.data), given=frozenset({"data_dir"}))
    runtime = open_runtime(config, lambda: utc_now() + timedelta(hours=25))
    sweep(runtime, GRACE)
    runtime.database.close()


def assert_whole(server: FenfaServer, acknowledged: dict[str, str]) -> None:
    """Every acknowledged release (ID → SHA-256) is served as it came, and nothing is half there."""
    for release_id, sha256 in acknowledged.items():
        answer = server.download(release_id)
        assert answer.status_code == 200, release_id
        assert hashlib.sha256(answer.content).hexdigest() == sha256, release_id
    keys = [key for (key,) in query(server, "SELECT storage_key FROM releases")]
    assert stored_files(server) == {path for key in keys for path in (key, f"{key.rpartition('/')[0]}/meta.json")}
    assert list((server.data / "staging").iterdir()) == []
    assert query(server, "SELECT id, state FROM uploads WHERE state NOT IN ('ready', 'failed')") == []
