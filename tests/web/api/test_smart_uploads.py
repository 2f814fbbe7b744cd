"""Smart uploads: the package says where it belongs; and `parse-app`, which only tells."""

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.support.client import ADMIN, UPLOAD, AppClient, refusal
from tests.support.packages import make_apk, make_ipa
from tests.web.shapes import PROFILE, UPLOADED, check, identifier

PATHS = ("/smart-upload", "/admin/api/smart-upload")


@pytest.fixture
def ipa(tmp_path: Path) -> Path:
    return make_ipa(
        tmp_path / "App.ipa", identifier="com.example.app", name="Example", version="1.2.0", build="120", min_os="15.0"
    )


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    return make_apk(tmp_path / "app.apk", identifier="com.example.droid", name="Droid", version="3.1", build="31")


def send(client: AppClient, path: str, file: Path, headers: Any = ADMIN, **fields: str) -> httpx.Response:
    return client.post(path, headers=headers, data=fields, files={"app_file": (file.name, file.read_bytes())})


def create(client: AppClient, file: Path) -> dict[str, Any]:
    return dict(send(client, "/smart-upload", file, create="1").json()["data"])


@pytest.mark.parametrize("path", PATHS)
def test_create_makes_product_and_variant(client: AppClient, ipa: Path, path: str) -> None:
    answer = send(client, path, ipa, create="1")
    assert answer.status_code == 201
    data = answer.json()["data"]
    check(data, UPLOADED | {"created": {"product": identifier("prd"), "variant": identifier("var")}})
    assert data["created"] == {"product": data["app"]["product_id"], "variant": data["app"]["variant_id"]}
    assert (data["app"]["name"], data["app"]["bundle_id"], data["app"]["platform"]) == (
        "Example",
        "com.example.app",
        "ios",
    )
    assert (data["release"]["version"], data["release"]["build"]) == ("1.2.0", 120)
    [variant] = client.get("/api/products/example").json()["data"]["variants"]
    assert (variant["min_os"], variant["installer_type"], variant["display_name"]) == ("15.0", "ipa", "Example")
    assert client.get(f"/icon/products/{data['app']['product_id']}").status_code == 200
    again = send(client, path, ipa, create="1").json()["data"]
    assert again["app"] == data["app"]
    assert "created" not in again


def test_an_apk_makes_a_product_of_its_own(client: AppClient, ipa: Path, apk: Path) -> None:
    first, second = create(client, ipa)["app"], create(client, apk)["app"]
    assert first["product_id"] != second["product_id"]
    assert (second["platform"], second["bundle_id"]) == ("android", "com.example.droid")


def test_the_variant_is_found(client: AppClient, ipa: Path) -> None:
    product = client.make_product("Mine")["id"]
    client.make_variant(product, "android", identifier="com.example.app")
    mine = client.make_variant(product, "ios", identifier="com.example.app")
    data = send(client, "/smart-upload", ipa, headers=UPLOAD).json()["data"]
    assert data["app"]["variant_id"] == mine["id"]
    assert data["warnings"] == []


def test_none_fits(client: AppClient, ipa: Path) -> None:
    client.make_variant(client.make_product()["id"], "ios", identifier="com.other")
    for headers, fields in ((ADMIN, {}), (UPLOAD, {}), (UPLOAD, {"create": "1"}), (ADMIN, {"create": "0"})):
        status, code, message = refusal(send(client, "/smart-upload", ipa, headers=headers, **fields))
        assert (status, code) == (404, "NOT_FOUND")
        assert "ios" in message
        assert "com.example.app" in message
    assert client.admin("GET", "/admin/api/products")["total"] == 1
    assert client.files() == []


def test_several_fit(client: AppClient, ipa: Path) -> None:
    variants = [
        client.make_variant(client.make_product(name)["id"], "ios", identifier="com.example.app")["id"]
        for name in ("One", "Two")
    ]
    status, code, message = refusal(send(client, "/smart-upload", ipa, create="1"))
    assert (status, code) == (409, "CONFLICT")
    for part in (*variants, "One", "Two"):
        assert part in message
    assert send(client, "/smart-upload", ipa, variant_id=variants[1]).json()["data"]["app"]["variant_id"] == variants[1]


