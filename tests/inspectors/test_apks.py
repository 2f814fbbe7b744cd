import json
import zipfile
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import apks
from fenfa.inspectors.base import PackageInfo
from tests.support import axml
from tests.support.axml import Node, Value
from tests.support.packages import make_apk, zip_bytes


def split(name: str, package: str = "com.example.app", files: dict[str, bytes] | None = None) -> bytes:
    attributes: dict[str, Value] = {"package": package, "split": name, "versionCode": 1}
    return zip_bytes({"AndroidManifest.xml": axml.document(Node("manifest", attributes))} | (files or {}))


def read(tmp_path: Path, members: dict[str, bytes], *, stored: bool = False) -> PackageInfo:
    path = tmp_path / "a.apks"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return apks.inspect(path)


@pytest.fixture
def base(tmp_path: Path) -> bytes:
    return make_apk(tmp_path / "base.apk", name="Base", version="2.0", build="1").read_bytes()


@pytest.mark.parametrize("stored", [True, False])
def test_the_base_tells_and_the_splits_add(tmp_path: Path, base: bytes, stored: bool) -> None:
    native = split("config.arm64_v8a", files={"lib/arm64-v8a/l.so": b""})
    members = {"split_config.de.apk": split("config.de"), "split_config.arm64_v8a.apk": native, "base.apk": base}
    info = read(tmp_path, members, stored=stored)
    assert (info.format, info.identifier, info.name, info.version) == ("apks", "com.example.app", "Base", "2.0")
    assert (info.arch, info.facts["base"], info.facts["container"]) == (["arm64-v8a"], "base.apk", "apks")
    assert info.facts["inner_apks"]["split_config.de.apk"] == {
        "split": "config.de",
        "package": "com.example.app",
        "versionCode": "1",
    }
    assert info.icon_png is not None
    assert info.warnings == []


def test_a_list_names_the_base_but_says_nothing_else(tmp_path: Path, base: bytes) -> None:
    listed = {"package_name": "x.y", "version_name": "9", "split_apks": [{"id": "base", "file": "main.apk"}]}
    members = {"manifest.json": json.dumps(listed).encode(), "a.apk": split("a"), "main.apk": base}
    info = read(tmp_path, members)
    assert (info.facts["base"], info.facts["container"], info.version) == ("main.apk", "xapk", "2.0")


def test_apkmirror_and_bundletool_name_it_otherwise(tmp_path: Path, base: bytes) -> None:
    assert read(tmp_path, {"info.json": b"{}", "base.apk": base}).facts["container"] == "apkm"
    members = {"toc.pb": b"", "splits/base-master.apk": base, "splits/base-de.apk": split("config.de")}
    assert read(tmp_path, members).facts["base"] == "splits/base-master.apk"


def test_any_name_will_do_for_a_base(tmp_path: Path, base: bytes) -> None:
    assert read(tmp_path, {"a.apk": split("a"), "z.apk": base}).facts["base"] == "z.apk"


def test_a_stranger_among_the_splits_is_named(tmp_path: Path, base: bytes) -> None:
    info = read(tmp_path, {"base.apk": base, "other.apk": split("a", "x.y")})
    assert info.warnings == ["other.apk belongs to another app"]


@pytest.mark.parametrize(
    "listed",
    [b"", b"[]", b"{", b'{"split_apks": 5}', b'{"split_apks": [1, {"id": "base", "file": ["x"]}]}', b"[" * 100_000],
)
def test_a_list_that_makes_no_sense_is_passed_over(tmp_path: Path, base: bytes, listed: bytes) -> None:
    assert read(tmp_path, {"manifest.json": listed, "base.apk": base}).name == "Base"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "no APK"),
        ({"x.txt": b""}, "no APK"),
        ({"a.apk": split("a")}, "none of the APKs"),
        ({"base.apk": b"x"}, "not a zip"),
    ],
)
def test_what_is_no_set_is_refused(tmp_path: Path, members: dict[str, bytes], reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, members)
