"""A real S3 for the tests: one SeaweedFS a session, started from the wheel, and a bucket for each test, perhaps one that another
has left, emptied."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import httpx
import obstore

from fenfa.storage.base import Address
from fenfa.storage.bucket import open_store, signer_of

ACCESS, SECRET = "fenfa-tests", "secret-of-the-tests"
_PATIENCE = 60.0
_PARTS = ("master", "volume", "filer", "s3")


class SeaweedFS:
    """A running server; `bucket()` makes one of one's own. It may be killed and started again, paused and let go on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = _free_ports(2 * len(_PARTS))
        self.port = self._ports[6]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._numbers = count()
        self._spare: list[Address] = []
        keys = {"credentials": [{"accessKey": ACCESS, "secretKey": SECRET}]}
        rights = {"name": "tests", "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [rights | keys]}))
        self.start()

    def bucket(self) -> Address:
        name = f"bucket-{os.getpid()}-{next(self._numbers)}"
        place = {"kind": "s3", "name": "sto_tests000", "endpoint": self.endpoint, "bucket": name}
        address = Address(**place, access_key=ACCESS, secret_key=SECRET)  # type: ignore[arg-type]  # all of them are texts
        signer = signer_of(address)
        assert signer
        httpx.put(signer.url("PUT", "", 60), timeout=_PATIENCE).raise_for_status()
        return address

    @contextmanager
    def lent(self) -> Iterator[Address]:
        """A bucket for a while: a new one makes the server lay out volumes at its first object."""
        address = self._spare.pop() if self._spare else self.bucket()
        yield address
        store = open_store(address)
        for found in obstore.list(store):
            obstore.delete(store, [one["path"] for one in found])
        self._spare.append(address)

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), cwd=self._folder, stdout=log, stderr=log)
        _await(self._process, self.port, self._folder / "log")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """It takes connections, and answers none."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def _command(self) -> list[str]:
        command = [str(Path(sys.executable).with_name("weed")), "server", "-s3", f"-dir={self._folder}"]
        command += ["-ip=127.0.0.1", f"-s3.config={self._folder / 's3.json'}"]
        command += ["-master.volumeSizeLimitMB=64", "-volume.max=5000", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        for number, part in enumerate(_PARTS):
            command += [f"-{part}.port={self._ports[2 * number]}", f"-{part}.port.grpc={self._ports[2 * number + 1]}"]
        return command


@contextmanager
def running_seaweedfs() -> Iterator[SeaweedFS]:
    with tempfile.TemporaryDirectory(prefix="fenfa-s3-") as name:
        server = SeaweedFS(Path(name))
        try:
            yield server
        finally:
            server.kill()


@cache
def shared_seaweedfs() -> SeaweedFS:
    """Started by the first who asks, and ended with this process."""
    server = running_seaweedfs()
    atexit.register(server.__exit__, None, None, None)
    return server.__enter__()


def on_s3() -> bool:
    return os.environ.get("FENFA_TEST_STORAGE") == "s3"


@contextmanager
def lent_bucket() -> Iterator[dict[str, str]]:
    """The settings of a bucket for the application under test, where FENFA_TEST_STORAGE asks for S3. Downloads go through the
    application, so that every test of theirs holds; tests/web/public/test_objects.py has what links lead to."""
    if not on_s3():
        yield {}
        return
    with shared_seaweedfs().lent() as address:
        yield settings_of(address) | {"proxy_downloads": "true"}


def settings_of(address: Address) -> dict[str, str]:
    """As `make_runtime` takes them."""
    parts = ("endpoint", "bucket", "access_key", "secret_key")
    return {"storage_type": "s3"} | {f"s3_{part}": getattr(address, part) for part in parts}


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until a bucket can be made and filled: the gateway answers before its volumes are there."""
    deadline = time.monotonic() + _PATIENCE
    address = Address("s3", endpoint=f"http://127.0.0.1:{port}", bucket="first", access_key=ACCESS, secret_key=SECRET)
    signer = signer_of(address)
    assert signer
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.put(signer.url("PUT", "", 60), timeout=5)
            if httpx.put(signer.url("PUT", "ready", 60), content=b"yes", timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"SeaweedFS did not start: {log.read_text(errors='replace')[-2000:]}")
