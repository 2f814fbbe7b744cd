"""`POST /upload`: what a CI script sends, and what it gets."""

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fenfa.vocabulary import FILE_TYPES
from tests.support import images
from tests.support.client import ADMIN, ON_DISK, UPLOAD, AppClient, refusal
from tests.support.packages import make_apk, make_ipa
from tests.web.api.bad_texts import BAD_LINES
from tests.web.shapes import INSTALL, UPLOADED, URL, check

Ids = dict[str, Any]


@pytest.fixture
def linux(client: AppClient) -> Ids:
    return client.make_variant(client.make_product()["id"], "linux")


@pytest.fixture
def ios(client: AppClient) -> Ids:
    return client.make_variant(client.make_product()["id"], "ios", identifier="com.example.app")


@pytest.fixture
def ipa(tmp_path: Path) -> Path:
    return make_ipa(tmp_path / "App.ipa", identifier="com.example.app", version="1.2.0", build="120", min_os="15.0")


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    return make_apk(tmp_path / "app.apk", identifier="com.example.droid", version="3.1", build="31", min_sdk="21")


def test_the_answer(client: AppClient, ios: Ids, ipa: Path) -> None:
    answer = client.upload(ios["id"], ipa, "MyApp.ipa", channel="beta", changelog="- One\r\n- Two")
    assert answer.status_code == 201
    data = answer.json()["data"]
    check(data, UPLOADED | {"urls": UPLOADED["urls"] | {"ios_manifest": URL, "ios_install": INSTALL}})
    app, release = data["app"], data["release"]
    assert app == {
        "id": ios["legacy_app_id"],
        "name": "MyApp",
        "platform": "ios",
        "bundle_id": "com.example.app",
        "product_id": ios["product_id"],
        "variant_id": ios["id"],
    }
    assert (release["version"], release["build"]) == ("1.2.0", 120)
    assert release["size_bytes"] == ipa.stat().st_size
    assert release["sha256"] == hashlib.sha256(ipa.read_bytes()).hexdigest()
    base, name = "http://testserver", release["id"]
    manifest = f"{base}/ios/{name}/manifest.plist"
    assert data["urls"] == {
        "page": f"{base}/products/myapp",
        "release_page": f"{base}/products/myapp?r={name}",
        "download": f"{base}/d/{name}",
        "ios_manifest": manifest,
        "ios_install": "itms-services://?action=download-manifest&url="
        + manifest.replace(":", "%3A").replace("/", "%2F"),
    }
    assert data["warnings"] == []
    for url in (data["urls"][kind] for kind in ("page", "release_page", "download", "ios_manifest")):
        assert client.get(url).status_code == 200
    stored = client.admin("GET", f"/admin/api/releases/{name}")
    assert (stored["channel"], stored["changelog"], stored["min_os"]) == ("beta", "- One\n- Two", "15.0")
    assert (stored["file_name"], stored["file_ext"]) == ("MyApp.ipa", "ipa")


def test_other_platforms_have_no_manifest(client: AppClient, linux: Ids) -> None:
    data = client.upload(linux["id"], b"bytes").json()["data"]
    assert set(data["urls"]) == {"page", "release_page", "download"}
    assert client.get(f"/ios/{data['release']['id']}/manifest.plist").status_code == 404


def test_an_admin_may_upload(client: AppClient, linux: Ids) -> None:
    assert client.upload(linux["id"], b"bytes", headers=ADMIN).status_code == 201
    bearer = {"Authorization": "Bearer dev-upload-token"}
    assert client.upload(linux["id"], b"bytes", headers=bearer).status_code == 201


