"""Releases, what the public sees of them, and the one gate before it."""

import json

import pytest

from fenfa.errors import NotFound
from fenfa.services import releases
from fenfa.services.catalog import open_catalog
from fenfa.services.products import set_published
from fenfa.services.visibility import PUBLIC, Viewer, require_visible, visible
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
