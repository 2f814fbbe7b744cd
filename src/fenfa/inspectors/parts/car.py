"""Assets.car, compiled asset catalogues: which renditions of an app icon there are, and the best that we can draw.

Source: Timac, "Reverse engineering the .car file format" (2018); github.com/blacktop/ipsw, pkg/car (MIT), for what came since.
"""

import struct
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import car_image
from fenfa.inspectors.parts.bom import Store
from fenfa.inspectors.parts.damage import refusing

MAX_BYTES = 64 << 20
_PART, _APPEARANCE, _IDENTIFIER = 2, 7, 17  # attributes of a rendition's key
_ICON, _IMAGE, _FLATTENED = 220, 181, 208  # values of _PART; a tvOS icon is a stack of layers with a flattened picture
_PARTS = (_ICON, _FLATTENED, _IMAGE)
_HANDY, _MAX_SIDE = range(120, 257), 1024
_MAX_RENDITIONS = 20_000
_MAX_TRIES = 6
_MAX_PIXELS = 5 << 18  # of all tries together: one picture of the largest kind and some small ones


class Rendition(NamedTuple):
    """One picture: its key's attributes, and its CSI block."""

    key: dict[int, int]
    data: bytes

    @property
    def header(self) -> car_image.Header:
        return car_image.read_header(self.data)


@refusing("the asset catalogue")
def find_icon(data: bytes, names: list[str], warnings: list[str]) -> bytes | None:
    """A clean PNG of the icon of the first of these names (else of any icon), or None with a warning where one is due."""
    store = Store(data)
    attributes = _key_attributes(store)
    renditions = [_rendition(key, value, attributes) for key, value in store.tree("RENDITIONS")][:_MAX_RENDITIONS]
    pictures = [one for one in renditions if one.data[:4] == b"ISTC"]
    icons = [one for one in pictures if one.key.get(_PART) in _PARTS]
    candidates = _of_names(icons, _identifiers(store), names) or [one for one in icons if one.key[_PART] == _ICON]
    reasons: list[str] = []
    left = _MAX_PIXELS
    for rendition in sorted(candidates, key=_rank)[:_MAX_TRIES]:
        left -= rendition.header.width * rendition.header.height
        if left < 0 and reasons:
            break
        try:
            return _draw(rendition, pictures)
        except BadPackage as error:
            reasons.append(str(error))
    if reasons:
        warnings.append(f"the icon in Assets.car cannot be drawn: {reasons[0]}")
    return None


def _draw(rendition: Rendition, pictures: list[Rendition]) -> bytes:
    """The picture itself, or what it links to in an atlas that holds many."""
    link = car_image.read_link(rendition.data)
    if link is None:
        return car_image.draw(rendition.data)
    atlas = next((one for one in pictures if all(one.key.get(kind) == link.key[kind] for kind in link.key)), None)
    if atlas is None:
        raise BadPackage("the atlas that it lies in is missing")
    return car_image.cut(atlas.data, link)


def _key_attributes(store: Store) -> list[int]:
    """Which attribute each number of a rendition's key stands for."""
    block = store.named("KEYFORMAT")
    if len(block) < 12 or block[:4] != b"tmfk":
        raise BadPackage("the asset catalogue has no key format")
    count = struct.unpack_from("<I", block, 8)[0]
    if count > 64 or 12 + 4 * count > len(block):
        raise BadPackage("the asset catalogue has no key format")
    return list(struct.unpack_from(f"<{count}I", block, 12))


def _rendition(key: bytes, value: bytes, attributes: list[int]) -> Rendition:
    numbers = struct.unpack_from(f"<{len(key) // 2}H", key)
    return Rendition(dict(zip(attributes, numbers, strict=False)), value)


def _identifiers(store: Store) -> dict[str, int]:
    """Names of assets and the identifiers that their renditions' keys hold."""
    found = {}
    for name, value in store.tree("FACETKEYS"):
        count = struct.unpack_from("<H", value, 4)[0] if len(value) >= 6 else 0
        pairs = [struct.unpack_from("<HH", value, 6 + 4 * n) for n in range(min(count, (len(value) - 6) // 4))]
        found[name.decode("utf-8", "replace")] = dict(pairs).get(_IDENTIFIER, -1)
    return found


def _of_names(icons: list[Rendition], identifiers: dict[str, int], names: list[str]) -> list[Rendition]:
    for name in names:
        found = [one for one in icons if one.key.get(_IDENTIFIER) == identifiers.get(name, -1)]
        if found:
            return found
    return []


def _rank(rendition: Rendition) -> tuple[int, int, int]:
    """Pictures of a page's size come first, then larger ones (they cost time), then smaller ones; light before dark."""
    header = rendition.header
    side = max(header.width, header.height)
    if side in _HANDY:
        order = (1, -side)
    elif side == 0:  # a file of its own, of unknown size
        order = (0, 0)
    elif side <= _MAX_SIDE:
        order = (2, side) if side > _HANDY.stop else (3, -side)
    else:
        order = (4, side)
    return (rendition.key.get(_APPEARANCE, 0), *order)
