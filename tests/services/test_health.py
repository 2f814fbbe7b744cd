"""The shape of the database, as the about page tells it, and how much there is."""

from sqlalchemy import text

from fenfa.db.migrate import head_revision
from fenfa.services.health import newest_revision, ping, read_schema
from fenfa.services.inventory import count_everything
from tests.services.shop import Shop


def test_files_name_the_revision_that_alembic_calls_the_head() -> None:
    assert newest_revision() == head_revision()


def test_migrated_database_is_current(shop: Shop) -> None:
    ping(shop.connection)
    schema = read_schema(shop.connection)
    assert (schema.current, schema.is_current) == (head_revision(), True)


def test_database_of_another_version_is_not(shop: Shop) -> None:
    shop.connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    schema = read_schema(shop.connection)
    assert (schema.current, schema.is_current) == ("0001", False)


def test_everything_is_counted(shop: Shop) -> None:
    nothing = {"products": 0, "variants": 0, "releases": 0, "devices": 0, "events": 0}
    assert count_everything(shop.connection) == nothing
    variant = shop.variant()
    for _ in range(2):
        shop.release(variant)
    assert count_everything(shop.connection) == nothing | {"products": 1, "variants": 1, "releases": 2}
