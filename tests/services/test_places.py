"""Where a package could go, and which of the places is meant."""

from dataclasses import replace
from typing import Any

import pytest

from fenfa.inspectors.base import PackageInfo
from fenfa.runtime import Runtime
from fenfa.services.homes import UploadRequest
from fenfa.services.places import NEW, Places, find_places
from fenfa.services.products import create_product
from fenfa.services.records import stamp
from fenfa.services.variants import create_variant, delete_variant, get_variant
from fenfa.vocabulary import Platform

APK = PackageInfo("apk", Platform.ANDROID, "com.example.app", "Weather", "1.2", "7", arch=["arm64-v8a"])


def make_product(bench: Runtime, name: str = "Weather") -> str:
    return bench.database.write_now(create_product, stamp(bench.clock()), {"name": name})


def make_variant(bench: Runtime, product: str = "", platform: str = "android", **values: Any) -> str:
    home = product or make_product(bench, "Other")
    return bench.database.write_now(create_variant, stamp(bench.clock()), home, {"platform": platform} | values)


def places(bench: Runtime, package: PackageInfo = APK, file_name: str = "app.apk", **wanted: Any) -> Places:
    request = UploadRequest(file_name, "tests", **wanted)
    return bench.database.read_now(find_places, request, package, "0" * 64)


def keys(found: Places) -> list[str]:
    return [place.key for place in found.near]


def test_a_new_app_gets_a_product(bench: Runtime) -> None:
    found = places(bench)
    assert (keys(found), found.best, found.platforms) == ([NEW], NEW, [Platform.ANDROID])


def test_the_variant_of_its_identifier_is_meant(bench: Runtime) -> None:
    variant = make_variant(bench, identifier="com.example.app")
    other = make_variant(bench, identifier="com.example.other")
    make_variant(bench, platform="ios", identifier="com.example.ios")
    found = places(bench)
    assert (keys(found), found.best) == ([variant, NEW], variant)
    assert [v["id"] for v in found.others] == [other]


def test_several_that_fit_are_a_choice(bench: Runtime) -> None:
    two = [make_variant(bench, identifier="com.example.app") for _ in range(2)]
    found = places(bench)
    assert (keys(found), found.best) == ([*two, NEW], "")


def test_the_architecture_tells_several_apart(bench: Runtime) -> None:
    product = make_product(bench)
    made = {
        arch: make_variant(bench, product, "macos", identifier="com.example.app", arch=arch)
        for arch in ("arm64", "x86_64", "arm64, x86_64")
    }
    for archs in (["arm64"], ["x86_64"]):
        package = PackageInfo("dmg", Platform.MACOS, "com.example.app", arch=archs)
        assert places(bench, package, "app.dmg").best == made[archs[0]]
    thin = PackageInfo("dmg", Platform.MACOS, "com.example.app", arch=["ppc"])
    assert places(bench, thin, "app.dmg").best == ""


def test_what_is_open_in_the_panel_is_meant(bench: Runtime) -> None:
    product = make_product(bench)
    make_variant(bench, identifier="com.example.app")
    mine = make_variant(bench, product, identifier="com.example.app")
    for found in (places(bench, variant_id=mine), places(bench, product_id=product)):
        assert found.best == mine
        assert product in keys(found)


def test_another_app_than_the_open_one_is_a_choice(bench: Runtime) -> None:
    product = make_product(bench)
    mine = make_variant(bench, product, identifier="com.example.other")
    home = make_variant(bench, identifier="com.example.app")
    found = places(bench, variant_id=mine)
    assert (keys(found), found.best) == ([mine, home, product, NEW], "")
    assert "com.example.other" in found.near[0].doubts[0]
    assert places(bench, product_id=product).best == ""


def test_a_variant_that_waits_for_its_first_package_is_meant(bench: Runtime) -> None:
    product = make_product(bench)
    nameless = make_variant(bench, product)
    make_variant(bench, product, "ios")
    assert places(bench, product_id=product).best == nameless
    make_variant(bench, product)
    assert places(bench, product_id=product).best == ""


def test_the_open_product_gets_a_variant_for_a_new_platform(bench: Runtime) -> None:
    product = make_product(bench, "Something else")
    make_variant(bench, product, "ios", identifier="com.example.app")
    found = places(bench, product_id=product)
    assert (keys(found), found.best) == ([product, NEW], product)


@pytest.mark.parametrize("same", ["identifier", "name"])
def test_an_app_of_another_platform_gets_a_variant(bench: Runtime, same: str) -> None:
    product = make_product(bench, "Weather" if same == "name" else "Wetter")
    make_variant(bench, product, "ios", identifier="com.example.app" if same == "identifier" else "com.example.ios")
    found = places(bench)
    assert (keys(found), found.best) == ([product, NEW], product)


def test_two_products_of_one_name_are_a_choice(bench: Runtime) -> None:
    two = [make_product(bench) for _ in range(2)]
    assert (keys(places(bench)), places(bench).best) == ([*two, NEW], "")


def test_a_product_of_that_name_with_another_app_is_none_of_ours(bench: Runtime) -> None:
    make_variant(bench, make_product(bench), identifier="com.stranger.weather")
    assert places(bench).best == NEW


def test_a_file_that_says_nothing_needs_a_person(bench: Runtime) -> None:
    mac, win = make_variant(bench, platform="macos"), make_variant(bench, platform="windows")
    make_variant(bench, platform="android")
    found = places(bench, PackageInfo("zip", None), "app.zip")
    assert (keys(found), found.best) == ([NEW], "")
    assert [v["id"] for v in found.others] == [mac, win]
    assert found.platforms == [Platform.MACOS, Platform.WINDOWS, Platform.LINUX]
    assert places(bench, PackageInfo("zip", None), "app.zip", variant_id=mac).best == mac
    assert places(bench, PackageInfo("zip", None), "app.zip", product_id=make_product(bench)).best == ""


def test_an_open_variant_that_cannot_take_the_file_is_no_place(bench: Runtime) -> None:
    product = make_product(bench, "Something else")
    variant = make_variant(bench, product, "ios")
    found = places(bench, variant_id=variant)
    assert variant not in keys(found)
    assert found.best == NEW


def test_a_variant_that_is_deleted_meanwhile_is_passed_over(bench: Runtime) -> None:
    variant = make_variant(bench)
    bench.database.write_now(delete_variant, variant)
    assert places(bench, variant_id=variant).best == NEW


def test_names_with_nothing_in_them_match_nothing(bench: Runtime) -> None:
    make_product(bench, "app")
    assert keys(places(bench, replace(APK, identifier="", name=""))) == [NEW]


def test_every_variant_comes_with_its_product(bench: Runtime) -> None:
    variant = make_variant(bench, make_product(bench), identifier="com.example.app")
    (place, _) = places(bench).near
    assert place.variant == bench.database.read_now(get_variant, variant)
