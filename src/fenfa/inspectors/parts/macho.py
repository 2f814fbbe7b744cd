"""Mach-O headers: which processors an executable is for, and what its load commands say.

Source: <mach-o/loader.h> and <mach-o/fat.h> of Apple's cctools. Only the first bytes of the file are looked at, so the
commands of a later slice of a universal file stay unknown.
"""

import struct
from typing import Any

HEAD_BYTES = 1 << 18
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


def read_slices(head: bytes) -> list[dict[str, Any]]:
    """One dict a processor: `cpu`, `sub`, and where the commands are in reach `cryptid`, `signed`, `platform`, `minos`."""
    if _is_thin(head):
        return [_thin(head)]
    if head[:4] not in _FAT or len(head) < 8:
        return []
    size, count = _FAT[head[:4]], struct.unpack_from(">I", head, 4)[0]
    if count > _MAX_SLICES:  # a Java class file begins with the same four bytes
        return []
    entries = [head[8 + size * number : 8 + size * (number + 1)] for number in range(count)]
    return [_slice(head, entry) for entry in entries if len(entry) == size]


def arch_name(piece: dict[str, Any]) -> str:
    """The name that Apple's tools use, e.g. `arm64` or `armv7`."""
    return _NAMES.get((piece["cpu"], piece["sub"]), str(piece["cpu"]).lower())


def _slice(head: bytes, entry: bytes) -> dict[str, Any]:
    cpu, subtype = struct.unpack_from(">II", entry)
    offset = struct.unpack_from(">Q" if len(entry) == 32 else ">I", entry, 8)[0]
    own = head[offset:]
    return _thin(own) if _is_thin(own) else _processor(cpu, subtype)


def _is_thin(head: bytes) -> bool:
    return head[:4] in _THIN and len(head) >= _THIN[head[:4]]


def _thin(head: bytes) -> dict[str, Any]:
    header_size = _THIN[head[:4]]
    _, cpu, subtype, _, count, size = struct.unpack_from("<6I", head)
    return _processor(cpu, subtype) | _commands(head[header_size : header_size + size], count)


def _processor(cpu: int, subtype: int) -> dict[str, Any]:
    return {"cpu": _CPUS.get(cpu, f"CPU{cpu}"), "sub": subtype & _SUBTYPE_BITS}


def _commands(body: bytes, count: int) -> dict[str, Any]:
    found: dict[str, Any] = {"cryptid": None, "signed": False}
    place = 0
    for _ in range(count):
        if place + 8 > len(body):
            break
        kind, size = struct.unpack_from("<II", body, place)
        if size < 8:
            break
        found |= _command(kind, body[place : place + size])
        place += size
    return found


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
