"""R5: a full disk is 507, leaves nothing half there, and the rest of the server goes on."""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.support.disk import MIB, Disk, small_disk
from tests.support.server import assert_whole, fenfa_server, make_build, query, stored_files, wait_for
from tests.support.strace import injecting, read_calls, strace

pytestmark = pytest.mark.journey


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def refused(answer: httpx.Response) -> bool:
    if answer.status_code != 507:
        return False
    assert answer.json()["error"]["code"] == "INSUFFICIENT_STORAGE"
    assert "free some space and try again" in answer.json()["error"]["message"]
    return True


def acknowledged(answer: httpx.Response, content: bytes) -> dict[str, str]:
    assert answer.status_code == 201, answer.text
    return {answer.json()["data"]["release"]["id"]: sha256(content).hexdigest()}


@pytest.mark.parametrize("floor", ["-1", "0"])
def test_full_disk_refuses_and_recovers(tmp_path: Path, disk: Disk, floor: str) -> None:
    with fenfa_server(tmp_path, data_dir=str(disk.folder / "data"), min_free_bytes=floor) as server:
        variant, worker = server.make_variant(), server.worker()
        disk.limit(worker)
        small, large = make_build(os.urandom(20 * MIB)), make_build(os.urandom(50 * MIB))
        known = acknowledged(server.upload(variant, small), small)
        for _ in range(3):
            assert refused(server.upload(variant, large))
        assert_whole(server, {})
        server.client.put("/admin/api/settings", json={"organization": "Still writing"}).raise_for_status()
        (first,) = known
        server.client.delete(f"/admin/api/releases/{first}").raise_for_status()
        disk.free(worker)
        assert_whole(server, acknowledged(server.upload(variant, large), large))


def test_floor_is_kept_free(tmp_path: Path) -> None:
    with fenfa_server(tmp_path, min_free_bytes=str(10**17)) as server:
        variant = server.make_variant()
        assert refused(server.upload(variant, make_build(b"x")))
        assert_whole(server, {})
        assert query(server, "SELECT * FROM uploads") == []


@pytest.mark.parametrize(
    ("calls", "numbers"),
    [("fallocate", (1,)), ("pwrite64", (1, 2, 4, 8, 16)), ("link,linkat", (1,)), ("mkdir", (1, 2))],
)
def test_disk_that_fills_up_at_any_call(tmp_path: Path, calls: str, numbers: tuple[int, ...]) -> None:
    """No space at the n-th of these calls, and at every one after it until the answer is there."""
    with fenfa_server(tmp_path) as server:
        variant = server.make_variant()
        content = make_build(os.urandom(200_000))
        known = acknowledged(server.upload(variant, content), content)
        hits = 0
        for number in numbers:
            content, log = make_build(os.urandom(200_000)), tmp_path / f"{number}.log"
            with strace(server.worker(), log, *injecting(calls, f"error=ENOSPC:when={number}+")):
                answer = server.upload(variant, content)
                for release_id in known:
                    assert server.download(release_id).status_code == 200
            struck = any("INJECTED" in call.note for call in read_calls(log))
            hits += struck
            if answer.status_code == 201:
                known |= acknowledged(answer, content)
            else:
                assert refused(answer), answer.text
            server.restart()
            assert_whole(server, known)
        assert hits
        known |= acknowledged(server.upload(variant, content), content)
        assert_whole(server, known)
        assert len(stored_files(server)) == 2 * len(known)


def test_log_on_a_full_disk_costs_no_upload(tmp_path: Path) -> None:
    with fenfa_server(tmp_path) as server:
        variant, content, log = server.make_variant(), make_build(b"x"), tmp_path / "strace.log"
        path = str(tmp_path / "server.log")
        with strace(server.worker(), log, "-P", path, *injecting("write", "error=ENOSPC")):
            known = acknowledged(server.upload(variant, content), content)
            wait_for(lambda: "INJECTED" in log.read_text() or None)
        assert_whole(server, known)


def test_download_of_a_server_on_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    """Nothing at all can be written any more: what can be read is still served, and nobody is told that it worked."""
    with fenfa_server(tmp_path, data_dir=str(disk.folder / "data")) as server:
        variant, worker = server.make_variant(), server.worker()
        content = make_build(b"small")
        known = acknowledged(server.upload(variant, content), content)
        if disk.is_mounted:
            fill(disk.folder / "filler")
        disk.limit(worker)
        assert refused(server.upload(variant, make_build(os.urandom(40 * MIB))))
        assert server.client.get("/products/myapp").status_code == 200
        (release,) = known
        assert sha256(server.download(release).content).hexdigest() == known[release]
        (disk.folder / "filler").unlink(missing_ok=True)
        disk.free(worker)
        known |= acknowledged(server.upload(variant, content), content)
        assert_whole(server, known)


def fill(path: Path) -> None:
    """Takes every block that is left."""
    with path.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