def test_what_is_given_wins_and_the_package_fills_the_rest(client: AppClient, ios: Ids, ipa: Path) -> None:
    given = client.upload(ios["id"], ipa, "a.ipa", version="9.9", build="7", min_os="iOS 16.1").json()["data"][
        "release"
    ]
    assert (given["version"], given["build"]) == ("9.9", 7)
    assert client.admin("GET", f"/admin/api/releases/{given['id']}")["min_os"] == "16.1"
    blank = client.upload(ios["id"], ipa, "a.ipa", version="", build=" ", min_os="").json()["data"]["release"]
    assert (blank["version"], blank["build"]) == ("1.2.0", 120)
    assert client.admin("GET", f"/admin/api/releases/{blank['id']}")["min_os"] == "15.0"


def test_an_apk(client: AppClient, apk: Path) -> None:
    variant = client.make_variant(client.make_product()["id"], "android", identifier="com.example.droid")
    data = client.upload(variant["id"], apk, "app.apk", min_os="Android 24").json()["data"]
    assert (data["release"]["version"], data["release"]["build"], data["warnings"]) == ("3.1", 31, [])
    assert client.admin("GET", f"/admin/api/releases/{data['release']['id']}")["min_os"] == "24"


def test_another_identifier_is_taken_with_a_warning(client: AppClient, tmp_path: Path, ios: Ids) -> None:
    other = make_ipa(tmp_path / "Other.ipa", identifier="com.other")
    data = client.upload(ios["id"], other, "Other.ipa").json()["data"]
    assert data["warnings"] == ["the package is com.other, but the variant is for com.example.app"]
    assert data["app"]["bundle_id"] == "com.example.app"


def test_the_upload_does_not_rename_its_variant(client: AppClient, ipa: Path) -> None:
    variant = client.make_variant(client.make_product()["id"], "ios")
    assert client.upload(variant["id"], ipa, "a.ipa").json()["data"]["app"]["bundle_id"] == ""


# refusals


@pytest.mark.parametrize("platform", FILE_TYPES)
def test_file_types_that_a_platform_does_not_take(client: AppClient, platform: str) -> None:
    variant = client.make_variant(client.make_product()["id"], platform)
    taken = next(types for name, types in FILE_TYPES.items() if name == platform)
    for ext in sorted({ext for types in FILE_TYPES.values() for ext in types} - set(taken)):
        answer = client.upload(variant["id"], b"x", f"app.{ext}")
        advice = ", ".join(f".{one}" for one in taken)
        expected = f".{ext} does not fit the platform {platform}, which takes {advice}"
        assert refusal(answer) == (400, "BAD_REQUEST", expected)
    assert client.files() == []


@pytest.mark.parametrize("name", ["app.txt", "app", "app.ipa.exe2", "ipa", "app.html", ".htaccess", "app.gz", "a.tar"])
def test_file_types_that_are_unknown(client: AppClient, linux: Ids, name: str) -> None:
    answer = client.upload(linux["id"], b"x", name)
    expected = "this file type is not known; its name must end in e.g. .ipa, .apk, .dmg, .msi or .deb"
    assert refusal(answer) == (400, "BAD_REQUEST", expected)


def test_an_unknown_variant(client: AppClient) -> None:
    for name in ("var_nothing", "app_nothing", "prd_x", "x" * 255, "' OR 1=1"):
        assert refusal(client.upload(name, b"x")) == (404, "NOT_FOUND", "variant not found")
    assert client.files() == []


