"""What an admin does with devices: imports a list, registers them with Apple and watches it, looks at slots; in both languages."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.services.apple_world import settings_of
from tests.support.app_store import app_store, make_account, udid
from tests.support.browser import log_in, watched
from tests.support.server import fenfa_server

pytestmark = pytest.mark.journey
WORDS = {
    "en-GB": ("New devices 1", "Import 1 device", "1 registered, 0 refused", "registered"),
    "zh-CN": ("新设备 1", "导入 1 台设备", "已注册 1 台，0 台被拒绝", "已注册"),
}


@pytest.mark.parametrize("locale", WORDS)
def test_from_a_list_to_a_registered_device(engine: Chromium, tmp_path: Path, locale: str) -> None:
    new, sure, result, state = WORDS[locale]
    account = make_account()
    with app_store(account) as store, fenfa_server(tmp_path, apple_url=store.url) as server:
        server.client.put("/admin/api/settings", json=settings_of(account)).raise_for_status()
        with watched(engine, server.url) as browser:
            page = browser.open("/admin/login?next=/admin/devices/import", locale=locale)
            log_in(page)
            page.locator("textarea[name=list]").fill(f"{udid(1)}\tAda's iPhone\tios\nnothing")
            page.locator("#lines button[type=submit]").click()
            expect(page.locator("#lines dl")).to_contain_text(new.split()[0])
            page.get_by_role("button", name=sure).click()
            page.locator("input[name=device_id]").check()
            page.locator("#list form button[type=submit]").click()
            page.locator("input[name=unverified]").check()
            page.locator("#plan button[type=submit]").click()
            page.wait_for_url("**/admin/jobs/job_*")
            expect(page.locator("#job")).to_contain_text(result)  # comes by itself
            page.goto(f"{server.url}/admin/devices")
            page.get_by_role("link", name="Ada's iPhone").click()
            expect(page.locator("#apple")).to_contain_text(state)
            page.goto(f"{server.url}/admin/apple")
            expect(page.locator("tbody tr")).to_contain_text("99")  # slots left
    assert account.udids() == {udid(1): 1}
