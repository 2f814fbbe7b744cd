"""Products: slugs, lists with their counts, publishing, deletion with everything that hangs on them."""

from typing import Any

import pytest
from sqlalchemy import func, insert, select

from fenfa.db.tables import device_bindings, devices, icons, releases, variants
from fenfa.errors import BadInput, Conflict, NotFound
from fenfa.services import products
from fenfa.services.icons import get_icon, remove_icon, set_icon
from fenfa.services.losses import count_losses
from fenfa.services.products import ProductOrder
from fenfa.services.records import Page
from fenfa.services.traffic import record_events
from tests.services.shop import Shop, event

MISSING = "prd_" + "0" * 26


def test_product_is_found_by_id_and_by_slug(shop: Shop) -> None:
    made = shop.product("Été 2026", description="neu")
    assert made.startswith("prd_")
    found = products.find_product(shop.connection, made)
    assert found == products.find_product(shop.connection, "été-2026") == products.get_product(shop.connection, made)
    assert (found["name"], found["description"], found["published"]) == ("Été 2026", "neu", True)
    assert found["created_at"] == found["updated_at"] == shop.now


@pytest.mark.parametrize("wanted", [MISSING, "no-such-slug", "", "%", "MyApp"])
def test_missing_product_is_not_found(shop: Shop, wanted: str) -> None:
    shop.product()
    with pytest.raises(NotFound, match="product not found"):
        products.find_product(shop.connection, wanted)


def test_slugs_of_one_name_are_numbered(shop: Shop) -> None:
    made = [products.get_product(shop.connection, shop.product("My App!"))["slug"] for _ in range(3)]
    assert made == ["my-app", "my-app-2", "my-app-3"]


def test_slug_of_another_name_with_the_same_start_does_not_count(shop: Shop) -> None:
    shop.product("My App Two")
    assert products.free_slug(shop.connection, "My App") == "my-app"


def test_freed_slug_is_used_again(shop: Shop) -> None:
    first, second = shop.product("App"), shop.product("App")
    products.delete_product(shop.connection, first)
    assert products.free_slug(shop.connection, "App") == "app"
    products.update_product(shop.connection, shop.now, second, {"slug": "app"})


@pytest.mark.parametrize("name", ["!!!", "\U0001f600", "___"])
def test_name_without_letters_gets_a_slug(shop: Shop, name: str) -> None:
    assert products.free_slug(shop.connection, name) == "app"


def test_percent_and_underscore_are_no_wildcards(shop: Shop) -> None:
    shop.product("100% sure")
    shop.product("1000 sure")
    assert [p["name"] for p in products.list_products(shop.connection, Page(), "100%").items] == ["100% sure"]
    assert products.list_products(shop.connection, Page(), "_").total == 0


@pytest.mark.parametrize("slug", ["My-App", "a--b", "-a", "a b", "../x", "a/b", "a" * 81])
def test_slug_must_be_a_slug(shop: Shop, slug: str) -> None:
    with pytest.raises(BadInput, match="slug may hold"):
        shop.product(slug=slug)


def test_taken_slug_is_a_conflict(shop: Shop) -> None:
    shop.product(slug="taken")
    other = shop.product("Other")
    with pytest.raises(Conflict, match="'taken' is taken"):
        shop.product(slug="taken")
    with pytest.raises(Conflict, match="'taken' is taken"):
        products.update_product(shop.connection, shop.now, other, {"slug": "taken"})


def test_own_slug_is_no_conflict(shop: Shop) -> None:
    made = shop.product(slug="mine")
    products.update_product(shop.connection, shop.now, made, {"slug": "mine", "name": "New"})
    assert products.get_product(shop.connection, made)["name"] == "New"


def test_list_is_newest_first_with_counts(shop: Shop) -> None:
    old, new = shop.product("Old"), shop.product("New")
    variant = shop.variant(old)
    first, _ = shop.release(variant), shop.release(variant)
    shop.release(shop.variant(new))
    shop.variant(old)
    record_events(shop.connection, [event(release_id=first, product_id=old), event(release_id=first, product_id=old)])
    listed = products.list_products(shop.connection, Page())
    counts = [(p["name"], p["variant_count"], p["release_count"], p["download_count"]) for p in listed.items]
    assert counts == [("New", 1, 1, 0), ("Old", 2, 2, 2)]
    assert products.count_product(shop.connection, old)["release_count"] == 2


def test_list_is_paged_and_searched(shop: Shop) -> None:
    for name in ("Alpha", "Beta", "alphabet"):
        shop.product(name)
    page = products.list_products(shop.connection, Page(limit=1, offset=1))
    assert ([p["name"] for p in page.items], page.total) == (["Beta"], 3)
    found = products.list_products(shop.connection, Page(), "ALPHA")
    assert ([p["name"] for p in found.items], found.total) == (["alphabet", "Alpha"], 2)
    assert products.list_products(shop.connection, Page(limit=0)).items == []