@pytest.mark.parametrize("kind", ["ipa", "apk"])
@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty zip", "html", "zeros"])
def test_packages_that_are_none(client: AppClient, ipa: Path, apk: Path, kind: str, damage: str) -> None:
    whole = {"ipa": ipa, "apk": apk}[kind].read_bytes()
    bodies = {
        "garbage": b"PK\x03\x04" + bytes(range(256)) * 9,
        "truncated": whole[: len(whole) // 2],
        "zeros": bytes(5000),
    }
    bodies |= {"empty zip": b"PK\x05\x06" + bytes(18), "html": b"<!doctype html><script>alert(1)</script>"}
    variant = client.make_variant(client.make_product()["id"], {"ipa": "ios", "apk": "android"}[kind])
    status, code, message = refusal(client.upload(variant["id"], bodies[damage], f"app.{kind}"))
    assert (status, code) == (422, "BAD_PACKAGE")
    assert message
    assert client.files() == []
    assert client.admin("GET", f"/admin/api/products/{variant['product_id']}")["release_count"] == 0


def test_an_apk_that_says_it_is_an_ipa(client: AppClient, ios: Ids, apk: Path) -> None:
    assert refusal(client.upload(ios["id"], apk, "App.ipa"))[:2] == (422, "BAD_PACKAGE")


@pytest.mark.parametrize("build", ["abc", "1.5", "-1", str(2**63)])
def test_builds_that_are_none(client: AppClient, linux: Ids, build: str) -> None:
    answer = client.upload(linux["id"], b"x", build=build)
    assert refusal(answer) == (400, "BAD_REQUEST", "build must be a whole number")
    assert client.files() == []


@pytest.mark.parametrize("field", ["version", "channel", "min_os"])
def test_fields_that_are_refused(client: AppClient, linux: Ids, field: str) -> None:
    for text in BAD_LINES:
        if "\ud800" <= max(text) <= "\udfff":
            continue  # no UTF-8 form can hold one
        assert refusal(client.upload(linux["id"], b"x", **{field: text}))[2].startswith(f"{field} must ")
    long = client.upload(linux["id"], b"x", changelog="x" * 65_537)
    assert refusal(long) == (400, "BAD_REQUEST", "changelog must be at most 65536 characters long")
    assert client.files() == []


def test_unknown_fields_are_passed_over(client: AppClient, linux: Ids) -> None:
    """Scripts written for other versions go on working."""
    assert client.upload(linux["id"], b"x", notes="x", slug="y").status_code == 201


# where it goes


@ON_DISK
def test_files_lie_where_the_contract_says(client: AppClient, linux: Ids) -> None:
    data = client.upload(linux["id"], b"bytes", "My App.tar.gz", version="1").json()["data"]
    folder = f"uploads/{linux['product_id']}/{linux['id']}/{data['release']['id']}"
    files = [path for path in client.files() if path.count("/") == 4]
    assert sorted(files) == [f"{folder}/My_App.tar.gz", f"{folder}/meta.json"]
    root = client.runtime.config.database_file.parent
    meta = json.loads((root / folder / "meta.json").read_text())
    assert (root / folder / "My_App.tar.gz").read_bytes() == b"bytes"
    row = {
        "id",
        "variant_id",
        "product_id",
        "platform",
        "version",
        "build",
        "channel",
        "min_os",
        "changelog",
        "created_at",
    }
    assert row | {"file_name", "file_ext", "size_bytes", "sha256", "storage_key", "package"} <= set(meta)


NAMES = [
    *(
        "../../x.tar.gz",
        "..\\..\\x.tar.gz",
        "/etc/passwd.tar.gz",
        "a" * 300 + ".tar.gz",
        "应用.tar.gz",
        "a b\u202egz.tar.gz",
    ),
    *(
        "meta.json.tar.gz",
        "....tar.gz",
        ".tar.gz",
        "-rf.tar.gz",
        "CON.tar.gz",
        "a;b|c&d`e$f.tar.gz",
        "%2e%2e%2f.tar.gz",
    ),
]


@ON_DISK
@pytest.mark.parametrize("name", NAMES)
def test_file_names_never_become_paths(client: AppClient, linux: Ids, name: str) -> None:
    data = client.upload(linux["id"], b"bytes", name).json()["data"]
    stored = client.admin("GET", f"/admin/api/releases/{data['release']['id']}")
    assert stored["file_ext"] == "tar.gz"
    assert not set(stored["file_name"]) & set("/\\ ;|&`$%\u202e")
    assert stored["file_name"].encode()[:1] not in (b".", b"-")
    assert len(stored["file_name"].encode()) <= 120
    assert client.get(f"/d/{data['release']['id']}").content == b"bytes"
    folder = f"uploads/{linux['product_id']}/{linux['id']}/{data['release']['id']}/"
    assert len([path for path in client.files() if path.startswith(folder)]) == 2


def test_a_long_name_keeps_its_ending(client: AppClient, linux: Ids) -> None:
    data = client.upload(linux["id"], b"bytes", "a" * 300 + ".tar.gz").json()["data"]
    name = client.admin("GET", f"/admin/api/releases/{data['release']['id']}")["file_name"]
    assert name.endswith("a.tar.gz")


@pytest.mark.parametrize(
    "text", ["/../../x", "..", "a/b", '"x', "\\", "'; DROP TABLE releases; --", "<x>", "%0d%0a", "é" * 100]
)
def test_texts_never_become_paths(client: AppClient, linux: Ids, text: str) -> None:
    data = client.upload(linux["id"], b"bytes", version=text, channel=text, changelog=text).json()["data"]
    assert data["release"]["version"] == text
    download = client.get(f"/d/{data['release']['id']}")
    assert all(text not in value for value in download.headers.values())
    folder = f"uploads/{linux['product_id']}/{linux['id']}/{data['release']['id']}"
    assert all(path.startswith(folder) for path in client.files() if path.count("/") == 4)


def test_twenty_uploads_at_once(client: AppClient, linux: Ids) -> None:
    bodies = [bytes([number]) * (200_000 + number) for number in range(20)]
    requests = [
        (
            "POST",
            "/upload",
            {"headers": UPLOAD, "data": {"variant_id": linux["id"]}, "files": {"app_file": ("a.tar.gz", b)}},
        )
        for b in bodies
    ]
    answers = client.together(*requests)
    assert [answer.status_code for answer in answers] == [201] * 20
    for body, answer in zip(bodies, answers, strict=True):
        release = answer.json()["data"]["release"]
        assert release["sha256"] == hashlib.sha256(body).hexdigest()
        assert client.get(f"/d/{release['id']}").content == body
    assert len(client.get("/api/products/myapp").json()["data"]["variants"][0]["releases"]) == 20
    assert not [path for path in client.files() if path.startswith("staging/")]


# icons


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 30, 30)).save(out, kind)
    return out.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("form", ["{}", "data:image/png;base64,{}", "data:;base64,{}", " {}\n"])
