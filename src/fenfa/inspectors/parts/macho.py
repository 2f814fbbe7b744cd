"""Mach-O headers: which processors an executable is for, and what its load commands say.

Source: <mach-o/loader.h> and <mach-o/fat.h> of Apple's cctools. Only the first bytes of the file and of its slices are
looked at.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any

HEAD_BYTES = 1 << 18
COMMAND_BYTES = 1 << 15  # in which a slice's load commands mostly lie
_THIN = {b"\xce\xfa\xed\xfe": 28, b"\xcf\xfa\xed\xfe": 32}  # magic → header size, little-endian
_FAT = {b"\xca\xfe\xba\xbe": 20, b"\xca\xfe\xba\xbf": 32}  # magic → size of an entry, big-endian
_MAX_SLICES = 32
_CPUS = {7: "X86", 12: "ARM", 0x01000007: "X86_64", 0x0100000C: "ARM64", 0x0200000C: "ARM64_32", 18: "POWERPC"}
_SUBTYPE_BITS = 0x00FFFFFF  # the top byte holds flags
_NAMES = {
    ("ARM", 6): "armv6",
    ("ARM", 9): "armv7",
    ("ARM", 11): "armv7s",
    ("ARM", 12): "armv7k",
    ("ARM64", 2): "arm64e",
    ("X86", 3): "i386",
    ("X86_64", 8): "x86_64h",
}
_PLATFORMS = {
    1: "MACOS",
    2: "IOS",
    3: "TVOS",
    4: "WATCHOS",
    5: "BRIDGEOS",
    6: "MACCATALYST",
    7: "IOSSIMULATOR",
    8: "TVOSSIMULATOR",
    9: "WATCHOSSIMULATOR",
    10: "DRIVERKIT",
    11: "VISIONOS",
    12: "VISIONOSSIMULATOR",
}
_VERSION_COMMANDS = {
    0x24: "VERSION_MIN_MACOSX",
    0x25: "VERSION_MIN_IPHONEOS",
    0x2F: "VERSION_MIN_TVOS",
    0x30: "VERSION_MIN_WATCHOS",
}
_CODE_SIGNATURE, _BUILD_VERSION, _ENCRYPTION, _ENCRYPTION_64 = 0x1D, 0x32, 0x21, 0x2C


def read_slices(head: bytes, far: Mapping[int, bytes] | None = None) -> list[dict[str, Any]]:
    """One dict a processor: `cpu`, `sub`, and where the commands are in reach `cryptid`, `signed`, `platform`, `minos`.

    `head` is the file's first HEAD_BYTES; `far` holds the heads of slices that lie beyond them, by their offset.
    """
    if _is_thin(head):
        return [_thin(head)]
    return [_slice(head, entry, far or {}) for entry in _entries(head)]


def far_slices(head: bytes) -> list[int]:
    """Offsets of those slices of a universal file whose commands lie beyond its head."""
    return [offset for offset in map(_offset, _entries(head)) if offset + COMMAND_BYTES > len(head) == HEAD_BYTES]


def signature_place(head: bytes) -> tuple[int, int] | None:
    """Where the first slice's code signature lies in the file: offset and size; None when it has none."""
    start = 0 if _is_thin(head) else min(map(_offset, _entries(head)), default=0)
    own = head[start:]
    if not _is_thin(own):
        return None
    found = next((body for kind, body in _each_command(own) if kind == _CODE_SIGNATURE and len(body) >= 16), None)
    if found is None:
        return None
    offset, size = struct.unpack_from("<II", found, 8)
    return start + offset, size


def arch_name(piece: dict[str, Any]) -> str:
    """The name that Apple's tools use, e.g. `arm64` or `armv7`."""
    return _NAMES.get((piece["cpu"], piece["sub"]), str(piece["cpu"]).lower())


def _entries(head: bytes) -> list[bytes]:
    """The slices' entries in a universal file's table."""
    if head[:4] not in _FAT or len(head) < 8:
        return []
    size, count = _FAT[head[:4]], struct.unpack_from(">I", head, 4)[0]
    if count > _MAX_SLICES:  # a Java class file begins with the same four bytes
        return []
    entries = [head[8 + size * number : 8 + size * (number + 1)] for number in range(count)]
    return [entry for entry in entries if len(entry) == size]


def _offset(entry: bytes) -> int:
    return int(struct.unpack_from(">Q" if len(entry) == 32 else ">I", entry, 8)[0])


def _slice(head: bytes, entry: bytes, far: Mapping[int, bytes]) -> dict[str, Any]:
    cpu, subtype = struct.unpack_from(">II", entry)
    offset = _offset(entry)
    own = far.get(offset) or head[offset : offset + HEAD_BYTES]
    return _thin(own) if _is_thin(own) else _processor(cpu, subtype)


def _is_thin(head: bytes) -> bool:
    return head[:4] in _THIN and len(head) >= _THIN[head[:4]]


def _thin(head: bytes) -> dict[str, Any]:
    _, cpu, subtype = struct.unpack_from("<3I", head)
    found: dict[str, Any] = {"cryptid": None, "signed": False}
    for kind, body in _each_command(head):
        found |= _command(kind, body)
    return _processor(cpu, subtype) | found


def _processor(cpu: int, subtype: int) -> dict[str, Any]:
    return {"cpu": _CPUS.get(cpu, f"CPU{cpu}"), "sub": subtype & _SUBTYPE_BITS}


def _each_command(head: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and bytes of each load command of a slice, as far as they are whole."""
    count, size = struct.unpack_from("<II", head, 16)
    place, end = _THIN[head[:4]], min(_THIN[head[:4]] + size, len(head))
    for _ in range(count):
        if place + 8 > end:
            return
        kind, size = struct.unpack_from("<II", head, place)
        if size < 8:
            return
        yield kind, head[place : place + size]
        place += size


def _command(kind: int, body: bytes) -> dict[str, Any]:
    if kind == _CODE_SIGNATURE:
        return {"signed": True}
    if kind in (_ENCRYPTION, _ENCRYPTION_64) and len(body) >= 20:
        return {"cryptid": struct.unpack_from("<I", body, 16)[0]}
    if kind == _BUILD_VERSION and len(body) >= 16:
        platform, minimum = struct.unpack_from("<II", body, 8)
        return {"platform": _PLATFORMS.get(platform, str(platform)), "minos": _version(minimum)}
    if kind in _VERSION_COMMANDS and len(body) >= 12:
        return {"platform": _VERSION_COMMANDS[kind], "minos": _version(struct.unpack_from("<I", body, 8)[0])}
    return {}


def _version(packed: int) -> str:
    return f"{packed >> 16}.{packed >> 8 & 0xFF}.{packed & 0xFF}"