def test_list_is_sorted_and_filtered(shop: Shop) -> None:
    busy, quiet, empty = shop.product("beta"), shop.product("Gamma", published=False), shop.product("Alpha")
    loud = shop.release(shop.variant(busy), created_at="2026-11-02T00:00:00.000Z")
    shop.release(shop.variant(quiet), created_at="2026-11-03T00:00:00.000Z")
    record_events(shop.connection, [event(release_id=loud, product_id=busy)])

    def ids(**wanted: Any) -> list[str]:
        return [p["id"] for p in products.list_products(shop.connection, Page(), **wanted).items]

    assert ids() == [empty, quiet, busy]
    assert ids(order=ProductOrder.NAME) == [empty, busy, quiet]
    assert ids(order=ProductOrder.DOWNLOADS) == [busy, empty, quiet]
    assert ids(order=ProductOrder.LAST_RELEASE) == [quiet, busy, empty]
    assert ids(published=True) == [empty, busy]
    assert ids(published=False, q="gam") == [quiet]
    assert ids(published=False, q="beta") == []


def test_list_tells_platforms_and_the_last_release(shop: Shop) -> None:
    made = shop.product()
    shop.product("Empty")
    for platform, day in (("linux", "01"), ("ios", "02"), ("linux", "03")):
        shop.release(shop.variant(made, platform), created_at=f"2026-11-{day}T00:00:00.000Z")
    empty, full = products.list_products(shop.connection, Page()).items
    assert (full["platforms"], full["last_release_at"]) == (["ios", "linux"], "2026-11-03T00:00:00.000Z")
    assert (empty["platforms"], empty["last_release_at"]) == ([], None)


def test_losses_of_a_deletion_are_counted(shop: Shop) -> None:
    made = shop.product()
    first, second = shop.variant(made), shop.variant(made)
    for variant, size in ((first, 2**40), (first, 5), (second, 7)):
        loud = shop.release(variant, size_bytes=size)
    shop.release(size_bytes=1)
    record_events(shop.connection, [event(release_id=loud, product_id=made)])
    device = {"id": "dev_1", "udid": "1", "created_at": shop.now}
    shop.connection.execute(insert(devices).values(device))
    binding = {"device_id": "dev_1", "variant_id": first, "created_at": shop.now}
    shop.connection.execute(insert(device_bindings).values(binding))
    whole = {"variants": 2, "releases": 3, "size_bytes": 2**40 + 12, "downloads": 1, "bindings": 1}
    assert count_losses(shop.connection, made) == whole
    assert count_losses(shop.connection, second) == {
        "variants": 1,
        "releases": 1,
        "size_bytes": 7,
        "downloads": 1,
        "bindings": 0,
    }
    assert set(count_losses(shop.connection, MISSING).values()) == {0}


def test_icon_is_removed(shop: Shop) -> None:
    made = shop.product()
    set_icon(shop.connection, shop.now, made, b"png")
    seen = products.revision(shop.connection, made)
    for _ in range(2):
        remove_icon(shop.connection, made)
    assert products.get_product(shop.connection, made)["icon_sha256"] is None
    assert (products.revision(shop.connection, made) or 0) > (seen or 0)
    with pytest.raises(NotFound, match="icon not found"):
        get_icon(shop.connection, made)
    with pytest.raises(NotFound, match="product not found"):
        remove_icon(shop.connection, MISSING)


def test_every_change_moves_the_revision(shop: Shop) -> None:
    made, other = shop.product(), shop.product()
    seen = [products.revision(shop.connection, made)]
    products.update_product(shop.connection, shop.now, made, {"name": "New"})
    seen.append(products.revision(shop.connection, made))
    variant = shop.variant(made)
    seen.append(products.revision(shop.connection, made))
    shop.release(variant)
    seen.append(products.revision(shop.connection, made))
    products.touch_all(shop.connection)
    seen.append(products.revision(shop.connection, made))
    assert seen == [1, 2, 3, 4, 5]
    assert products.revision(shop.connection, other) == 2
    assert products.revision(shop.connection, MISSING) is None


def test_deletion_takes_everything_along_and_names_the_files(shop: Shop) -> None:
    made, kept = shop.product(), shop.product()
    release, other = shop.release(shop.variant(made)), shop.release(shop.variant(kept))
    set_icon(shop.connection, shop.now, made, b"png")
    ((storage, key),) = products.delete_product(shop.connection, made)
    assert storage == "local"
    assert key.split("/")[3] == release
    assert list(shop.connection.scalars(select(releases.c.id))) == [other]
    assert shop.connection.scalar(select(func.count()).select_from(variants)) == 1
    assert shop.connection.scalar(select(func.count()).select_from(icons)) == 0
    with pytest.raises(NotFound):
        products.delete_product(shop.connection, made)


def test_publishing_by_product_variant_and_legacy_id(shop: Shop) -> None:
    made = shop.product()
    variant = shop.variant(made)
    app = variant.replace("var_", "app_")
    for any_id in (made, variant, app):
        assert products.set_published(shop.connection, shop.now, any_id, False) == made
    assert products.get_product(shop.connection, made)["published"] is False
    assert shop.connection.scalar(select(variants.c.published)) is False
    assert products.set_published(shop.connection, shop.now, app, True) == made
    assert shop.connection.scalar(select(variants.c.published)) is True


@pytest.mark.parametrize("any_id", [MISSING, "var_nobody", "app_nobody", "nonsense"])
def test_publishing_what_is_not_there_is_not_found(shop: Shop, any_id: str) -> None:
    with pytest.raises(NotFound):
        products.set_published(shop.connection, shop.now, any_id, True)


def test_only_columns_are_written(shop: Shop) -> None:
    made = shop.product()
    products.update_product(shop.connection, shop.now, made, {"variant_count": 7, "nonsense": 1})
    assert products.get_product(shop.connection, made)["revision"] == 2