def test_icon_base64(client: AppClient, linux: Ids, kind: str, form: str) -> None:
    answer = client.upload(linux["id"], b"bytes", icon_base64=form.format(encoded(picture(kind))))
    assert answer.json()["data"]["warnings"] == []
    icon = client.get(f"/icon/products/{linux['product_id']}")
    with Image.open(io.BytesIO(icon.content)) as image:
        assert (image.format, image.size) == ("PNG", (32, 32))


BAD_ICONS = {
    "no base64": "!!!",
    "cut base64": encoded(picture("PNG"))[:-3],
    "no picture": encoded(b"no picture at all"),
    "html": encoded(b"<script>alert(1)</script>"),
    "svg": "data:image/svg+xml;base64," + encoded(b"<svg onload='alert(1)'/>"),
    "data without base64": "data:image/svg+xml,<svg/>",
    "over 4 MiB": encoded(b"\x89PNG\r\n\x1a\n" + bytes(4 * 1024 * 1024)),
    "far over 4 MiB": encoded(bytes(9 * 1024 * 1024)),
    "a comma": ",",
    "other letters": "图标",
    "cut short": encoded(images.png(64, 64)[:-20]),
}


@pytest.mark.parametrize("name", BAD_ICONS)
def test_a_bad_icon_is_a_warning(client: AppClient, linux: Ids, name: str) -> None:
    answer = client.upload(linux["id"], b"bytes", icon_base64=BAD_ICONS[name])
    assert answer.status_code == 201
    warning = "icon_base64 was ignored: it must be a PNG, JPEG or WebP of at most 4 MiB in base64"
    assert answer.json()["data"]["warnings"] == [warning]
    assert client.get(f"/icon/products/{linux['product_id']}").status_code == 404


