"""Two servers on one PostgreSQL: what one changes, the other says at once, also where it keeps answers."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from fenfa.db.engine import Database, open_url
from tests.support.client import AppClient, Clock, make_runtime
from tests.support.postgresql import PostgreSQL
from tests.web.test_cache import CHANGES, URLS, product

pytestmark = pytest.mark.postgresql


@contextmanager
def server(folder: Path, database: Database) -> Iterator[AppClient]:
    clock = Clock()
    with asyncio.Runner() as runner:
        client = AppClient(make_runtime(folder, clock, {"secret_key": "ab" * 32}, database), clock, runner)
        client.start()
        yield client
        client.stop()


@pytest.fixture
def servers(postgresql: PostgreSQL, tmp_path: Path) -> Iterator[tuple[AppClient, AppClient]]:
    database = postgresql.fresh()
    url = database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with ExitStack() as stack:
        one = stack.enter_context(server(tmp_path / "one", database))
        other = stack.enter_context(server(tmp_path / "other", open_url(url)))
        yield one, other


def test_every_change_is_seen_at_once(servers: tuple[AppClient, AppClient]) -> None:
    one, other = servers
    for name in ("name", "description", "icon", "variant changed", "release made", "download", "domain"):
        made = one.make_release()
        slug = one.admin("GET", product(made))["product"]["slug"]
        urls = [url.replace("myapp", slug) for url in URLS]
        before = [[other.get(url).content for _ in range(2)][-1] for url in urls]
        CHANGES[name](one, made)
        after = [other.get(url).content for url in urls]
        assert all(new != old for new, old in zip(after, before, strict=True)), name
        one.admin("DELETE", product(made))
        assert {other.get(url).status_code for url in urls} == {404}


def test_answers_are_kept(servers: tuple[AppClient, AppClient]) -> None:
    one, other = servers
    made = one.make_release()
    first = [other.get(url).content for url in URLS]
    one.sql(f"UPDATE products SET name = 'Unsaid' WHERE id = '{made['app']['product_id']}'")  # the revision stays
    assert [other.get(url).content for url in URLS] == first
    one.sql("UPDATE products SET revision = revision + 1")
    assert all(b"Unsaid" in other.get(url).content for url in URLS)


def test_many_at_once_share_a_question(servers: tuple[AppClient, AppClient]) -> None:
    one, other = servers
    one.make_release()
    expected = other.get(URLS[1]).content
    answers = other.together(*[("GET", URLS[1], {})] * 40)
    assert {answer.content for answer in answers} == {expected}
