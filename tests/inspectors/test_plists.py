from typing import Any

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import plists
from tests.support import apple


@pytest.mark.parametrize("binary", [True, False])
def test_reads_both_forms(binary: bool) -> None:
    values = {"a": [1, 2.5, True, b"x"], "b": {"c": "d"}, "long": "x" * 300}
    assert plists.load(apple.plist(values, binary), "it") == values


def test_texts_and_tables_fall_back() -> None:
    values: dict[str, Any] = {"empty": " ", "number": 42, "real": 9.5, "flag": True, "text": " a ", "list": "x"}
    assert plists.text(values, "none", "empty", "flag", "number") == "42"
    assert plists.text(values, "real") == "9.5"
    assert plists.text(values, "text") == "a"
    assert plists.table(values, "text") == {}
    assert plists.sequence(values, "list") == ["x"]
    assert plists.sequence(values, "none") == []


@pytest.mark.parametrize(
    "data",
    [b"", b"bplist00", b"<plist", b'<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "b">]><plist><dict/></plist>'],
)
def test_what_is_no_property_list_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackage):
        plists.load(data, "it")


def test_a_root_that_is_no_dictionary_is_refused() -> None:
    with pytest.raises(BadPackage, match="not a dictionary"):
        plists.load(apple.plist([1]), "it")


def test_depth_and_count_are_bounded() -> None:
    deep: Any = 1
    for _ in range(70):
        deep = [deep]
    with pytest.raises(BadPackage, match="nested"):
        plists.load(apple.plist({"a": deep}), "it")
    with pytest.raises(BadPackage, match="too many"):
        plists.load(apple.plist({"a": [1] * plists.MAX_NODES}, binary=False), "it")


def test_values_that_overlap_are_refused() -> None:
    """A megabyte that a thousand objects share would be read a thousand times."""
    shared = b"\x5f\x11\x01\x00" + b"x" * 256
    table = bytes([8]) * 50
    trailer = bytes(6) + bytes([1, 1]) + (50).to_bytes(8, "big") + bytes(8) + (8 + len(shared)).to_bytes(8, "big")
    with pytest.raises(BadPackage, match="overlap"):
        plists.load(b"bplist00" + shared + table + trailer, "it")
