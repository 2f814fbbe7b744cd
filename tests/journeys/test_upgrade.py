"""An installation of an earlier version starts under this one: its page, its file and its counts are there."""

from contextlib import closing
from pathlib import Path

import pytest

from fenfa.db.engine import open_sqlite
from fenfa.db.migrate import head_revision
from tests.support.golden import BUILD, KEY, REL, ROWS, VAR, fill
from tests.support.server import fenfa_server, make_build, query

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("revision", ROWS)
def test_an_old_installation_goes_on(tmp_path: Path, revision: str) -> None:
    file = tmp_path / "data" / KEY
    file.parent.mkdir(parents=True)
    file.write_bytes(BUILD)
    with closing(open_sqlite(tmp_path / "data" / "fenfa.db")) as database:
        database.write_now(fill, revision)
    with fenfa_server(tmp_path) as server:
        assert f"brought the database from {revision} to {head_revision()}" in server.said
        assert f"backups/fenfa-{revision}-" in server.said
        assert "Old 大" in server.client.get("/products/old").text
        assert server.client.get("/products/größe").status_code == 404
        assert server.download(REL).content == BUILD
        answer = server.upload(VAR, make_build(b"new", "com.example.old"), version="2.0")
        assert answer.status_code == 201
        (variant,) = server.client.get("/api/products/old").json()["data"]["variants"]
        assert [(release["version"], release["build"]) for release in variant["releases"]] == [
            ("2.0", 1),
            ("1.0", 2**40),
        ]
        assert server.terminate() == 0
        assert query(server, f"SELECT download_count FROM releases WHERE id = '{REL}'") == [(4,)]
        server.start()
        assert "brought the database" not in server.said
