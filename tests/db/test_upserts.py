"""Insert or update in one statement."""

from sqlalchemy import select

from fenfa.db.engine import Database
from fenfa.db.tables import apple_health
from fenfa.db.upserts import upsert


def row(team: str, **values: object) -> dict[str, object]:
    return {"team_id": team, "checked_at": "then", "connected": True, "message": "", **values}


def all_rows(database: Database) -> list[tuple[object, ...]]:
    columns = (apple_health.c.team_id, apple_health.c.checked_at, apple_health.c.message, apple_health.c.listed)
    query = select(*columns).order_by(apple_health.c.team_id)
    return database.read_now(lambda connection: [tuple(found) for found in connection.execute(query)])


def test_new_rows_and_known_ones(database: Database) -> None:
    database.write_now(upsert, apple_health, [row("a"), row("b")], ("team_id",))
    changed = [row("b", message="new", checked_at="now"), row("c")]
    database.write_now(upsert, apple_health, changed, ("team_id",), keep=("checked_at",))
    assert all_rows(database) == [("a", "then", "", {}), ("b", "then", "new", {}), ("c", "then", "", {})]


def test_columns_that_are_not_named_stay(database: Database) -> None:
    database.write_now(upsert, apple_health, [row("a", listed={"counts": []})], ("team_id",))
    database.write_now(upsert, apple_health, [row("a", message="new")], ("team_id",))
    assert all_rows(database) == [("a", "then", "new", {"counts": []})]


def test_no_rows(database: Database) -> None:
    database.write_now(upsert, apple_health, [], ("team_id",))
    assert all_rows(database) == []
