"""A real server reads every hostile file and stays as it was: no error of its own, no memory kept, nothing left behind."""

from pathlib import Path

import psutil
import pytest

from tests.support.hostile import hostile_entries
from tests.support.server import FenfaServer, fenfa_server, make_build, query, stored_files

pytestmark = pytest.mark.journey
MAX_GROWTH = 10 << 20
WARM_UP = 5


def parse(server: FenfaServer, name: str, content: bytes) -> tuple[int, str]:
    answer = server.client.post("/admin/api/parse-app", files={"app_file": (name, content)})
    told = answer.json()
    assert told["ok"] == (answer.status_code == 200), name
    return answer.status_code, "" if told["ok"] else told["error"]["message"]


def peak_memory(pid: int) -> int:
    """Bytes of the most memory that the process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_a_server_that_reads_them_all_stays_as_it_was(hostile: Path, tmp_path: Path) -> None:
    with fenfa_server(tmp_path) as server:
        worker = server.worker()
        for _ in range(WARM_UP):
            assert parse(server, "app.apk", make_build(bytes(20 << 20))) == (200, "")
        before = peak_memory(worker)
        answers = {
            entry["file"]: parse(server, entry["file"], (hostile / entry["file"]).read_bytes())
            for entry in hostile_entries(hostile)
        }
        assert {status for status, _ in answers.values()} == {200, 422, 400}
        assert [name for name, (status, message) in answers.items() if status != 200 and not message] == []
        assert peak_memory(worker) - before < MAX_GROWTH
        assert psutil.Process(worker).is_running()
        assert server.worker() == worker
        assert (stored_files(server), list((server.data / "staging").iterdir())) == (set(), [])
        assert query(server, "SELECT count(*) FROM uploads") == [(0,)]
