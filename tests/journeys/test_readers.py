"""Two packages at once are read in the whole installation: by two workers and the command line together."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.readers import is_reader
from tests.support.server import ADMIN, FENFA, FenfaServer, environment, fenfa_server, make_slow_build, wait_for

pytestmark = pytest.mark.journey


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def queue_is_taken(server: FenfaServer) -> bool | None:
    with (server.data / "readers" / "queue").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return None


def readers() -> int:
    """Children that read a package, of whichever process of ours."""
    return sum(map(is_reader, psutil.Process(os.getpid()).children(recursive=True)))


def test_workers_and_command_line_share_two_slots(tmp_path: Path) -> None:
    with fenfa_server(tmp_path, "--workers", "2") as server:
        variant, build = server.make_variant(), make_slow_build()
        server.upload(variant, build).raise_for_status()

        def upload(_number: int) -> int:
            form, files = {"variant_id": variant}, {"app_file": ("app.apk", build)}
            sent = httpx.post(f"{server.url}/upload", data=form, files=files, headers=ADMIN, timeout=60)
            return sent.status_code

        seen: list[int] = []

        def finished() -> bool | None:
            seen.append(readers())
            return True if all(done.done() for done in uploads) and again.poll() is not None else None

        with ThreadPoolExecutor(4) as pool, locked(server.data / "readers" / "slot-1"):
            with locked(server.data / "readers" / "slot-0"):
                uploads = [pool.submit(upload, number) for number in range(4)]
                command = [*FENFA, "reinspect"]
                again = subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path, {}), stdout=subprocess.PIPE)
                wait_for(lambda: queue_is_taken(server))
                assert readers() == 0
            wait_for(finished)  # with the one slot that is free now
            again.communicate()
        assert {done.result() for done in uploads} == {201}
        assert again.returncode == 0
        assert max(seen) == 1
