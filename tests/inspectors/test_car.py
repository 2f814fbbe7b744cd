"""Icons from compiled asset catalogues, in every packing that is drawn."""

import io
import struct

import pytest
from PIL import Image

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import car
from tests.support import catalogues, images
from tests.support.catalogues import FLATTENED, IMAGE, Picture

BGRA = bytes((30, 20, 10, 255))
SIDE = 128


def draw(*pictures: Picture, names: list[str] | None = None) -> tuple[Image.Image | None, list[str]]:
    warnings: list[str] = []
    icon = car.find_icon(catalogues.car(list(pictures)), ["AppIcon"] if names is None else names, warnings)
    return (Image.open(io.BytesIO(icon)).convert("RGBA") if icon else None), warnings


def colour(picture: Picture) -> object:
    icon, warnings = draw(picture)
    assert icon is not None, warnings
    assert icon.size == (picture.width, picture.height)
    return icon.getpixel((picture.width - 1, picture.height - 1))


def square(payload: bytes, pixel_format: bytes = b"ARGB", side: int = SIDE) -> Picture:
    return Picture(side, side, payload, pixel_format)


def planes(alpha: bytes, rows: list[tuple[int, list[int]]]) -> bytes:
    """Deepmap2's planes: alpha, predictors, high and low bytes of the differences."""
    coded = [(abs(one) << 1) | (one < 0) for _, row in rows for one in row]
    high, low = bytes(one >> 8 for one in coded), bytes(one & 255 for one in coded)
    return catalogues.lzfse_raw(alpha + bytes(kind for kind, _ in rows) + high + low)


@pytest.mark.parametrize(
    "payload",
    [
        catalogues.pixels(0, BGRA * SIDE * SIDE),
        catalogues.pixels(2, catalogues.zipped(BGRA * SIDE * SIDE)),
        catalogues.pixels(4, catalogues.lzfse_raw(BGRA * SIDE * SIDE)),
        catalogues.pieces(
            4, [(100, catalogues.lzfse_raw(BGRA * SIDE * 100)), (28, catalogues.lzfse_raw(BGRA * SIDE * 28))]
        ),
        catalogues.pixels(8, catalogues.palette([bytes(4), bytes((255, 10, 20, 30))], [0xFFFF] * 8 * SIDE)),
        catalogues.pixels(11, catalogues.deepmap2(SIDE, SIDE, 1, BGRA * SIDE * SIDE)),
        catalogues.pixels(11, catalogues.deepmap2(SIDE, SIDE, 3, catalogues.lzfse_raw(BGRA * SIDE * SIDE))),
        catalogues.pixels(
            11,
            catalogues.deepmap2(
                SIDE, SIDE, 4, struct.pack("<HH", 1, 4) + BGRA + catalogues.lzfse_raw(bytes(SIDE * SIDE))
            ),
        ),
        catalogues.pixels(
            11,
            catalogues.deepmap2(
                SIDE,
                SIDE,
                4,
                struct.pack("<HH", 1, 3) + BGRA + catalogues.lzfse_raw(b"\xff" * SIDE**2 + bytes(SIDE**2)),
            ),
        ),
    ],
)
def test_draws_colour_pictures(payload: bytes) -> None:
    assert colour(square(payload)) == (10, 20, 30, 255)


def test_draws_grey_pictures_and_divides_alpha_out() -> None:
    grey = catalogues.pixels(0, bytes((50, 128)) * SIDE * SIDE)
    assert colour(square(grey, b"GA8 ")) == pytest.approx((99, 99, 99, 128), abs=1)
    assert colour(square(catalogues.pixels(0, bytes((30, 20, 10, 0)) * SIDE * SIDE, flags=2))) == (10, 20, 30, 255)


@pytest.mark.parametrize("predictor", [0, 1, 2, 3, 4])
def test_predicts_deepmap2_rows(predictor: int) -> None:
    """A flat grey picture: the first pixel holds the value, the rest follow from their neighbours."""
    first = [60] + [0] * (SIDE - 1) if predictor else [60] * SIDE
    later = [0] * SIDE if predictor in (1, 3, 4) else first
    kind = predictor if predictor in (0, 2) else 2
    rows = [(kind, first)] + [(predictor, later)] * (SIDE - 1)
    body = planes(b"\xff" * SIDE * SIDE, rows)
    assert colour(square(catalogues.pixels(11, catalogues.deepmap2(SIDE, SIDE, 2, body, 2)), b"GA8 ")) == (
        60,
        60,
        60,
        255,
    )


def test_turns_differences_into_colours() -> None:
    """A picture of one pixel: luma 100, and the two differences."""
    payload = catalogues.pixels(11, catalogues.deepmap2(1, 1, 2, planes(b"\xff", [(0, [100, 20, -8])])))
    assert colour(Picture(1, 1, payload)) == (94, 96, 114, 255)


