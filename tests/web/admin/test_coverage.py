"""After an upload for iOS: which known devices can install it, on the release's page, in the panel's card and in the answer."""

from pathlib import Path

from tests.support.app_store import udid
from tests.support.client import ADMIN, UPLOAD, AppClient
from tests.support.packages import make_ipa
from tests.web.admin.pages import get
from tests.web.api.test_devices import add


def test_devices_that_can_install_it(client: AppClient, tmp_path: Path) -> None:
    variant = client.make_variant(client.make_product("Weather")["id"], "ios")["id"]
    ipa = make_ipa(tmp_path / "app.ipa", profile={"ProvisionedDevices": [udid(1), udid(2)]})
    none = client.upload(variant, ipa, "app.ipa", ADMIN).json()["data"]
    assert "devices" not in none
    assert "known device" not in get(client, f"/admin/releases/{none['release']['id']}").text
    for number in (1, 2, 3):
        add(client, str(number), udid(number), "2026-11-01")
    told = client.upload(variant, ipa, "app.ipa", ADMIN).json()["data"]
    assert told["devices"] == {"known": 3, "installable": 2}
    assert "devices" not in client.upload(variant, ipa, "app.ipa", UPLOAD).json()["data"]
    page = get(client, f"/admin/releases/{told['release']['id']}").text
    assert "2 of 3 known devices can install it One cannot Phone 3 iPhone 16 Pro" in page
    assert "The build's provisioning profile does not list the device" in page


def test_a_build_for_android_says_nothing_of_them(client: AppClient) -> None:
    add(client, "1", udid(1), "2026-11-01")
    sent = client.make_release()
    assert "known device" not in get(client, f"/admin/releases/{sent['release']['id']}").text


def test_the_card_of_a_published_upload(client: AppClient, tmp_path: Path) -> None:
    add(client, "1", udid(1), "2026-11-01")
    ipa = make_ipa(tmp_path / "app.ipa", profile={"ProvisionedDevices": [udid(1)]})
    at = client.post("/admin/upload", headers=ADMIN, files={"app_file": ("app.ipa", ipa.read_bytes())}).headers[
        "location"
    ]
    form = get(client, at).fields
    client.post(at, headers=ADMIN, data=form)
    assert "1 of 1 known device can install it" in get(client, at).text
