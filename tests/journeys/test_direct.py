"""Direct uploads and the end of processes: a server that is killed while it finishes one loses nothing, and makes nothing twice."""

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from random import Random

import httpx
import psutil
import pytest

from fenfa.storage.base import Address
from fenfa.storage.s3 import ObjectStorage
from tests.support.browser import ADMIN
from tests.support.readers import is_reader
from tests.support.seaweedfs import SeaweedFS, settings_of
from tests.support.server import FenfaServer, fenfa_server, make_slow_build, query, wait_for

pytestmark = pytest.mark.journey
BUILD = make_slow_build(Random(5).randbytes(20_000_000))
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "ci.md"


@pytest.fixture
def address(seaweedfs: SeaweedFS) -> Address:
    return seaweedfs.bucket()


@pytest.fixture
def server(tmp_path: Path, address: Address) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path, **settings_of(address)) as started:
        yield started


def begin(server: FenfaServer) -> str:
    """The path of an upload whose bytes are in the bucket."""
    fields = {"file_name": "app.apk", "size_bytes": len(BUILD), "sha256": sha256(BUILD).hexdigest(), "create": True}
    told = server.client.post("/uploads/direct", json=fields).json()["data"]
    httpx.put(told["url"], headers=told["headers"], content=BUILD, timeout=60).raise_for_status()
    return f"/uploads/direct/{told['upload_id']}"


def await_reader(pid: int, call: "Future[httpx.Response]") -> None:
    """Until the server reads the package, or is through."""

    def look() -> bool | None:
        with suppress(psutil.NoSuchProcess):
            return any(map(is_reader, psutil.Process(pid).children(recursive=True))) or None
        return None

    wait_for(lambda: True if call.done() else look())


def test_a_server_that_is_killed_while_it_finishes_finishes_later(server: FenfaServer, address: Address) -> None:
    path = begin(server)
    for _ in range(3):
        worker = server.worker()
        with ThreadPoolExecutor(1) as pool:
            lost = pool.submit(httpx.post, f"{server.url}{path}/finish", headers={"X-Auth-Token": ADMIN}, timeout=60)
            await_reader(worker, lost)
            server.kill()
            with suppress(httpx.HTTPError):
                lost.result()
        server.start()
    answer = server.client.post(f"{path}/finish", timeout=60)
    assert answer.status_code == 201, answer.text
    assert len(query(server, "SELECT id FROM releases")) == 1
    assert len(list(ObjectStorage(address).objects())) == 1
    assert httpx.get(f"{server.url}/d/{answer.json()['data']['release']['id']}", follow_redirects=True).content == BUILD


def test_the_guides_example_works(server: FenfaServer, tmp_path: Path) -> None:
    example = GUIDE.read_text().partition("## Uploads straight into the bucket")[2]
    script = example.partition("```sh\n")[2].partition("```")[0].replace("https://get.example.com", server.url)
    (tmp_path / "app.apk").write_bytes(BUILD)
    variant = server.make_variant("android")
    server.client.put(f"/admin/api/variants/{variant}", json={"identifier": "com.example.app"}).raise_for_status()
    environment = {"FENFA_TOKEN": "dev-upload-token", "PATH": "/usr/bin:/bin"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert re.search(sha256(BUILD).hexdigest(), run.stdout)