@pytest.mark.parametrize("kind", [b"JPEG", b"DATA"])
def test_takes_files_kept_whole(kind: bytes) -> None:
    icon, _ = draw(Picture(0, 0, catalogues.whole_file(images.png(90, 90)), kind))
    assert icon is not None
    assert icon.size == (90, 90)


def test_cuts_pictures_out_of_atlases() -> None:
    """The atlas is red above and blue below; boxes count from below."""
    rows = bytes((0, 0, 255, 255)) * 4 * 2 + bytes((255, 0, 0, 255)) * 4 * 2
    atlas = Picture(4, 4, catalogues.pixels(0, rows), identifier=0, part=9)

    def linked(box: tuple[int, int, int, int], part: int = 9) -> Picture:
        return Picture(box[2], box[3], b"", attributes=catalogues.link(box, part))

    icon, _ = draw(atlas, linked((1, 0, 2, 2)))
    assert icon is not None
    assert (icon.size, icon.getpixel((0, 0))) == ((2, 2), (0, 0, 255, 255))
    assert "missing" in draw(atlas, linked((0, 0, 2, 2), part=8))[1][0]
    assert "wrong" in draw(atlas, linked((3, 3, 2, 2)))[1][0]


def test_prefers_the_handiest_size_and_the_light_appearance() -> None:
    def flat(side: int, value: int, appearance: int = 0) -> Picture:
        return Picture(side, side, catalogues.pixels(0, bytes((value,)) * 4 * side * side), appearance=appearance)

    icon, _ = draw(flat(60, 1), flat(1024, 255), flat(180, 255), flat(120, 255), flat(180, 3, appearance=1))
    assert icon is not None
    assert icon.size == (180, 180)
    assert icon.getpixel((0, 0)) == (255, 255, 255, 255)


def test_takes_any_icon_where_the_name_is_unknown_but_no_other_picture() -> None:
    payload = catalogues.pixels(0, BGRA * SIDE * SIDE)
    assert draw(square(payload), names=["Gone"])[0] is not None
    assert draw(Picture(SIDE, SIDE, payload, part=IMAGE), names=["Gone"])[0] is None
    assert draw(Picture(SIDE, SIDE, payload, part=FLATTENED))[0] is not None


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (square(catalogues.pixels(9, b"")), "HEVC"),
        (square(catalogues.pixels(1, b"")), "RLE"),
        (square(catalogues.pixels(7, b"")), "ASTC"),
        (square(catalogues.pixels(77, b"")), "not supported"),
        (square(b"", b"PDF "), "'PDF'"),
        (square(b"", b"RGBW"), "'RGBW'"),
        (square(b""), "no pixels of its own"),
        (square(catalogues.pixels(0, BGRA)), "fewer pixels"),
        (square(catalogues.pixels(4, b"bvx2garbage")), "damaged"),
        (square(catalogues.pixels(0, BGRA), side=5000), "too many"),
        (square(catalogues.pixels(11, catalogues.deepmap2(1, 1, 1, BGRA))), "not supported"),
    ],
)
def test_says_what_cannot_be_drawn(picture: Picture, reason: str) -> None:
    icon, warnings = draw(picture)
    assert icon is None
    assert reason in warnings[0]


@pytest.mark.parametrize("data", [b"", b"BOMStore", b"BOMStore" + bytes(40), b"BOMStore" + b"\xff" * 40])
def test_what_is_no_catalogue_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackage):
        car.find_icon(data, ["AppIcon"], [])


def test_a_tree_that_runs_in_a_circle_ends() -> None:
    data = bytearray(catalogues.car([square(catalogues.pixels(0, b""))]))
    for number in (4, 8):  # the numbers of the two trees' leaves
        struct.pack_into(">I", data, data.find(struct.pack(">HHII", 1, 1, 0, 0)) + 4, number)
    assert car.find_icon(bytes(data), ["AppIcon"], []) is None


def test_blocks_that_overlap_are_refused() -> None:
    """A thousand names for one large block would be copied a thousand times."""
    big = b"x" * 100_000
    key_format = struct.pack("<4sIII", b"tmfk", 0, 1, 17)
    data = catalogues.bom({"KEYFORMAT": key_format}, {"RENDITIONS": [(b"k", big), *[(b"k", b"v")] * 20]})
    place = data.find(struct.pack(">II", data.find(big), len(big)))
    for number in range(40):
        data = data[: place + 8 * number] + data[place : place + 8] + data[place + 8 * number + 8 :]
    with pytest.raises(BadPackage, match="overlap"):
        car.find_icon(data, [], [])
