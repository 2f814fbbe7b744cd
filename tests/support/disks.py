"""Apple's containers: disk images with an HFS+ volume, and installers (xar archives)."""

import plistlib
import struct
import zlib
from collections.abc import Callable, Mapping

BLOCK = 4096
_NODE = 8192
RAW, ZLIB, BZIP2, LZFSE, LZMA = 1, 0x80000005, 0x80000006, 0x80000007, 0x80000008


def dmg(disk: bytes, kind: int = ZLIB, pack: Callable[[bytes], bytes] = zlib.compress, piece: int = 1 << 18) -> bytes:
    """A UDIF image of this disk, packed piece by piece, all zeros left out."""
    body, runs = b"", b""
    count = 0
    for start in range(0, len(disk), piece):
        part = disk[start : start + piece]
        packed = b"" if not any(part) else pack(part)
        runs += struct.pack(">IIQQQQ", kind if packed else 2, 0, start // 512, len(part) // 512, len(body), len(packed))
        body += packed
        count += 1
    runs += struct.pack(">IIQQQQ", 0xFFFFFFFF, 0, len(disk) // 512, 0, len(body), 0)
    head = struct.pack(">4sIQQQ", b"mish", 1, 0, len(disk) // 512, 0).ljust(200, b"\0")
    table = {"Name": "whole disk", "Data": head + struct.pack(">I", count + 1) + runs}
    listed = plistlib.dumps({"resource-fork": {"blkx": [table]}})
    trailer = bytearray(512)
    struct.pack_into(">4sIII", trailer, 0, b"koly", 4, 512, 1)
    struct.pack_into(">QQ", trailer, 216, len(body), len(listed))
    return body + listed + bytes(trailer)


def hfs(files: Mapping[str, bytes], packed: Mapping[str, bytes] | None = None) -> bytes:
    """An HFS+ volume of these files by path; `packed` gives files the attribute com.apple.decmpfs, and no data."""
    folders, numbers = _folders([*files, *(packed or {})]), {"": 2}
    for path in folders:
        numbers[path] = 16 + len(numbers)
    data = b""
    first_block = 16
    records = [
        (_place(path, numbers), struct.pack(">HHIII", 1, 0, 0, numbers[path], 0).ljust(88, b"\0")) for path in folders
    ]
    attributes = []
    for path in [*files, *(packed or {})]:
        number = 100 + len(records)
        content = files.get(path, b"")
        block = first_block + len(data) // BLOCK
        records.append((_place(path, numbers), _file_record(number, content, block, path in (packed or {}))))
        if packed and path in packed:
            attributes.append((_attribute_key(number), struct.pack(">I8xI", 0x10, len(packed[path])) + packed[path]))
        data += content + bytes(-len(content) % BLOCK)
    catalog = _tree([(_catalog_key(*key), body) for key, body in sorted(records, key=lambda one: one[0])])
    extra = _tree(attributes) if attributes else b""
    catalog_block = first_block + len(data) // BLOCK
    extra_block = catalog_block + len(catalog) // BLOCK
    header = bytearray(512)
    struct.pack_into(">2sH", header, 0, b"H+", 4)
    struct.pack_into(">I", header, 40, BLOCK)
    _fork(header, 272, len(catalog), catalog_block)
    _fork(header, 352, len(extra), extra_block)
    return (bytes(1024) + bytes(header)).ljust(first_block * BLOCK, b"\0") + data + catalog + extra


def _folders(paths: list[str]) -> list[str]:
    found = {"/".join(path.split("/")[:depth]) for path in paths for depth in range(1, path.count("/") + 1)}
    return sorted(found)


def _place(path: str, numbers: Mapping[str, int]) -> tuple[int, str]:
    parent, _, name = path.rpartition("/")
    return numbers[parent], name


def _catalog_key(parent: int, name: str) -> bytes:
    key = struct.pack(">IH", parent, len(name)) + name.encode("utf-16-be")
    return struct.pack(">H", len(key)) + key


def _attribute_key(number: int) -> bytes:
    name = "com.apple.decmpfs"
    key = struct.pack(">HIIH", 0, number, 0, len(name)) + name.encode("utf-16-be")
    return struct.pack(">H", len(key)) + key


def _file_record(number: int, content: bytes, block: int, is_packed: bool) -> bytes:
    record = bytearray(248)
    struct.pack_into(">HHII", record, 0, 2, 0, 0, number)
    record[41] = 0x20 if is_packed else 0
    struct.pack_into(">H", record, 42, 0o100644)
    _fork(record, 88, len(content), block)
    return bytes(record)


def _fork(target: bytearray, place: int, size: int, block: int) -> None:
    blocks = -(-size // BLOCK)
    struct.pack_into(">QIIII", target, place, size, 0, blocks, block, blocks)


def _tree(records: list[tuple[bytes, bytes]]) -> bytes:
    """A B-tree of a header node and one leaf."""
    header = bytearray(_NODE)
    struct.pack_into(">IIBBH", header, 0, 0, 0, 1, 0, 3)
    struct.pack_into(">HIIIIH", header, 14, 1, 1, len(records), 1, 1, _NODE)
    leaf = bytearray(_NODE)
    struct.pack_into(">IIBBH", leaf, 0, 0, 0, 0xFF, 1, len(records))
    place = 14
    for number, (key, body) in enumerate([*records, (b"", b"")]):
        struct.pack_into(">H", leaf, _NODE - 2 * (number + 1), place)
        leaf[place : place + len(key) + len(body)] = key + body
        place += len(key) + len(body)
    assert len(leaf) == _NODE, "too many files for one leaf"
    return bytes(header + leaf)


def xar(files: Mapping[str, bytes], signature: str = "", trailer: bytes = b"") -> bytes:
    """An installer of these files by path. `signature` is XML for the table of contents."""
    heap, entries = b"", ""
    for path, content in files.items():
        packed = zlib.compress(content)
        *parents, name = path.split("/")
        data = f"<data><length>{len(packed)}</length><offset>{len(heap)}</offset><size>{len(content)}</size>"
        data += '<encoding style="application/x-gzip"/></data>'
        entry = f"<file><name>{name}</name><type>file</type>{data}</file>"
        for parent in reversed(parents):
            entry = f"<file><name>{parent}</name><type>directory</type>{entry}</file>"
        entries += entry
        heap += packed
    table = f'<?xml version="1.0" encoding="UTF-8"?><xar><toc>{signature}{entries}</toc></xar>'.encode()
    packed = zlib.compress(table)
    return struct.pack(">4sHHQQI", b"xar!", 28, 1, len(packed), len(table), 1) + packed + heap + trailer
