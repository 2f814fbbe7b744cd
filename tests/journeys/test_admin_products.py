"""What an admin does with products, variants and releases; everything works without scripts as well."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import DEVICES, Browser, fits, log_in, send
from tests.support.packages import make_apk
from tests.support.site import draw_icon

pytestmark = pytest.mark.journey


@pytest.fixture(params=["with scripts", "without"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "with scripts")


def enter(browser: Browser, scripts: bool, path: str = "/admin/products", **options: Any) -> Page:
    page = browser.open(f"/admin/login?next={path}", java_script_enabled=scripts, **options)
    log_in(page)
    page.wait_for_load_state()  # nobody types before the script is there
    return page


def test_a_product_from_nothing_to_nothing(browser: Browser, tmp_path: Path, scripts: bool) -> None:
    page = enter(browser, scripts)
    expect(page.get_by_role("heading", name="Drop your first build here")).to_be_visible()
    page.get_by_role("link", name="New product").click()
    page.get_by_label("Name").fill("Weather")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Weather")

    page.get_by_label("Description").fill("Forecasts")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#about .said")).to_have_text("Saved.")
    expect(page.locator("#head")).to_contain_text("Forecasts")

    picture = tmp_path / "icon.png"
    picture.write_bytes(draw_icon((200, 40, 30), 128))
    page.get_by_label("Another picture").set_input_files(picture)
    page.get_by_role("button", name="Set the icon").click()
    expect(page.locator("#head img.app-icon")).to_be_visible()

    page.get_by_role("link", name="Add a variant").click()
    page.get_by_label("Platform").select_option("android")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Android")

    page.get_by_role("link", name="Weather", exact=True).click()
    page.get_by_role("link", name="Delete the product").click()
    page.get_by_label("Name").fill("Weather")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_contain_text("Deleted.")


def test_what_is_wrong_stands_beside_the_field(browser: Browser, tmp_path: Path, scripts: bool) -> None:
    browser.expect_error(400)
    for number, name in enumerate(("Weather", "Notes")):
        build = make_apk(tmp_path / f"{number}.apk", name=name, identifier=f"com.example.n{number}")
        made = send(browser.base, build)
    page = enter(browser, scripts, f"/admin/products/{made['app']['product_id']}")
    page.get_by_label("Address").fill("weather")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("Slug 'weather' is taken; choose another")
    expect(page.get_by_label("Address")).to_have_value("weather")
    page.get_by_label("Address").fill("field-notes")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#about .said")).to_have_text("Saved.")
    expect(page.locator("#link")).to_contain_text("/products/field-notes")


def test_the_list_is_searched_and_switched(browser: Browser, tmp_path: Path, scripts: bool) -> None:
    for number, name in enumerate(("Weather", "Notes")):
        send(browser.base, make_apk(tmp_path / f"{number}.apk", name=name, identifier=f"com.example.n{number}"))
    page = enter(browser, scripts)
    page.get_by_label("Search").fill("weat")
    if not scripts:
        page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    switch = page.get_by_role("switch", name="Published: Weather")
    expect(switch).to_be_checked()
    switch.click()
    expect(page.get_by_role("switch", name="Published: Weather")).not_to_be_checked()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "q=weat" in page.url
    browser.expect_error(404)
    page.goto(f"{browser.base}/products/weather")
    expect(page.get_by_role("heading", level=1)).to_contain_text("not found")


def test_a_release_is_edited_moved_and_deleted(browser: Browser, tmp_path: Path, scripts: bool) -> None:
    first = send(browser.base, make_apk(tmp_path / "1.apk", name="Weather", identifier="com.example.one"))
    permissions = ("android.permission.INTERNET", "android.permission.CAMERA")
    newer = make_apk(tmp_path / "2.apk", version="2.0", identifier="com.example.one", permissions=permissions)
    send(browser.base, newer)
    other = send(browser.base, make_apk(tmp_path / "3.apk", name="Notes", identifier="com.example.two"))
    page = enter(browser, scripts, f"/admin/products/{first['app']['product_id']}")
    page.get_by_role("link", name="2.0 (1)").click()
    expect(page.locator(".changes")).to_contain_text("android.permission.CAMERA")

    page.get_by_label("Changelog").fill("# Faster\n\n- at **everything**")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Preview of the changelog").get_by_role("heading")).to_have_text("Faster")
    page.get_by_label("Channel").fill("beta")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#head")).to_contain_text("beta")

    page.get_by_label("Another variant").select_option(other["app"]["variant_id"])
    page.get_by_role("button", name="Move").click()
    expect(page.locator(".crumbs")).to_contain_text("Notes")
    page.get_by_role("link", name="Delete the release").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="2.0 (1)")).to_have_count(0)


def test_variants_are_put_in_order(browser: Browser, tmp_path: Path, scripts: bool) -> None:
    made = send(browser.base, make_apk(tmp_path / "app.apk", name="Weather"))
    page = enter(browser, scripts, f"/admin/products/{made['app']['product_id']}")
    page.get_by_role("link", name="Add a variant").click()
    page.get_by_label("Platform").select_option("linux")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("link", name="Weather", exact=True).click()
    expect(page.locator(".variant h2")).to_have_text(["Android", "Linux"])
    page.get_by_role("button", name="Move up: Linux").click()
    expect(page.locator(".variant h2")).to_have_text(["Linux", "Android"])


def test_the_menu_of_a_row(browser: Browser, tmp_path: Path, scripts: bool) -> None:
    send(browser.base, make_apk(tmp_path / "app.apk", name="Weather"))
    page = enter(browser, scripts)
    entry = page.get_by_role("link", name="Add a variant")
    expect(entry).not_to_be_visible()
    page.get_by_role("button", name="More: Weather").click()
    entry.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add a variant")


def test_keys_lead_there(browser: Browser) -> None:
    page = enter(browser, True, "/admin")
    page.keyboard.press("p")
    expect(page.get_by_role("heading", level=1)).to_have_text("Products")


def test_rows_are_cards_on_a_phone(browser: Browser, tmp_path: Path, scripts: bool) -> None:
    made = send(browser.base, make_apk(tmp_path / "app.apk", name="The quite remarkably long-named companion " * 3))
    page = enter(browser, scripts, **DEVICES["android"])
    assert fits(page)
    for path in (f"products/{made['app']['product_id']}", f"releases/{made['release']['id']}"):
        page.goto(f"{browser.base}/admin/{path}")
        assert fits(page)
