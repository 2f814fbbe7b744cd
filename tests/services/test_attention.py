"""What needs an admin's attention."""

from dataclasses import replace
from typing import Any

from sqlalchemy import insert

from fenfa.db.tables import uploads
from fenfa.services.attention import Concern, Matter, Surroundings, list_concerns, list_endings
from fenfa.vocabulary import UploadState
from tests.services.shop import NOW, Shop
from tests.services.test_space import SPACE

SOON = "2026-12-02T09:30:00.000Z"
CALM = Surroundings(NOW, SOON, SPACE, has_default_tokens=False, is_https=True)
OVER, ENDING, LATER = "2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z", "2027-06-01T00:00:00Z"


def concerns(shop: Shop, around: Surroundings = CALM) -> dict[Matter, Concern]:
    return {concern.matter: concern for concern in list_concerns(shop.connection, around)}


def ios_release(shop: Shop, variant: str, profile: str, *certificates: str, **values: Any) -> str:
    signers = [{"name": "Jane Doe", "not_after": end} for end in certificates]
    package = {"provisioning_profile": {"expiration_date": profile, "certificates": signers}}
    return shop.release(variant, package=package, **values)


def test_all_is_well(shop: Shop) -> None:
    ios_release(shop, shop.variant(platform="ios"), LATER, LATER)
    shop.product("Draft", published=False)
    assert concerns(shop) == {}


def test_the_server_itself(shop: Shop) -> None:
    low = replace(CALM, space=replace(SPACE, free=0), has_default_tokens=True, is_https=False)
    assert list(concerns(shop, low)) == [Matter.LOW_DISK, Matter.DEFAULT_TOKENS]


def test_plain_http_matters_for_ios_alone(shop: Shop) -> None:
    plain = replace(CALM, is_https=False)
    shop.release(shop.variant(platform="android"))
    shop.variant(platform="ios")
    assert concerns(shop, plain) == {}
    shop.release(shop.variant(platform="ios"))
    assert list(concerns(shop, plain)) == [Matter.PLAIN_HTTP]


def test_endings_are_those_of_the_newest_releases(shop: Shop) -> None:
    product = shop.product("Weather")
    variant = shop.variant(product, "ios")
    ios_release(shop, variant, OVER)
    newest = ios_release(shop, variant, ENDING, LATER, version="2.0", build=9)
    ios_release(shop, shop.variant(platform="ios"), LATER)
    shop.release(shop.variant(platform="android"))
    [ending] = concerns(shop)[Matter.EXPIRING].subjects
    about = {"release_id": newest, "version": "2.0", "build": 9, "product_id": product, "product_name": "Weather"}
    assert ending == about | {"what": "profile", "ends": ENDING}


def test_what_is_over_is_told_apart_and_the_soonest_is_first(shop: Shop) -> None:
    for end in (ENDING, OVER):
        ios_release(shop, shop.variant(platform="ios"), end)
    assert list(concerns(shop)) == [Matter.EXPIRED, Matter.EXPIRING]
    assert [one["ends"] for one in list_endings(shop.connection, SOON)] == [OVER, ENDING]


def test_a_certificate_counts_when_the_last_one_ends(shop: Shop) -> None:
    ios_release(shop, shop.variant(platform="ios"), LATER, OVER, LATER)
    assert concerns(shop) == {}
    ios_release(shop, shop.variant(platform="ios"), LATER, OVER, ENDING)
    [ending] = concerns(shop)[Matter.EXPIRING].subjects
    assert (ending["what"], ending["ends"]) == ("certificate", ENDING)


def test_products_with_releases_that_nobody_sees(shop: Shop) -> None:
    product = shop.product("Kiosk", published=False)
    for _ in range(2):
        shop.release(shop.variant(product))
    assert concerns(shop)[Matter.UNPUBLISHED].subjects == [{"product_id": product, "product_name": "Kiosk"}]


def test_uploads_that_failed(shop: Shop) -> None:
    row = {"request": {}, "size_bytes": 1, "sha256": "0" * 64, "created_at": NOW}
    for minute, state in enumerate((UploadState.FAILED, UploadState.READY, UploadState.FAILED)):
        name, ts = f"{minute}.ipa", f"2026-11-02T09:0{minute}:00.000Z"
        values = {"id": name, "file_name": name, "error": "not an IPA", "state": state, "release_id": name}
        shop.connection.execute(insert(uploads).values(**row, **values, updated_at=ts))
    failed = concerns(shop)[Matter.UPLOAD_FAILED].subjects
    assert [(one["file_name"], one["error"]) for one in failed] == [("2.ipa", "not an IPA"), ("0.ipa", "not an IPA")]
