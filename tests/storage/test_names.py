"""What is left of a client's file name, and how much room an upload must leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenfa.errors import StorageFull
from fenfa.storage.base import META, ensure_room, safe_file_name
from fenfa.vocabulary import CONTENT_TYPES, file_type

HOSTILE = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("./\\-_ \0\n\u202e%:~é"))) | st.text(min_size=100)


@given(HOSTILE)
def test_name_is_never_a_path(name: str) -> None:
    safe = safe_file_name(name)
    assert safe
    assert not set(safe) & set("/\\\0\n\r\t :\"'%")
    assert safe not in (".", "..", META)
    assert not safe.startswith((".", "-"))
    assert len(safe.encode()) <= 120
    assert all(char.isalnum() or char in "-_." for char in safe)


@given(HOSTILE)
def test_safe_name_is_its_own_safe_name(name: str) -> None:
    assert safe_file_name(safe_file_name(name)) == safe_file_name(name)


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1), st.sampled_from(sorted(CONTENT_TYPES)))
def test_ending_is_kept(stem: str, ending: str) -> None:
    safe = safe_file_name(f"{stem}.{ending}")
    assert safe.endswith("." + ending)
    assert file_type(safe) == file_type(f"{stem}.{ending}")
    assert len(safe) > len(ending) + 1


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("app.apk", "app.apk"),
        ("My App 1.0 (7).ipa", "My_App_1.0__7_.ipa"),
        ("Über-größe_日本.dmg", "Über-größe_日本.dmg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\app.exe", "app.exe"),
        ("/../../x", "x"),
        ("..", "file"),
        ("", "file"),
        ("...", "file"),
        (".htaccess", "htaccess"),
        ("-rf.zip", "rf.zip"),
        ("META.json", "_META.json"),
        ("meta.json", "_meta.json"),
        ("a\0b.zip", "a_b.zip"),
        ("a\u202egpj.exe", "a_gpj.exe"),
        ("e\u0301.zip", "é.zip"),
        ("x" * 200 + ".tar.gz", "x" * 113 + ".tar.gz"),
        ("日" * 100 + ".apk", "日" * 38 + ".apk"),
        ("\udcff.zip", "_.zip"),
    ],
)
def test_examples(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


GIB = 1024**3


@pytest.mark.parametrize(
    ("free", "total", "wanted", "floor", "fits"),
    [
        (100, 1000, 50, 50, True),
        (100, 1000, 51, 50, False),
        (100, 1000, 100, 0, True),
        (100, 1000, 101, 0, False),
        (100, 1000, 50, -1, True),
        (100, 1000, 51, -1, False),
        (3 * GIB, 1000 * GIB, GIB, -1, True),
        (3 * GIB, 1000 * GIB, GIB + 1, -1, False),
    ],
)
def test_floor(free: int, total: int, wanted: int, floor: int, fits: bool) -> None:
    if fits:
        ensure_room(free, total, wanted, floor)
    else:
        with pytest.raises(StorageFull, match="not enough space"):
            ensure_room(free, total, wanted, floor)
