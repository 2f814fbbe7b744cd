"""What crosses from the child: cleaned on the way in, mistrusted on the way out."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import wire
from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform
from tests.support import images

GOOD: dict[str, Any] = {
    "format": "ipa",
    "platform": "ios",
    **dict.fromkeys(("identifier", "name", "version", "build", "min_os"), "x"),
    "arch": [],
    "icon_png": None,
    "provisioning_profile": None,
    "signing": None,
    "facts": {},
    "warnings": [],
}


def unpack(**changes: Any) -> PackageInfo:
    return wire.unpack(json.dumps({"info": GOOD | changes}).encode())


def test_a_round_trip_keeps_everything() -> None:
    info = PackageInfo("apk", Platform.ANDROID, "a.b", "名前 🚀", "1", "2", "21", ["arm64-v8a"], images.png(8, 8))
    assert wire.unpack(wire.pack(info)) == info


def test_texts_are_cleaned() -> None:
    info = PackageInfo("ipa", None, name=" a\r\nSet-Cookie: b\0\ud800 ", version="1\u202e.0")
    info = wire.unpack(wire.pack(info))
    assert info.name == "a  Set-Cookie: b ?"
    assert info.version == "1.0"


def test_values_become_json() -> None:
    facts = {"date": datetime(2024, 1, 2, tzinfo=UTC), "bytes": b"\1\2", "tuple": (1, None, True), "nan": float("nan")}
    found = wire.unpack(wire.pack(PackageInfo("ipa", None, facts=facts))).facts
    assert found == {"date": "2024-01-02 00:00:00+00:00", "bytes": "0102", "tuple": [1, None, True], "nan": None}


def test_an_error_is_raised_again() -> None:
    with pytest.raises(BadPackage, match="no good"):
        wire.unpack(wire.pack_error("no good"))


def test_a_broken_reader_is_our_failure() -> None:
    with pytest.raises(ImportError):
        wire.unpack(wire.pack_fault("no module named PIL"))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "x" * 1025},
        {"name": 7},
        {"name": "a\nb"},
        {"name": "a\u202eb"},
        {"facts": {"a": "\ud800"}},
        {"facts": {"a\0": 1}},
        {"facts": {"a": list(range(60_000))}},
        {"facts": []},
        {"signing": "x"},
        {"arch": [1]},
        {"warnings": "x"},
        {"icon_png": base64.b64encode(b"<svg/>" * 10).decode()},
        {"icon_png": base64.b64encode(images.png(1025, 1)).decode()},
        {"icon_png": base64.b64encode(images.png(9, 9)[:-4]).decode()},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_an_answer_that_no_reader_gives_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadPackage):
        unpack(**changes)


def test_nesting_is_bounded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"a": deep}
    with pytest.raises(BadPackage, match="too many parts"):
        unpack(facts=deep)
