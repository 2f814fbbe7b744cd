"""What needs an admin's attention."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import insert

from fenfa.db.tables import uploads
from fenfa.services.attention import Concern, Matter, Surroundings, list_concerns
from fenfa.services.expiring import Ending, Ends
from fenfa.vocabulary import UploadState
from tests.services.shop import NOW, Shop
from tests.services.test_space import SPACE

CALM = Surroundings(datetime(2026, 11, 2, 9, 30, tzinfo=UTC), [], SPACE, has_default_tokens=False, is_https=True)
OVER, SOON, LATER = "2026-11-01T00:00:00.000Z", "2026-11-20T00:00:00.000Z", "2027-06-01T00:00:00.000Z"


def concerns(shop: Shop, around: Surroundings = CALM) -> dict[Matter, Concern]:
    return {concern.matter: concern for concern in list_concerns(shop.connection, around)}


def ending(ends_at: str, kind: Ends = Ends.PROFILE) -> Ending:
    return Ending(kind, "key", "Weather ad hoc", ends_at)


def test_all_is_well(shop: Shop) -> None:
    shop.release(shop.variant(platform="ios"))
    shop.product("Draft", published=False)
    assert concerns(shop, replace(CALM, endings=[ending(LATER)])) == {}


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


def test_what_is_over_is_told_apart_from_what_soon_will_be(shop: Shop) -> None:
    refused = ending("", Ends.APPLE_KEY)
    found = concerns(shop, replace(CALM, endings=[refused, ending(OVER), ending(SOON), ending(LATER)]))
    assert list(found) == [Matter.ENDED, Matter.ENDING]
    assert found[Matter.ENDED].endings == [refused, ending(OVER)]
    assert found[Matter.ENDING].endings == [ending(SOON)]


def test_products_with_releases_that_nobody_sees(shop: Shop) -> None:
    product = shop.product("Kiosk", published=False)
    for _ in range(2):
        shop.release(shop.variant(product))
    assert concerns(shop)[Matter.UNPUBLISHED].rows == [{"product_id": product, "product_name": "Kiosk"}]


def test_uploads_that_failed(shop: Shop) -> None:
    row = {"request": {}, "size_bytes": 1, "sha256": "0" * 64, "created_at": NOW}
    for minute, state in enumerate((UploadState.FAILED, UploadState.READY, UploadState.FAILED)):
        name, ts = f"{minute}.ipa", f"2026-11-02T09:0{minute}:00.000Z"
        values = {"id": name, "file_name": name, "error": "not an IPA", "state": state, "release_id": name}
        shop.connection.execute(insert(uploads).values(**row, **values, updated_at=ts))
    failed = concerns(shop)[Matter.UPLOAD_FAILED].rows
    assert [(one["file_name"], one["error"]) for one in failed] == [("2.ipa", "not an IPA"), ("0.ipa", "not an IPA")]
