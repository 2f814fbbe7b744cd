"""The secret that a database was begun with is known again."""

from pathlib import Path

import pytest

from fenfa.cli.serve import prepare
from fenfa.config import Config
from fenfa.db.engine import Database
from fenfa.errors import ConfigInvalid
from fenfa.services.key_check import is_its_key
from fenfa.services.vault import open_keys
from tests.support.postgresql import PostgreSQL

OURS, OTHER = (open_keys(Path("none"), digits * 32) for digits in ("ab", "cd"))


def test_the_first_secret_is_its_own(database: Database) -> None:
    assert [database.write_now(is_its_key, keys) for keys in (OURS, OURS, OTHER, OURS)] == [True, True, False, True]


@pytest.mark.postgresql
def test_a_server_with_another_secret_does_not_start(postgresql: PostgreSQL, tmp_path: Path) -> None:
    database = postgresql.fresh()
    url = database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    database.close()
    one, two = (Config(data_dir=str(tmp_path / name), database_url=url) for name in ("one", "two"))
    prepare(one)
    with pytest.raises(ConfigInvalid, match="set FENFA_SECRET_KEY to the line in the first server's"):
        prepare(two)
    (tmp_path / "two" / "secret.key").write_text((tmp_path / "one" / "secret.key").read_text())
    prepare(two)


def test_one_server_alone_is_warned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(data_dir=str(tmp_path), given=frozenset({"data_dir"}))
    prepare(config)
    assert capsys.readouterr().err == ""
    (tmp_path / "secret.key").unlink()
    prepare(config)
    assert "is not the secret that this database was begun with" in capsys.readouterr().err
