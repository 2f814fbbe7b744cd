"""What a list can be narrowed to."""

from dataclasses import astuple

from fenfa.services.choices import offer_choices, settle
from fenfa.services.statistics import Subject
from tests.services.shop import Shop


def settled(shop: Shop, product: str = "", variant: str = "", release: str = "") -> tuple[str, ...]:
    return astuple(settle(shop.connection, Subject(product, variant, release)))


def test_what_is_asked_for_brings_along_what_it_hangs_on(shop: Shop) -> None:
    product = shop.product()
    variant = shop.variant(product)
    release = shop.release(variant)
    whole = (product, variant, release)
    assert settled(shop, release=release) == settled(shop, variant=variant, release=release) == whole
    assert settled(shop, variant=variant) == (product, variant, "")
    assert settled(shop, product=product, release=release) == whole
    assert settled(shop) == ("", "", "")


def test_what_hangs_on_another_is_left_out(shop: Shop) -> None:
    """As when somebody picks another product in the filter, while the variant is still that of the first."""
    product, other = shop.product(), shop.product()
    variant = shop.variant(product)
    release = shop.release(variant)
    assert settled(shop, other, variant, release) == (other, "", "")
    assert settled(shop, other, release=release) == (other, "", "")
    second = shop.variant(product)
    assert settled(shop, product, second, release) == (product, second, "")


def test_what_is_gone_may_still_be_asked_for(shop: Shop) -> None:
    assert settled(shop, "prd_gone", "var_gone", "rel_gone") == ("prd_gone", "var_gone", "rel_gone")
    assert settled(shop, release="rel_gone") == ("", "", "rel_gone")


def test_choices_are_those_of_what_is_chosen(shop: Shop) -> None:
    zebra, apple = shop.product("Zebra"), shop.product("Apple")
    phone, desktop = shop.variant(zebra, "ios"), shop.variant(zebra, "linux")
    old, new = shop.release(phone, version="1.0"), shop.release(phone, version="1.1")
    other = shop.release(desktop)
    shop.release(shop.variant(apple))

    everything = offer_choices(shop.connection, Subject())
    assert [one["id"] for one in everything.products] == [apple, zebra]
    assert (everything.variants, everything.releases) == ([], [])
    of_product = offer_choices(shop.connection, Subject(zebra))
    assert [one["id"] for one in of_product.variants] == [phone, desktop]
    assert [one["id"] for one in of_product.releases] == [other, new, old]
    of_variant = offer_choices(shop.connection, Subject(variant_id=phone))
    assert of_variant.chosen == Subject(zebra, phone)
    assert [one["id"] for one in of_variant.releases] == [new, old]
