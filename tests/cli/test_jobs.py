"""`fenfa jobs` on a real installation's folder."""

import json
from pathlib import Path

import pytest

from fenfa.services import jobs
from tests.support.client import Clock, make_runtime
from tests.support.server import run_fenfa


@pytest.fixture
def job_id(tmp_path: Path) -> str:
    runtime = make_runtime(tmp_path / "data", Clock())
    made = runtime.database.write_now(jobs.enqueue, "2026-11-02T09:30:00.000Z", "check-apple", {"team_id": "default"})
    runtime.database.close()
    return made


def test_list_show_cancel_retry(tmp_path: Path, job_id: str) -> None:
    listed = run_fenfa(tmp_path, "jobs", "list")
    assert listed.stdout.split()[:4] == [job_id, "queued", "-", "check-apple"]
    assert json.loads(run_fenfa(tmp_path, "jobs", "show", job_id, "--json").stdout)["args"] == {"team_id": "default"}
    assert run_fenfa(tmp_path, "jobs", "cancel", job_id).stdout == f"cancelled {job_id}\n"
    again = run_fenfa(tmp_path, "jobs", "cancel", job_id)
    assert (again.returncode, again.stderr) == (1, "error: the job is over already (cancelled)\n")
    assert job_id in run_fenfa(tmp_path, "jobs", "list", "--state", "cancelled").stdout
    assert run_fenfa(tmp_path, "jobs", "list", "--state", "queued").stdout == ""
    assert run_fenfa(tmp_path, "jobs", "retry", job_id).stdout == f"queued {job_id}\n"
    assert "\nstate: queued\n" in run_fenfa(tmp_path, "jobs", "show", job_id).stdout


def test_missing(tmp_path: Path) -> None:
    done = run_fenfa(tmp_path, "jobs", "show", "job_nothing")
    assert (done.returncode, done.stderr) == (1, "error: job not found\n")
