import struct

from fenfa.inspectors.parts import macho
from tests.support import apple


def names(head: bytes) -> list[str]:
    return [macho.arch_name(piece) for piece in macho.read_slices(head)]


def test_names_processors_as_apple_does() -> None:
    assert names(apple.mach_o()) == ["arm64"]
    assert names(apple.mach_o(apple.ARM64, 0x80000002)) == ["arm64e"]
    assert names(apple.mach_o(apple.ARM, 9)) == ["armv7"]
    assert names(apple.fat_mach_o(apple.mach_o(apple.ARM, 11), apple.mach_o(apple.X86_64, 3))) == ["armv7s", "x86_64"]


def test_slices_out_of_reach_are_named_from_the_table() -> None:
    fat = apple.fat_mach_o(apple.mach_o(), apple.mach_o(apple.X86_64, 3))
    assert names(fat[:60]) == ["arm64", "x86_64"]


def test_reads_load_commands() -> None:
    build = struct.pack("<6I", 0x32, 24, 3, 17 << 16 | 2 << 8, 0, 0)
    signature, encryption = struct.pack("<4I", 0x1D, 16, 0, 0), struct.pack("<6I", 0x2C, 24, 0, 0, 1, 0)
    head = struct.pack("<8I", 0xFEEDFACF, apple.ARM64, 0, 2, 3, 64, 0, 0) + build + signature + encryption
    (piece,) = macho.read_slices(head)
    assert piece == {"cpu": "ARM64", "sub": 0, "cryptid": 1, "signed": True, "platform": "TVOS", "minos": "17.2.0"}


def test_what_is_no_executable_has_no_slices() -> None:
    java = b"\xca\xfe\xba\xbe\0\0\0\x34"
    for data in (b"", b"\x7fELF", java, b"\xcf\xfa\xed\xfe", b"#!/bin/sh"):
        assert macho.read_slices(data) == []
    endless = struct.pack("<8I", 0xFEEDFACF, apple.ARM64, 0, 2, 0xFFFFFFFF, 8, 0, 0) + bytes(8)
    assert len(macho.read_slices(endless)) == 1
