"""Releases, what the public sees of them, and the one gate before it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest

from fenfa.db.engine import Database
from fenfa.errors import Conflict, NotFound
from fenfa.runtime import Runtime
from fenfa.services import releases
from fenfa.services.catalog import open_catalog
from fenfa.services.products import delete_product, find_product, revision, set_published
from fenfa.services.records import Page
from fenfa.services.variants import delete_variant
from fenfa.services.visibility import PUBLIC, Viewer, require_visible, visible
from fenfa.storage.local import LocalStorage
from tests.services.shop import Shop

ADMIN = Viewer(is_admin=True)


def test_release_comes_with_its_parents(shop: Shop) -> None:
    product = shop.product("MyApp")
    variant = shop.variant(product, "ios", identifier="com.example")
    made = shop.release(variant, version="2.0", build=2**40, package={"name": "é", "facts": {"a": [1, None]}})
    found = releases.get_release(shop.connection, made)
    assert (found["platform"], found["identifier"], found["product_id"]) == ("ios", "com.example", product)
    assert (found["product_name"], found["product_slug"], found["app_id"][:4]) == ("MyApp", "myapp", "app_")
    assert (found["build"], found["package"]) == (2**40, {"name": "é", "facts": {"a": [1, None]}})
    with pytest.raises(NotFound, match="release not found"):
        releases.get_release(shop.connection, "rel_nobody")


def test_list_is_newest_first(shop: Shop) -> None:
    first, second = shop.variant(), shop.variant()
    made = [shop.release(variant) for variant in (first, second, first)]
    shop.release()
    assert [r["id"] for r in releases.list_releases(shop.connection, [first, second])] == made[::-1]
    assert releases.list_releases(shop.connection, []) == []


def test_recent_releases_are_paged_without_their_packages(shop: Shop) -> None:
    variant = shop.variant()
    made = [shop.release(variant, package={"name": "x"}) for _ in range(3)]
    shop.release()
    listed = releases.list_recent(shop.connection, variant, Page(limit=2))
    assert ([r["id"] for r in listed.items], listed.total) == (made[:0:-1], 3)
    assert "package" not in listed.items[0]
    assert listed.items[0]["size_bytes"] == 3


def test_previous_release_is_that_of_the_same_variant(shop: Shop) -> None:
    variant = shop.variant()
    first, _, second = shop.release(variant), shop.release(), shop.release(variant)
    newest = releases.get_release(shop.connection, second)
    before = releases.previous_release(shop.connection, newest)
    assert before is not None
    assert before["id"] == first
    assert releases.previous_release(shop.connection, before) is None


def test_release_moves_within_its_platform(shop: Shop) -> None:
    old, new = shop.product("Old"), shop.product("New")
    source, target = shop.variant(old), shop.variant(new)
    made = shop.release(source)
    before = releases.get_release(shop.connection, made)
    seen = [revision(shop.connection, one) or 0 for one in (old, new)]
    moved = releases.move_release(shop.connection, "2026-11-03T00:00:00.000Z", made, target)
    assert (moved["variant_id"], moved["product_id"]) == (target, new)
    assert moved["updated_at"] == "2026-11-03T00:00:00.000Z"
    for unchanged in ("seq", "storage_key", "created_at", "download_count"):
        assert moved[unchanged] == before[unchanged]
    assert [revision(shop.connection, one) for one in (old, new)] == [one + 1 for one in seen]


def test_release_moves_nowhere_else(shop: Shop) -> None:
    made = shop.release(shop.variant(platform="linux"))
    with pytest.raises(Conflict, match="this release is for linux"):
        releases.move_release(shop.connection, shop.now, made, shop.variant(platform="ios"))
    with pytest.raises(NotFound, match="variant not found"):
        releases.move_release(shop.connection, shop.now, made, "var_nobody")
    with pytest.raises(NotFound, match="release not found"):
        releases.move_release(shop.connection, shop.now, "rel_nobody", shop.variant())


def test_what_is_moved_survives_its_old_home(shop: Shop) -> None:
    old = shop.product("Old")
    source, target = shop.variant(old), shop.variant()
    moved, left = shop.release(source), shop.release(source)
    releases.move_release(shop.connection, shop.now, moved, target)
    assert [key.split("/")[3] for _, key in delete_product(shop.connection, old)] == [left]
    assert releases.get_release(shop.connection, moved)["variant_id"] == target
    assert [key.split("/")[3] for _, key in delete_variant(shop.connection, target)] == [moved]


@pytest.mark.parametrize("delete", [delete_product, delete_variant])
def test_a_deletion_that_waits_for_a_move_spares_the_file(
    database: Database, bench: Runtime, delete: Callable[..., list[tuple[str, str]]]
) -> None:
    with database.writing() as connection:
        shop = Shop(connection, bench)
        product = shop.product()
        source, target = shop.variant(product), shop.variant()
        made = shop.release(source)
    with ThreadPoolExecutor(1) as other:
        with database.writing() as connection:
            releases.move_release(connection, shop.now, made, target)
            doomed = product if delete is delete_product else source
            deletion = other.submit(database.write_now, delete, doomed)
            wait([deletion], timeout=0.3)
        assert deletion.result() == []
    assert database.read_now(releases.get_release, made)["variant_id"] == target


def test_meta_follows_the_row_whoever_is_last(database: Database, bench: Runtime) -> None:
    """A change that comes in between reading the row and writing the file."""
    with database.writing() as connection:
        made = Shop(connection, bench).release()
    store = Overtaken(lambda: database.write_now(releases.update_release, "later", made, {"channel": "late"}))
    releases.keep_meta(database, replace(bench.storage, local=store), made)
    assert [json.loads(meta)["channel"] for meta in store.written] == ["", "late"]


class Overtaken(LocalStorage):
    """A store during whose first write another request changes the row."""

    def __init__(self, change: Callable[[], object]) -> None:
        self.written: list[bytes] = []
        self._change = change

    def put_meta(self, key: str, meta: bytes) -> None:
        self.written.append(meta)
        if len(self.written) == 1:
            self._change()


def test_release_is_changed(shop: Shop) -> None:
    made = shop.release()
    changed = releases.update_release(shop.connection, shop.now, made, {"changelog": "new", "nonsense": 1})
    assert (changed["changelog"], changed["updated_at"]) == ("new", shop.now)
    with pytest.raises(NotFound):
        releases.update_release(shop.connection, shop.now, "rel_nobody", {})


def test_deletion_names_the_file(shop: Shop) -> None:
    made = shop.release()
    key = releases.get_release(shop.connection, made)["storage_key"]
    assert releases.delete_release(shop.connection, made) == [("local", key)]
    with pytest.raises(NotFound):
        releases.delete_release(shop.connection, made)


def test_same_bytes_are_found_in_their_store(shop: Shop) -> None:
    made = shop.release(sha256="a" * 64)
    key = releases.get_release(shop.connection, made)["storage_key"]
    assert releases.find_same_bytes(shop.connection, "local", "a" * 64) == [key]
    assert releases.find_same_bytes(shop.connection, "s3", "a" * 64) == []
    assert releases.find_same_bytes(shop.connection, "local", "b" * 64) == []


def test_meta_json_can_rebuild_the_row(shop: Shop) -> None:
    found = releases.get_release(shop.connection, shop.release(changelog="größer", package={"name": "é"}))
    meta = json.loads(releases.meta_json(found))
    assert {name: found[name] for name in meta} == meta
    assert {"id", "variant_id", "product_id", "sha256", "size_bytes", "version", "storage_key", "package"} <= set(meta)


@pytest.mark.parametrize("hidden", ["product", "variant"])
def test_what_is_not_published_is_for_admins_alone(shop: Shop, hidden: str) -> None:
    product = shop.product()
    variant = shop.variant(product)
    made = shop.release(variant)
    assert releases.find_visible_release(shop.connection, made, PUBLIC)["id"] == made
    set_published(shop.connection, shop.now, {"product": product, "variant": variant}[hidden], False)
    with pytest.raises(NotFound, match="release not found"):
        releases.find_visible_release(shop.connection, made, PUBLIC)
    assert releases.find_visible_release(shop.connection, made, ADMIN)["id"] == made


def test_catalogue_holds_what_the_viewer_may_see(shop: Shop) -> None:
    product = shop.product("MyApp")
    shown, hidden, empty = (
        shop.variant(product, sort_order=2),
        shop.variant(product),
        shop.variant(product, sort_order=1),
    )
    old, new = shop.release(shown), shop.release(shown)
    secret = shop.release(hidden)
    set_published(shop.connection, shop.now, hidden, False)
    catalog = open_catalog(shop.connection, "myapp", PUBLIC)
    assert [v["id"] for v in catalog.variants] == [empty, shown]
    assert {key: [r["id"] for r in found] for key, found in catalog.releases.items()} == {shown: [new, old], empty: []}
    assert catalog.product == find_product(shop.connection, product)
    everything = open_catalog(shop.connection, product, ADMIN)
    assert [r["id"] for r in everything.releases[hidden]] == [secret]


def test_catalogue_of_a_hidden_product_is_not_found(shop: Shop) -> None:
    product = shop.product("MyApp", published=False)
    for wanted in (product, "myapp", "nobody"):
        with pytest.raises(NotFound, match="product not found"):
            open_catalog(shop.connection, wanted, PUBLIC)
    assert open_catalog(shop.connection, product, ADMIN).product["id"] == product


@pytest.mark.parametrize("flag", ["published", "variant_published", "product_published"])
def test_one_closed_flag_closes_the_gate(flag: str) -> None:
    record = {"published": True, "variant_published": True, "product_published": True}
    assert visible(record, PUBLIC)
    assert not visible(record | {flag: False}, PUBLIC)
    assert visible(record | {flag: False}, ADMIN)
    with pytest.raises(NotFound, match="nothing here"):
        require_visible(record | {flag: False}, PUBLIC, "nothing here")
