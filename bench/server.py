"""The program under test: a real `fenfa serve` on a free loopback port, with an empty data directory."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench import client
from bench.plan import BenchError, Plan
from bench.processes import Tree, apart, free_port, stop

UPLOAD_TOKEN = "dev-upload-token"
ADMIN_TOKEN = "dev-admin-token"
START_SECONDS = 30


class Server:
    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.tree = Tree(pid)
        self.url = f"http://{client.HOST}:{port}"

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """One admin request; gives what stands in `data`."""
        response = httpx.request(
            method, self.url + path, json=body or None, headers={"X-Auth-Token": ADMIN_TOKEN}, timeout=client.TIMEOUT
        )
        if response.is_error:
            raise BenchError(f"{method} {path} was answered with {response.status_code}: {response.text[:300]}")
        return response.json()["data"]

    def create_variant(self, slug: str) -> str:
        """A published product for Linux, which takes plain zips; gives its variant's ID."""
        product = self.ask("POST", "/admin/api/products", name=slug, slug=slug, published=True)
        path = f"/admin/api/products/{product['id']}/variants"
        return str(self.ask("POST", path, platform="linux", display_name="Linux", published=True)["id"])

    def upload(self, variant_id: str, path: Path) -> client.Upload:
        return apart(client.upload, self.port, UPLOAD_TOKEN, variant_id, path)


@contextmanager
def serve(plan: Plan, directory: Path, patience: float = START_SECONDS, /, **environment: str) -> Iterator[Server]:
    """Start in `directory`, wait at most `patience` seconds for the first 200 on /healthz, stop at the end."""
    port = free_port()
    with (directory / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [*plan.command, "serve", "--host", client.HOST, "--port", str(port), "--workers", "1"],
            cwd=directory,
            env=_environment(directory) | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(process, port, patience)
        yield Server(port, process.pid)
        if process.poll() is not None:
            raise BenchError("the server ended early")
    except Exception as error:
        error.add_note(f"server.log ends:\n{(directory / 'server.log').read_text()[-2000:]}")
        raise
    finally:
        stop(process)


def _environment(directory: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FENFA_")}
    data = directory / "data"
    return kept | {"FENFA_DATA_DIR": str(data), "FENFA_DB_PATH": str(data / "fenfa.db")}


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not _healthy(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError("the server did not start")
        time.sleep(0.005)


def _healthy(port: int) -> bool:
    try:
        with socket.create_connection((client.HOST, port), 5) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return sock.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False
