import io
import struct

import pytest
from PIL import Image

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import png
from tests.support import images


def picture(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=("PNG",))
    image.load()
    return image


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def test_a_plain_png_keeps_its_pixels_and_loses_the_rest() -> None:
    sent = images.png(60, 40, (1, 2, 3, 4), extra=images.chunk(b"tEXt", b"Comment\0secret"))
    icon = png.icon(sent + b"PK\3\4 and more")
    assert b"secret" not in icon
    assert icon.endswith(b"IEND\xaeB`\x82")
    assert picture(icon).getpixel((59, 39)) == (1, 2, 3, 4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_stays_readable(mode: str) -> None:
    image = Image.new(mode, (20, 10))
    assert picture(png.icon(encoded(image, "PNG"))).size == (20, 10)


def test_a_crushed_png_gets_its_channels_and_alpha_back() -> None:
    icon = picture(png.icon(images.crushed_png(30, 30, (200, 100, 50, 255))))
    assert icon.getpixel((15, 15)) == (200, 100, 50, 255)
    half = picture(png.icon(images.crushed_png(30, 30, (200, 100, 50, 128)))).getpixel((15, 15))
    assert half == pytest.approx((200, 100, 50, 128), abs=2)


@pytest.mark.parametrize("kind", ["WEBP", "JPEG", "GIF"])
def test_other_rasters_become_png(kind: str) -> None:
    assert picture(png.icon(encoded(Image.new("RGB", (50, 50), "red"), kind))).size == (50, 50)


def test_a_large_picture_is_made_smaller() -> None:
    assert picture(png.icon(images.png(2048, 1024))).size == (1024, 512)
    assert picture(png.icon(images.crushed_png(1300, 1300))).size == (1024, 1024)


def test_noise_is_made_small_enough_to_pass_on() -> None:
    icon = png.icon(encoded(Image.effect_noise((1024, 1024), 100).convert("RGB"), "PNG"))
    assert len(icon) <= png.MAX_PNG


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg/>",
        images.png(8, 8)[:40],
        images.png(8, 8)[:-30],
        images.png(8, 8).replace(struct.pack(">II", 8, 8), struct.pack(">II", 8, 9)),
        images.png(8, 8).replace(struct.pack(">II", 8, 8), struct.pack(">II", 30_000, 30_000)),
        images.png(8, 8).replace(struct.pack(">II", 8, 8), struct.pack(">II", 0, 8)),
        images.crushed_png(8, 8)[:60],
    ],
)
def test_a_broken_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackage):
        png.icon(data)