@pytest.mark.parametrize("path", PATHS)
def test_a_mismatch_names_both(client: AppClient, ipa: Path, path: str) -> None:
    variant = client.make_variant(client.make_product()["id"], "ios", identifier="com.other")
    status, code, message = refusal(send(client, path, ipa, variant_id=variant["id"]))
    assert (status, code) == (409, "CONFLICT")
    assert "com.example.app" in message
    assert "com.other" in message
    assert client.files() == []


def test_an_empty_identifier_is_filled(client: AppClient, ipa: Path) -> None:
    variant = client.make_variant(client.make_product()["id"], "ios")
    data = send(client, "/smart-upload", ipa, headers=UPLOAD, variant_id=variant["id"]).json()["data"]
    assert data["app"]["bundle_id"] == "com.example.app"
    assert client.admin("GET", "/admin/api/ios_variants")["items"][0]["identifier"] == "com.example.app"


def test_a_given_field_wins(client: AppClient, ipa: Path) -> None:
    fields = {"version": "9.9", "build": "7", "min_os": "iOS 17.0", "channel": "beta", "changelog": "text"}
    data = send(client, "/smart-upload", ipa, create="1", **fields).json()["data"]
    release = client.admin("GET", f"/admin/api/releases/{data['release']['id']}")
    shown = {name: str(release[name]) for name in fields}
    assert shown == fields | {"min_os": "17.0"}


def test_a_given_icon_wins(client: AppClient, ipa: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (48, 48), (1, 200, 1)).save(out, "PNG")
    data = send(client, "/smart-upload", ipa, create="1", icon_base64=base64.b64encode(out.getvalue()).decode())
    served = client.get(f"/icon/products/{data.json()['data']['app']['product_id']}")
    with Image.open(io.BytesIO(served.content)) as image:
        assert image.size == (48, 48)


def test_a_file_for_another_platform(client: AppClient, ipa: Path) -> None:
    variant = client.make_variant(client.make_product()["id"], "android")
    answer = send(client, "/smart-upload", ipa, variant_id=variant["id"])
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")
    unknown = send(client, "/smart-upload", ipa, variant_id="var_nothing", create="1")
    assert refusal(unknown) == (404, "NOT_FOUND", "variant not found")


def test_a_package_that_does_not_say_what_it_is(client: AppClient) -> None:
    files = {"app_file": ("app.tar.gz", b"bytes")}
    answer = client.post("/smart-upload", headers=ADMIN, data={"create": "1"}, files=files)
    assert refusal(answer)[:2] == (422, "BAD_PACKAGE")
    variant = client.make_variant(client.make_product()["id"], "linux")
    answer = client.post("/smart-upload", headers=UPLOAD, data={"variant_id": variant["id"]}, files=files)
    assert answer.status_code == 201


@pytest.mark.parametrize("path", PATHS)
def test_refusals(client: AppClient, ipa: Path, path: str, tmp_path: Path) -> None:
    no_file = client.post(path, headers=ADMIN, files={"create": (None, "1")})
    assert refusal(no_file) == (400, "BAD_REQUEST", "app_file is required")
    broken = tmp_path / "broken.ipa"
    broken.write_bytes(ipa.read_bytes()[:500])
    assert refusal(send(client, path, broken, create="1"))[:2] == (422, "BAD_PACKAGE")
    assert refusal(send(client, path, ipa, create="1", build="x")) == (
        400,
        "BAD_REQUEST",
        "build must be a whole number",
    )
    assert client.admin("GET", "/admin/api/products")["total"] == 0
    assert client.files() == []


