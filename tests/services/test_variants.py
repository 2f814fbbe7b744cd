"""Variants: a product on one platform, found by either ID, matched by what a package says."""

import pytest
from sqlalchemy import select

from fenfa.db.tables import releases
from fenfa.errors import NotFound
from fenfa.services import variants
from fenfa.services.records import Page
from fenfa.vocabulary import Platform
from tests.services.shop import Shop


def test_variant_is_found_by_both_ids_with_its_product(shop: Shop) -> None:
    made = shop.variant(shop.product("MyApp", published=False), "ios", identifier="com.example", min_os="15.0")
    found = variants.get_variant(shop.connection, made)
    assert found["app_id"] == variants.legacy_app_id(made) == "app_" + made[4:]
    assert (
        found == variants.find_variant(shop.connection, made) == variants.find_variant(shop.connection, found["app_id"])
    )
    assert (found["product_name"], found["product_slug"], found["product_published"]) == ("MyApp", "myapp", False)
    assert (found["platform"], found["identifier"], found["min_os"], found["published"]) == (
        "ios",
        "com.example",
        "15.0",
        True,
    )


@pytest.mark.parametrize(("any_id", "message"), [("var_nobody", "variant not found"), ("app_nobody", "app not found")])
def test_missing_variant_is_not_found(shop: Shop, any_id: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        variants.find_variant(shop.connection, any_id)


def test_variant_of_a_missing_product_is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFound, match="product not found"):
        shop.variant("prd_nobody")


def test_list_is_in_order(shop: Shop) -> None:
    product = shop.product()
    last, first, second = (shop.variant(product, sort_order=n) for n in (9, 1, 1))
    hidden = shop.variant(product, sort_order=0, published=False)
    shop.variant()
    listed = [v["id"] for v in variants.list_variants(shop.connection, product)]
    assert listed == [hidden, first, second, last]
    listed = [v["id"] for v in variants.list_variants(shop.connection, product, published_only=True)]
    assert listed == [first, second, last]


def test_list_of_all_is_newest_first_and_by_platform(shop: Shop) -> None:
    made = [shop.variant(platform=platform) for platform in ("ios", "android", "ios")]
    listed = variants.list_all_variants(shop.connection, Page(limit=2))
    assert ([v["id"] for v in listed.items], listed.total) == (made[:0:-1], 3)
    listed = variants.list_all_variants(shop.connection, Page(), Platform.IOS)
    assert ([v["id"] for v in listed.items], listed.total) == ([made[2], made[0]], 2)


def test_package_matches_by_platform_and_identifier(shop: Shop) -> None:
    first, second = (shop.variant(platform="ios", identifier="com.example") for _ in range(2))
    shop.variant(platform="android", identifier="com.example")
    shop.variant(platform="ios", identifier="com.Example")
    assert [v["id"] for v in variants.match_variants(shop.connection, "ios", "com.example")] == [first, second]
    assert variants.match_variants(shop.connection, "ios", "com.example%") == []


def test_variant_is_changed(shop: Shop) -> None:
    made = shop.variant()
    shop.bench.clock.move(hours=1)  # type: ignore[attr-defined]  # the tests' clock
    variants.update_variant(shop.connection, shop.now, made, {"arch": "arm64", "id": made, "nonsense": 1})
    found = variants.get_variant(shop.connection, made)
    assert (found["arch"], found["updated_at"]) == ("arm64", "2026-11-02T10:30:00.000Z")
    with pytest.raises(NotFound):
        variants.update_variant(shop.connection, shop.now, "var_nobody", {})


def test_deletion_takes_the_releases_along_and_names_the_files(shop: Shop) -> None:
    product = shop.product()
    made, kept = shop.variant(product), shop.variant(product)
    gone, stays = [shop.release(made), shop.release(made)], shop.release(kept)
    orphans = variants.delete_variant(shop.connection, made)
    assert sorted(key.split("/")[3] for _, key in orphans) == sorted(gone)
    assert list(shop.connection.scalars(select(releases.c.id))) == [stays]
    with pytest.raises(NotFound):
        variants.delete_variant(shop.connection, made)


def test_variant_is_shifted_among_its_siblings(shop: Shop) -> None:
    product = shop.product()
    first, second, third = (shop.variant(product, sort_order=7) for _ in range(3))
    stranger = shop.variant(sort_order=7)

    def order() -> list[str]:
        return [v["id"] for v in variants.list_variants(shop.connection, product)]

    for variant, steps, expected in (
        (third, -1, [first, third, second]),
        (first, 1, [third, first, second]),
        (third, -1, [third, first, second]),
        (third, 9, [first, second, third]),
        (third, 1, [first, second, third]),
        (third, -9, [third, first, second]),
    ):
        variants.shift_variant(shop.connection, shop.now, variant, steps)
        assert order() == expected
    assert variants.get_variant(shop.connection, stranger)["sort_order"] == 7
    with pytest.raises(NotFound, match="variant not found"):
        variants.shift_variant(shop.connection, shop.now, "var_nobody", 1)
