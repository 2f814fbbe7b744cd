"""`fenfa rekey` beside a running server."""

from pathlib import Path

import pytest

from tests.services.apple_world import settings_of
from tests.support.app_store import app_store, make_account
from tests.support.server import fenfa_server, query, run_fenfa

SECRET = "ab" * 32


@pytest.mark.journey
def test_while_the_server_runs(tmp_path: Path) -> None:
    account = make_account()
    with app_store(account) as store, fenfa_server(tmp_path, apple_url=store.url) as server:
        server.client.put("/admin/api/settings", json=settings_of(account)).raise_for_status()
        token = server.client.post("/admin/api/tokens", json={"name": "x", "scope": "admin"}).json()["data"]["secret"]
        sealed = query(server, "SELECT value FROM settings WHERE name = 'apple_private_key'")
        for round_number in (1, 2, 3):
            done = run_fenfa(tmp_path, "rekey")
            assert (done.stdout, done.stderr) == ("secrets sealed with a new key: 1\n", "")
            assert len((server.data / "secret.key").read_text().split()) == min(round_number + 1, 3)
            assert server.client.get("/admin/api/apple/status").json()["data"]["connected"] is True
        assert query(server, "SELECT value FROM settings WHERE name = 'apple_private_key'") != sealed
        headers = {"X-Auth-Token": token}
        server.restart()
        assert server.client.get("/admin/api/apple/status", headers=headers).json()["data"]["connected"] is True


def test_with_a_key_of_the_environment(tmp_path: Path) -> None:
    done = run_fenfa(tmp_path, "rekey", secret_key=f"{SECRET},{'cd' * 32}")
    assert done.stdout == "secrets sealed with the last given key: 0\n"
    assert not (tmp_path / "data" / "secret.key").exists()