def test_the_same_package_from_many_at_once_makes_one_product(client: AppClient, ipa: Path) -> None:
    form = {"data": {"create": "1"}, "files": {"app_file": (ipa.name, ipa.read_bytes())}}
    answers = client.together(*[("POST", "/smart-upload", {"headers": ADMIN, **form})] * 6)
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.json()["data"]["app"]["variant_id"] for answer in answers}) == 1
    assert sum("created" in answer.json()["data"] for answer in answers) == 1
    assert client.admin("GET", "/admin/api/products")["items"][0]["release_count"] == 6


HOSTILE = ["../../x", "<script>", '"&<>', "a\0b", "x" * 900, "'; DROP TABLE products; --", "\u202etxt.exe", "🎉"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_names_in_packages_are_only_texts(client: AppClient, tmp_path: Path, text: str) -> None:
    hostile = make_ipa(
        tmp_path / "a.ipa", identifier="com.example.app", name=text, version=text, build=text, binary=True
    )
    data = create(client, hostile)
    slug = client.admin("GET", "/admin/api/products")["items"][0]["slug"]
    assert not set(slug) & set("/\\<>\"'; .")
    page = client.get(data["urls"]["page"])
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert client.get(f"/ios/{data['release']['id']}/manifest.plist").status_code == 200


# parse-app


def parse(client: AppClient, file: Path) -> dict[str, Any]:
    return dict(send(client, "/admin/api/parse-app", file).json()["data"])


def test_parse_an_ipa(client: AppClient, ipa: Path) -> None:
    found = parse(client, ipa)
    shape: dict[str, Any] = dict.fromkeys(("platform", "bundle_id", "version", "build", "app_name", "min_os"), str)
    profile = PROFILE | {"provisioned_devices": [str]}
    check(found, shape | {"file_size": int, "file_name": str, "icon_base64": str, "provisioning_profile": profile})
    expected = {
        "platform": "ios",
        "bundle_id": "com.example.app",
        "version": "1.2.0",
        "build": "120",
        "min_os": "iOS 15.0",
    }
    assert {name: found[name] for name in expected} == expected
    assert (found["app_name"], found["file_name"], found["file_size"]) == ("Example", "App.ipa", ipa.stat().st_size)
    head, _, icon = found["icon_base64"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(icon).startswith(b"\x89PNG")


def test_parse_an_apk(client: AppClient, apk: Path) -> None:
    found = parse(client, apk)
    texts = (
        "platform",
        "package_name",
        "version_name",
        "app_name",
        "min_sdk",
        "target_sdk",
        "file_name",
        "icon_base64",
    )
    check(found, dict.fromkeys(texts, str) | {"version_code": int, "file_size": int})
    expected = {"platform": "android", "package_name": "com.example.droid", "version_name": "3.1", "version_code": 31}
    assert {name: found[name] for name in expected} == expected
    assert (found["min_sdk"], found["target_sdk"], found["app_name"]) == ("Android 21", "Android 34", "Droid")


def test_parsing_stores_nothing(client: AppClient, ipa: Path) -> None:
    parse(client, ipa)
    assert client.files() == []
    assert client.admin("GET", "/admin/api/products")["total"] == 0


def test_parse_refusals(client: AppClient, ipa: Path, tmp_path: Path) -> None:
    no_file = client.post("/admin/api/parse-app", headers=ADMIN, files={"x": (None, "1")})
    assert refusal(no_file) == (400, "BAD_REQUEST", "app_file is required")
    broken = tmp_path / "broken.ipa"
    broken.write_bytes(ipa.read_bytes()[:500])
    assert refusal(send(client, "/admin/api/parse-app", broken))[:2] == (422, "BAD_PACKAGE")
    text = tmp_path / "a.txt"
    text.write_bytes(b"x")
    assert refusal(send(client, "/admin/api/parse-app", text))[:2] == (400, "BAD_REQUEST")
    assert client.files() == []


def test_the_digest_is_of_what_was_sent(client: AppClient, ipa: Path) -> None:
    assert create(client, ipa)["release"]["sha256"] == hashlib.sha256(ipa.read_bytes()).hexdigest()