def test_a_raw_picture_in_the_field_is_a_warning_too(client: AppClient, linux: Ids) -> None:
    files = {"app_file": ("a.tar.gz", b"bytes"), "icon_base64": ("icon.png", picture("PNG"))}
    answer = client.post("/upload", headers=UPLOAD, data={"variant_id": linux["id"]}, files=files)
    assert answer.status_code == 201
    assert len(answer.json()["data"]["warnings"]) == 1


def test_no_icon_is_no_warning(client: AppClient, linux: Ids) -> None:
    assert client.upload(linux["id"], b"bytes", icon_base64=" ").json()["data"]["warnings"] == []


# repeating


def test_an_idempotency_key_replays_the_answer(client: AppClient, linux: Ids) -> None:
    headers = {**UPLOAD, "Idempotency-Key": "build-1"}
    first = client.upload(linux["id"], b"bytes", headers=headers)
    second = client.upload(linux["id"], b"bytes", headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len(client.get("/api/products/myapp").json()["data"]["variants"][0]["releases"]) == 1
    third = client.upload(linux["id"], b"bytes", headers={**UPLOAD, "Idempotency-Key": "build-2"})
    assert third.json()["data"]["release"]["id"] != first.json()["data"]["release"]["id"]
    assert not [path for path in client.files() if path.startswith("staging/")]


def test_a_key_that_was_used_for_something_else(client: AppClient, linux: Ids) -> None:
    headers = {**UPLOAD, "Idempotency-Key": "build-1"}
    client.upload(linux["id"], b"bytes", headers=headers)
    other = client.make_variant(linux["product_id"], "linux")
    message = "this idempotency key was used for another upload; send a new one"
    for answer in (
        client.upload(linux["id"], b"other bytes", headers=headers),
        client.upload(other["id"], b"bytes", headers=headers),
        client.upload(linux["id"], b"bytes", headers=headers, version="2"),
    ):
        assert refusal(answer) == (409, "CONFLICT", message)
    assert not [path for path in client.files() if path.startswith("staging/")]


def test_a_key_belongs_to_its_token(client: AppClient, linux: Ids) -> None:
    ids = {
        client.upload(linux["id"], b"x", headers={**token, "Idempotency-Key": "1"}).json()["data"]["release"]["id"]
        for token in (UPLOAD, ADMIN, client.token("upload"))
    }
    assert len(ids) == 3


def test_a_refused_upload_can_be_repeated_with_its_key(client: AppClient, ios: Ids) -> None:
    headers = {**UPLOAD, "Idempotency-Key": "build-1"}
    for _ in range(2):
        assert refusal(client.upload(ios["id"], b"no ipa", "a.ipa", headers=headers))[:2] == (422, "BAD_PACKAGE")


def test_the_same_key_at_once_makes_one_release(client: AppClient, linux: Ids) -> None:
    form = {"data": {"variant_id": linux["id"]}, "files": {"app_file": ("a.tar.gz", b"bytes")}}
    request = ("POST", "/upload", {"headers": {**UPLOAD, "Idempotency-Key": "1"}, **form})
    statuses = {answer.status_code for answer in client.together(*[request] * 8)}
    assert statuses <= {201, 409, 503}
    assert 201 in statuses
    assert len(client.get("/api/products/myapp").json()["data"]["variants"][0]["releases"]) == 1


@pytest.mark.parametrize("key", ["a\tb", "x" * 256])
def test_keys_that_are_refused(client: AppClient, linux: Ids, key: str) -> None:
    answer = client.upload(linux["id"], b"x", headers={**UPLOAD, "Idempotency-Key": key})
    assert refusal(answer)[2].startswith("Idempotency-Key must ")
    assert client.files() == []
