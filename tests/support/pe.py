"""Windows programs made by hand: headers, one section of resources, a version resource, an icon, a signature."""

import hashlib
import struct
from collections.abc import Mapping

from tests.support import authenticode

X86, X64, ARM64 = 0x014C, 0x8664, 0xAA64
_RESOURCES, _ALIGNMENT = 0x1000, 0x200
Resources = Mapping[int | str, Mapping[int | str, bytes]]


def program(
    *,
    machine: int = X64,
    strings: Mapping[str, str] | None = None,
    icon: bytes | None = None,
    resources: Resources | None = None,
    flags: int = 0x22,
    overlay: bytes = b"",
    section: bytes = b".rsrc",
    signer: str = "",
) -> bytes:
    """A program with a version resource of these strings, this picture as its icon (PNG or bitmap), and other resources
    by type and name. `signer` signs it with a fresh key."""
    tree: dict[int | str, Mapping[int | str, bytes]] = dict(resources or {})
    if strings is not None:
        tree[16] = {1: version_resource(strings)}
    if icon is not None:
        tree |= {3: {1: icon}, 14: {1: icon_group(len(icon))}}
    body = _tree(tree, _RESOURCES) if tree else b""
    data = (
        _headers(machine, len(body), flags, section)
        + body.ljust(-(-len(body) // _ALIGNMENT) * _ALIGNMENT, b"\0")
        + overlay
    )
    return sign(data, signer) if signer else data


def version_resource(strings: Mapping[str, str], fixed: tuple[int, int, int, int] = (1, 2, 3, 4)) -> bytes:
    entries = [_block(key, (value + "\0").encode("utf-16-le"), 1, len(value) + 1) for key, value in strings.items()]
    table = _block("040904b0", b"".join(map(_aligned, entries)), 1, 0)
    info = _block("StringFileInfo", table, 1, 0)
    high, low = fixed[0] << 16 | fixed[1], fixed[2] << 16 | fixed[3]
    value = struct.pack("<13I", 0xFEEF04BD, 0x10000, high, low, high, low, 0x3F, 0, 0x40004, 1, 0, 0, 0)
    return _block("VS_VERSION_INFO", value + info, 0, len(value))


def icon_group(size: int, *, side: int = 0, bits: int = 32, number: int = 1) -> bytes:
    return struct.pack("<HHHBBBBHHIH", 0, 1, 1, side, side, 0, 0, 1, bits, size, number)


def icon_file(picture: bytes, side: int = 0) -> bytes:
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, side, side, 0, 0, 1, 32, len(picture), 22) + picture


def bitmap(width: int, height: int, bits: int, rows: bytes, palette: bytes = b"", mask: bytes = b"") -> bytes:
    """A device-independent bitmap as icons hold it; rows from the lowest up, each a multiple of four bytes."""
    return struct.pack("<IiiHHIIiiII", 40, width, 2 * height, 1, bits, 0, 0, 0, 0, 0, 0) + palette + rows + mask


def sign(data: bytes, signer: str) -> bytes:
    data = data.ljust(-(-len(data) // 8) * 8, b"\0")
    header = int.from_bytes(data[60:64], "little") + 24
    wide = data[header : header + 2] == b"\x0b\x02"
    pointer = header + (112 if wide else 96) + 32
    digest = hashlib.sha256(data[: header + 64] + data[header + 68 : pointer] + data[pointer + 8 :]).digest()
    blob = authenticode.signature(digest, signer)
    entry = struct.pack("<IHH", 8 + len(blob), 0x200, 2) + blob
    entry = entry.ljust(-(-len(entry) // 8) * 8, b"\0")
    return data[:pointer] + struct.pack("<II", len(data), len(entry)) + data[pointer + 8 :] + entry


def _headers(machine: int, size: int, flags: int, name: bytes) -> bytes:
    wide = machine != X86
    magic, number = (0x20B, 108) if wide else (0x10B, 92)
    optional = bytearray(number + 4 + 8 * 16)
    struct.pack_into("<H", optional, 0, magic)
    struct.pack_into("<HH", optional, 48, 6, 1)  # subsystem version
    struct.pack_into("<H", optional, 68, 2)
    struct.pack_into("<I", optional, number, 16)
    struct.pack_into("<II", optional, number + 4 + 16, _RESOURCES if size else 0, size)
    stub = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, len(optional), flags)
    section = struct.pack("<8sIIII16x", name, size, _RESOURCES, -(-size // _ALIGNMENT) * _ALIGNMENT, 0x400)
    return (stub + coff + bytes(optional) + section).ljust(0x400, b"\0")


def _tree(tree: Resources, address: int) -> bytes:
    """Type, name and language; everything in English, names as texts where they are."""
    nodes = 16 + 8 * len(tree) + sum(16 + 8 * len(names) + 24 * len(names) for names in tree.values())
    leaves = nodes + 16 * sum(len(names) for names in tree.values())
    texts = leaves + 256 * sum(isinstance(one, str) for names in tree.values() for one in names)
    texts += 256 * sum(isinstance(one, str) for one in tree)
    out = bytearray(texts)
    place, leaf, text, data = 16 + 8 * len(tree), nodes, leaves, bytearray()
    struct.pack_into("<12xHH", out, 0, 0, len(tree))
    for row, (kind, names) in enumerate(tree.items()):
        text = _entry(out, 16 + 8 * row, kind, place | 0x80000000, text)
        struct.pack_into("<12xHH", out, place, 0, len(names))
        below = place + 16 + 8 * len(names)
        for column, (name, content) in enumerate(names.items()):
            text = _entry(out, place + 16 + 8 * column, name, below | 0x80000000, text)
            struct.pack_into("<12xHHII", out, below, 0, 1, 0x409, leaf)
            struct.pack_into("<IIII", out, leaf, address + len(out) + len(data), len(content), 0, 0)
            data += content.ljust(-(-len(content) // 8) * 8, b"\0")
            below, leaf = below + 24, leaf + 16
        place = below
    return bytes(out + data)


def _entry(out: bytearray, place: int, name: int | str, below: int, text: int) -> int:
    if isinstance(name, int):
        struct.pack_into("<II", out, place, name, below)
        return text
    struct.pack_into("<II", out, place, text | 0x80000000, below)
    encoded = struct.pack("<H", len(name)) + name.encode("utf-16-le")
    out[text : text + len(encoded)] = encoded
    return text + 256


def _block(key: str, value: bytes, kind: int, value_size: int) -> bytes:
    head = (key + "\0").encode("utf-16-le")
    head = head.ljust((6 + len(head) + 3 & ~3) - 6, b"\0")
    return struct.pack("<HHH", 6 + len(head) + len(value), value_size, kind) + head + value


def _aligned(block: bytes) -> bytes:
    return block.ljust(len(block) + 3 & ~3, b"\0")
