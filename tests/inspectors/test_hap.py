import json
import struct
from pathlib import Path
from typing import Any

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import hap
from fenfa.inspectors.base import PackageInfo
from tests.support import images
from tests.support.packages import zip_bytes

APP = {
    "bundleName": "com.example.app",
    "versionName": "1.2",
    "versionCode": 12,
    "minAPIVersion": 9,
    "targetAPIVersion": 12,
    "label": "$string:app_name",
    "labelId": 1,
    "icon": "$media:icon",
    "iconId": 2,
}


def read(tmp_path: Path, members: dict[str, bytes]) -> PackageInfo:
    path = tmp_path / "a.hap"
    path.write_bytes(zip_bytes(members))
    return hap.inspect(path)


def module(**app: Any) -> bytes:
    return json.dumps({"app": APP | app, "module": {"name": "entry", "type": "entry"}}).encode()


def index(resources: list[tuple[str, int, int, str, str]]) -> bytes:
    """Language, number, kind, name and value of each; the first form of the index."""
    languages = list(dict.fromkeys(one[0] for one in resources))
    keys, place = b"", 136 + sum(20 if one else 12 for one in languages)
    sets, body = b"", b""
    sizes = [8 + 8 * sum(one[0] == language for one in resources) for language in languages]
    start = place + sum(sizes)
    for language, size in zip(languages, sizes, strict=True):
        code = int.from_bytes(language.encode(), "big")
        keys += struct.pack("<4sII", b"KEYS", place, bool(language)) + (
            struct.pack("<II", 0, code) if language else b""
        )
        place += size
        own = [one for one in resources if one[0] == language]
        sets += struct.pack("<4sI", b"IDSS", len(own))
        for _, number, kind, name, value in own:
            sets += struct.pack("<II", number, start + len(body))
            texts = b"".join(struct.pack("<H", len(one.encode()) + 1) + one.encode() + b"\0" for one in (value, name))
            body += struct.pack("<III", 8 + len(texts), kind, number) + texts
    head = struct.pack("<128sII", b"Restool 5.008", start + len(body), len(languages))
    return head + keys + sets + body


INDEX = index(
    [
        ("", 1, 9, "app_name", "Beispiel 例"),
        ("en", 1, 9, "app_name", "Example"),
        ("", 2, 19, "icon", "e/resources/base/media/i.png"),
    ]
)


def test_tells_the_main_facts(tmp_path: Path) -> None:
    members = {"module.json": module(), "resources.index": INDEX, "resources/base/media/i.png": images.png(72, 72)}
    info = read(tmp_path, members)
    assert (info.format, info.platform, info.identifier) == ("hap", None, "com.example.app")
    assert (info.name, info.version, info.build, info.min_os) == ("Beispiel 例", "1.2", "12", "9")
    assert (info.facts["target"], info.facts["localized_names"]) == ("12", {"en": "Example"})
    assert int.from_bytes((info.icon_png or b"")[16:20], "big") == 72


def test_the_older_form_is_read(tmp_path: Path) -> None:
    config = {
        "app": {
            "bundleName": "com.example.old",
            "version": {"code": 3, "name": "0.3"},
            "apiVersion": {"compatible": 4},
        },
        "module": {"abilities": [{"label": "Old"}], "distro": {"moduleType": "entry"}},
    }
    info = read(tmp_path, {"config.json": json.dumps(config).encode()})
    assert (info.identifier, info.name, info.version, info.build, info.min_os) == (
        "com.example.old",
        "Old",
        "0.3",
        "3",
        "4",
    )


def test_a_label_that_leads_nowhere_is_empty(tmp_path: Path) -> None:
    info = read(tmp_path, {"module.json": module()})
    assert (info.name, info.facts["label_ref"]) == ("", "$string:app_name")


def test_layers_are_drawn_over_each_other(tmp_path: Path) -> None:
    layers = {"layered-image": {"background": "$media:below", "foreground": "$media:above"}}
    members = {
        "module.json": module(icon="$media:both"),
        "resources/base/media/both.json": json.dumps(layers).encode(),
        "resources/base/media/below.png": images.png(72, 72, (255, 0, 0, 255)),
        "resources/base/media/above.png": images.png(36, 36, (0, 0, 255, 128)),
    }
    info = read(tmp_path, members)
    assert int.from_bytes((info.icon_png or b"")[16:20], "big") == 72
    assert info.warnings == []


def test_an_app_is_read_by_its_entry(tmp_path: Path) -> None:
    pack = {"packages": [{"name": "x", "moduleType": "feature"}, {"name": "main", "moduleType": "entry"}]}
    members = {
        "pack.info": json.dumps(pack).encode(),
        "a.hap": zip_bytes({"module.json": module(bundleName="com.example.feature")}),
        "main.hap": zip_bytes({"module.json": module()}),
    }
    info = read(tmp_path, members)
    assert (info.identifier, info.facts["inner_haps"]) == ("com.example.app", ["a.hap", "main.hap"])


def test_a_broken_index_costs_what_it_would_resolve(tmp_path: Path) -> None:
    info = read(tmp_path, {"module.json": module(), "resources.index": INDEX[:150]})
    assert (info.identifier, info.name) == ("com.example.app", "")
    assert "resources.index cannot be read" in info.warnings[0]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "not a HarmonyOS package"),
        ({"module.json": b"[" * 100_000}, "not readable JSON"),
        ({"module.json": b"[]"}, "not an object"),
        ({"module.json": b"{}"}, "no bundle name"),
        ({"module.json": module(bundleName="../x")}, "not allowed"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path: Path, members: dict[str, bytes], reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, members)
