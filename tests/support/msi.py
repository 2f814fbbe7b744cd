"""MSI databases made by hand: a compound file with the string pool, the tables and the summary information."""

import struct
from collections.abc import Mapping

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_END, _FAT, _FREE = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_SECTOR = 512
CODE, UPGRADE = "{C51B773A-B3BE-4F29-A8A9-549AAF7FF6EC}", "{047730A5-30FE-4A62-A520-DA9381B8226A}"


def database(
    properties: Mapping[str, str] | None = None,
    *,
    template: str = "x64;1033",
    icon: bytes | None = None,
    code_page: int = 65001,
    wide: bool = False,
) -> bytes:
    """An installer with these properties besides the usual ones (an empty one is left out), and an icon."""
    wanted = {
        "ProductName": "Example",
        "ProductVersion": "1.0.0",
        "Manufacturer": "Example Corporation",
        "ProductCode": CODE,
        "UpgradeCode": UPGRADE,
    } | ({"ARPPRODUCTICON": "app.ico"} if icon else {})
    rows = {key: value for key, value in (wanted | dict(properties or {})).items() if value}
    pool = _Pool(code_page, wide)
    columns = [("Property", 1, "Property", 0x2D48), ("Property", 2, "Value", 0x1F00)]
    streams: dict[str, bytes] = {}
    if icon is not None:
        columns += [("Icon", 1, "Name", 0x2D48), ("Icon", 2, "Data", 0x1900)]
        streams |= {_encode("Icon.app.ico"): icon, _encode("!Icon"): pool.ref("app.ico") + b"\1\0"}
    streams[_encode("!Property")] = _table([pool.ref(one) for one in rows], [pool.ref(one) for one in rows.values()])
    streams[_encode("!_Columns")] = _table(
        [pool.ref(one[0]) for one in columns],
        [struct.pack("<H", one[1] ^ 0x8000) for one in columns],
        [pool.ref(one[2]) for one in columns],
        [struct.pack("<H", one[3] ^ 0x8000) for one in columns],
    )
    streams |= {_encode("!_StringPool"): pool.head, _encode("!_StringData"): bytes(pool.data)}
    streams["\x05SummaryInformation"] = summary({1: 65001, 3: "Subject", 7: template, 18: "tests"})
    return compound_file(streams)


class _Pool:
    def __init__(self, code_page: int, wide: bool) -> None:
        self.head = struct.pack("<I", code_page | (0x80000000 if wide else 0))
        self.data = bytearray()
        self._encoding = {65001: "utf-8", 936: "gbk"}.get(code_page, "cp1252")
        self._numbers: dict[str, int] = {}
        self._width = 3 if wide else 2

    def ref(self, text: str) -> bytes:
        if text not in self._numbers:
            raw = text.encode(self._encoding)
            self._numbers[text] = len(self._numbers) + 1
            self.data += raw
            self.head += struct.pack("<HH", len(raw), 1) if len(raw) < 65536 else struct.pack("<HHI", 0, 1, len(raw))
        return self._numbers[text].to_bytes(self._width, "little")


def _table(*columns: list[bytes]) -> bytes:
    return b"".join(b"".join(column) for column in columns)


def summary(values: Mapping[int, int | str]) -> bytes:
    """A property set of texts and short numbers."""
    table, data, start = b"", b"", 8 + 8 * len(values)
    for number, value in values.items():
        table += struct.pack("<II", number, start + len(data))
        if isinstance(value, int):
            data += struct.pack("<IHH", 2, value, 0)
        else:
            raw = value.encode() + b"\0"
            data += struct.pack("<II", 30, len(raw)) + raw.ljust(len(raw) + 3 & ~3, b"\0")
    head = struct.pack("<HHI16sI16sI", 0xFFFE, 0, 0, bytes(16), 1, bytes(16), 48)
    return head + struct.pack("<II", start + len(data), len(values)) + table + data


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """A version 3 compound file; streams below 4,096 bytes go to the mini stream as they must."""
    mini, mini_fat, sectors, fat = bytearray(), list[int](), list[bytes](), list[int]()

    def store(data: bytes) -> int:
        count = -(-len(data) // _SECTOR)
        first = len(sectors)
        sectors.extend(data[place : place + _SECTOR].ljust(_SECTOR, b"\0") for place in range(0, len(data), _SECTOR))
        fat.extend([*range(first + 1, first + count), _END] if count else [])
        return first if count else _END

    entries = []
    for name, data in streams.items():
        if len(data) >= 4096:
            entries.append((name, store(data), len(data)))
            continue
        first, count = len(mini_fat), -(-len(data) // 64)
        mini_fat += [*range(first + 1, first + count), _END] if count else []
        mini += data.ljust(count * 64, b"\0")
        entries.append((name, first if count else _END, len(data)))
    directory = _entry("Root Entry", 5, store(bytes(mini)), len(mini), child=1)
    for number, (name, start, size) in enumerate(entries, 1):
        directory += _entry(name, 2, start, size, right=number + 1 if number < len(entries) else _FREE)
    mini_start = store(struct.pack(f"<{len(mini_fat)}I", *mini_fat).ljust(_SECTOR, b"\xff")) if mini_fat else _END
    directory_start = store(directory)
    fat_count = -(-(len(fat) + 1) // (_SECTOR // 4 - 1))
    places = range(len(sectors), len(sectors) + fat_count)
    fat += [_FAT] * fat_count
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(fat_count * _SECTOR, b"\xff")
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<10I", 0, fat_count, directory_start, 0, 4096, mini_start, 1, _END, 0, places[0])
    header += struct.pack(f"<{fat_count - 1}I", *places[1:])
    return header.ljust(_SECTOR, b"\xff") + b"".join(sectors) + table


def _entry(name: str, kind: int, start: int, size: int, child: int = _FREE, right: int = _FREE) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    head = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, _FREE, right, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)


def _encode(name: str) -> str:
    """Two letters in one, as MSI packs them."""
    mark, rest, packed = ("\u4840", name[1:], "") if name.startswith("!") else ("", name, "")
    while rest:
        first = _LETTERS.index(rest[0])
        if len(rest) > 1:
            packed += chr(0x3800 + first + (_LETTERS.index(rest[1]) << 6))
        else:
            packed += chr(0x4800 + first)
        rest = rest[2:]
    return mark + packed
