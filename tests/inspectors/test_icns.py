import io
import struct

import pytest
from PIL import Image

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import icns
from tests.support import catalogues, images


def picture(pictures: dict[bytes, bytes]) -> Image.Image:
    return Image.open(io.BytesIO(icns.icon(catalogues.icns(pictures))))


def run(value: int, count: int) -> bytes:
    """A run of equal bytes, 130 at most each."""
    return b"".join(bytes((125 + min(130, count - at), value)) for at in range(0, count, 130))


def test_the_largest_picture_wins() -> None:
    found = {b"ic11": images.png(32, 32), b"ic07": images.png(128, 128), b"TOC ": b"", b"info": b"x"}
    assert picture(found).size == (128, 128)


def test_a_broken_picture_gives_way_to_the_next() -> None:
    assert picture({b"ic11": images.png(32, 32), b"ic07": images.png(128, 128)[:50]}).size == (32, 32)


def test_reads_jpeg_2000() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (256, 256), "red").save(buffer, "JPEG2000")
    icon = picture({b"ic08": buffer.getvalue()})
    assert icon.size == (256, 256)
    assert icon.getpixel((0, 0)) == pytest.approx((254, 0, 0), abs=2)


def test_reads_packed_colours_with_their_mask() -> None:
    count = 128 * 128
    data = bytes(4) + run(10, count) + run(20, count) + run(30, count)
    icon = picture({b"it32": data, b"t8mk": b"\x80" * count})
    assert (icon.size, icon.getpixel((127, 127))) == ((128, 128), (10, 20, 30, 128))


def test_reads_colours_that_are_not_packed() -> None:
    assert picture({b"is32": bytes((0, 1, 2, 3)) * 256}).getpixel((15, 15)) == (1, 2, 3)


def test_reads_argb() -> None:
    data = b"ARGB" + run(128, 256) + run(1, 256) + b"\x7f" + b"\2" * 128 + b"\x7f" + b"\2" * 128 + run(3, 256)
    assert picture({b"ic04": data}).getpixel((0, 0)) == (1, 2, 3, 128)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"icns",
        catalogues.icns({}),
        catalogues.icns({b"ICN#": bytes(256)}),
        catalogues.icns({b"is32": b"\xff\1"}),
        catalogues.icns({b"ic07": b"<svg/>"}),
        b"icns" + struct.pack(">I4sI", 16, b"ic07", 0),
    ],
)
def test_what_holds_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackage):
        icns.icon(data)
