from pathlib import Path

import pytest

from fenfa.inspectors import targz
from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform
from tests.support import images, linux

METAINFO = b"""<?xml version="1.0"?><component type="desktop-application"><id>org.example.App.desktop</id>
<name xml:lang="de">Beispiel</name><name>Example</name><summary>shows things</summary>
<releases><release version="3.1"/><release version="3.0"/></releases></component>"""


def read(tmp_path: Path, data: bytes) -> PackageInfo:
    path = tmp_path / "example-9.9-arm64.tar.gz"
    path.write_bytes(data)
    return targz.inspect(path)


def packed(files: dict[str, bytes | str]) -> bytes:
    return linux.PACKERS[".gz"](linux.tar(files, mode=0o755))


def test_tells_what_lies_inside(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "app/bin/example": linux.elf(183),
        "app/share/metainfo/org.example.App.metainfo.xml": METAINFO,
        "app/example.desktop": linux.DESKTOP.encode(),
        "app/example.png": images.png(64, 64),
    }
    info = read(tmp_path, packed(files))
    assert (info.format, info.platform, info.identifier) == ("tar.gz", Platform.LINUX, "org.example.App")
    assert (info.name, info.version, info.arch) == ("Example", "3.1", ["aarch64"])
    assert info.facts["summary"] == "shows things"
    assert info.icon_png is not None


@pytest.mark.parametrize("files", [{"readme.txt": b"hello"}, {}, {"a.metainfo.xml": b"<!DOCTYPE x><x/>"}])
def test_the_name_of_the_file_is_no_truth(tmp_path: Path, files: dict[str, bytes | str]) -> None:
    info = read(tmp_path, packed(files))
    assert (info.identifier, info.name, info.version, info.arch) == ("", "", "", [])


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (b"plain bytes", "not packed with gzip"),
        (linux.PACKERS[".gz"](b"x" * 2000), "not a tar"),
        (packed({"a": bytes(9999)})[:-20], "cannot be read to its end"),
    ],
)
def test_what_cannot_be_read_is_a_plain_file(tmp_path: Path, data: bytes, warning: str) -> None:
    info = read(tmp_path, data)
    assert (info.platform, info.identifier) == (Platform.LINUX, "")
    assert warning in info.warnings[0]
