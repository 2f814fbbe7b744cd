"""Stored packages are read again; what was given stays."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update

from fenfa.db.tables import audit, releases
from fenfa.services.reinspection import reinspect
from tests.inspectors.fixtures import FOLDER
from tests.support.client import AppClient
from tests.support.packages import make_apk


def test_reinspection_fills_what_was_empty(client: AppClient, tmp_path: Path) -> None:
    package = make_apk(tmp_path / "a.apk", identifier="com.example.a", version="3.1", build="7")
    variant = client.make_variant(client.make_product()["id"], "android")
    release = client.upload(variant["id"], package, "a.apk", version="given").json()["data"]["release"]
    client.sql("UPDATE releases SET package = '{}', min_os = '', build = 0")
    assert [one.problem for one in reinspect(client.runtime)] == [""]
    read = client.admin("GET", f"/admin/api/releases/{release['id']}")
    assert (read["version"], read["build"], read["package"]["identifier"]) == ("given", 7, "com.example.a")


def test_a_missing_file_is_told(client: AppClient) -> None:
    made = client.make_release()
    client.lose_files()
    (told,) = reinspect(client.runtime)
    assert (told.release_id, "missing" in told.problem) == (made["release"]["id"], True)


def test_a_changed_signer_is_a_warning_in_answer_and_audit(client: AppClient) -> None:
    package = FOLDER / "apk" / "fdroidserver--urzip-release.apk"
    variant = client.make_variant(client.make_product()["id"], "android")
    assert client.upload(variant["id"], package, "a.apk").json()["data"]["warnings"] == []
    client.runtime.database.write_now(_sign_otherwise)
    (warning,) = client.upload(variant["id"], package, "a.apk").json()["data"]["warnings"]
    assert "the signing certificate changed from aaaa" in warning
    (noted,) = client.runtime.database.read_now(_last_audit)
    assert noted["warnings"] == [warning]


def _sign_otherwise(connection: Connection) -> None:
    package = connection.scalar(select(releases.c.package)) or {}
    package["signing"]["signers"] = ["aaaa"]
    connection.execute(update(releases).values(package=package))


def _last_audit(connection: Connection) -> list[dict[str, Any]]:
    return list(connection.scalars(select(audit.c.detail).order_by(audit.c.seq.desc()).limit(1)))
