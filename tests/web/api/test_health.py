"""Health."""

from pathlib import Path

from tests.support.client import ON_DISK, AppClient, refusal, running
from tests.support.faulty_wire import Fault, faulty_wire
from tests.support.seaweedfs import SeaweedFS, settings_of

CHECKS = ["serving", "database", "schema", "storage", "space"]


def test_health(client: AppClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "data": {"status": "ok"}})


def test_health_without_a_database(client: AppClient) -> None:
    client.drop("products")
    assert refusal(client.get("/healthz"))[:2] == (503, "UNAVAILABLE")


def failing(client: AppClient) -> set[str]:
    """The checks that fail, when the server says that it is not ready."""
    answer = client.get("/readyz")
    body = answer.json()
    assert (answer.status_code, body["ok"], body["error"]["code"]) == (503, False, "UNAVAILABLE")
    assert int(answer.headers["retry-after"]) > 0
    failed = {name for name, check in body["data"]["checks"].items() if not check["ok"]}
    assert all(name in body["error"]["message"] for name in failed)
    return failed


def test_ready(client: AppClient) -> None:
    before = client.rows("SELECT * FROM settings")
    data = client.get("/readyz").json()["data"]
    assert (data["status"], list(data["checks"])) == ("ready", CHECKS)
    assert all(check["ok"] and check["ms"] >= 0 for check in data["checks"].values())
    assert client.rows("SELECT * FROM settings") == before


def test_not_ready_without_a_database(client: AppClient) -> None:
    client.sql("DROP TABLE settings")
    assert failing(client) == {"database", "storage"}  # which store builds go to stands in the settings


def test_not_ready_on_an_older_schema_but_on_a_newer(client: AppClient) -> None:
    client.sql("UPDATE alembic_version SET version_num = '0001'")
    assert failing(client) == {"schema"}
    client.sql("UPDATE alembic_version SET version_num = '9999'")
    assert client.get("/readyz").status_code == 200


def test_not_ready_while_ending(client: AppClient) -> None:
    client.app.state.draining = True
    assert failing(client) == {"serving"}
    assert client.get("/healthz").status_code == 200


def test_not_ready_on_a_full_disk(tmp_path: Path) -> None:
    with running(tmp_path / "data", min_free_bytes=str(10**17)) as client:
        assert failing(client) == {"space"}


@ON_DISK
def test_not_ready_without_storage(client: AppClient) -> None:
    folder = Path(client.runtime.config.data_dir) / "uploads"
    folder.rmdir()
    folder.write_text("a file where the folder was")
    assert failing(client) == {"storage"}


def test_a_store_that_hangs_keeps_nobody_waiting(tmp_path: Path, seaweedfs: SeaweedFS) -> None:
    """Not even many who ask at once, and more than there are threads."""
    with faulty_wire(seaweedfs.port) as wire:
        given = settings_of(seaweedfs.bucket()) | {"s3_endpoint": f"http://127.0.0.1:{wire.port}"}
        with running(tmp_path / "data", **given) as client:
            assert client.get("/healthz").status_code == 200
            client.app.state.probes.clear()
            wire.fault = Fault.STALLED
            answers = client.together(*[("GET", "/healthz", {})] * 40, ("GET", "/readyz", {}))
            assert {answer.status_code for answer in answers} == {503}
            assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
            wire.fault = Fault.NONE
            assert client.get("/healthz").status_code == 200
