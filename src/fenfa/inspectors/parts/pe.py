"""PE, the form of Windows programs: headers, sections, data directories.

Source: Microsoft's "PE Format". Offsets in a running program (RVAs) are mapped to the file as Windows does.
"""

import struct
from dataclasses import dataclass
from functools import cached_property

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.source import Source

RESOURCES, CERTIFICATES, CLR = 2, 4, 14
MACHINES = {  # value → Microsoft's name, the name that people use
    0x014C: ("IMAGE_FILE_MACHINE_I386", "x86"),
    0x8664: ("IMAGE_FILE_MACHINE_AMD64", "x64"),
    0xAA64: ("IMAGE_FILE_MACHINE_ARM64", "arm64"),
    0xA641: ("IMAGE_FILE_MACHINE_ARM64EC", "arm64"),
    0xA64E: ("IMAGE_FILE_MACHINE_ARM64X", "arm64"),
    0x01C0: ("IMAGE_FILE_MACHINE_ARM", "arm"),
    0x01C2: ("IMAGE_FILE_MACHINE_THUMB", "arm"),
    0x01C4: ("IMAGE_FILE_MACHINE_ARMNT", "arm"),
    0x0200: ("IMAGE_FILE_MACHINE_IA64", "ia64"),
}
SUBSYSTEMS = {1: "native", 2: "gui", 3: "console", 9: "windows-ce", 10: "efi", 16: "boot"}
_COFF = struct.Struct("<4sHHIIIHH")
_SECTION = struct.Struct("<8sIIII16x")
_SIZES = {0x10B: (96, 92), 0x20B: (112, 108)}  # magic → where the directories begin, where their number stands
_MAX_SECTIONS = 96  # Windows' own limit
_DLL = 0x2000


@dataclass(frozen=True)
class Section:
    name: str
    address: int
    size: int
    offset: int
    raw_size: int


class Program:
    """The headers of a PE file. Raises BadPackage for anything else."""

    def __init__(self, source: Source) -> None:
        self.source = source
        if source.upto(0, 2) != b"MZ":
            raise BadPackage("this is not a Windows program: it does not begin with MZ")
        header = int.from_bytes(source.at(60, 4), "little")
        magic, machine, self._count, self.timestamp, _, _, size, flags = source.unpack(_COFF, header)
        if magic != b"PE\0\0":
            raise BadPackage("this is not a Windows program: it has no PE header")
        if self._count > _MAX_SECTIONS:
            raise BadPackage(f"the program has more than {_MAX_SECTIONS} sections, which Windows does not load")
        self.machine = MACHINES.get(machine, (f"IMAGE_FILE_MACHINE_{machine:04X}", ""))
        self.is_library = bool(flags & _DLL)
        self.optional_offset = header + _COFF.size
        self.optional = source.at(self.optional_offset, size)
        self._section_table = self.optional_offset + size
        if self._word(0) not in _SIZES or len(self.optional) < _SIZES[self._word(0)][0]:
            raise BadPackage("the Windows program has a header that is not known")

    @property
    def is_wide(self) -> bool:
        return self._word(0) == 0x20B

    @property
    def subsystem(self) -> str:
        return SUBSYSTEMS.get(self._word(68), str(self._word(68)))

    @property
    def subsystem_version(self) -> str:
        return f"{self._word(48)}.{self._word(50)}"

    @property
    def directories_offset(self) -> int:
        """Where the data directories begin in the optional header."""
        return _SIZES[self._word(0)][0]

    @cached_property
    def sections(self) -> list[Section]:
        found = []
        for number in range(self._count):
            raw = self.source.upto(self._section_table + number * _SECTION.size, _SECTION.size)
            if len(raw) < _SECTION.size:
                break
            name, size, address, raw_size, offset = _SECTION.unpack(raw)
            found.append(Section(name.rstrip(b"\0").decode("latin-1"), address, size, offset & ~0x1FF, raw_size))
        return found

    def directory(self, index: int) -> tuple[int, int]:
        """Where a data directory lies and its size; zeros when there is none."""
        first, number = _SIZES[self._word(0)]
        place = first + 8 * index
        if index >= int.from_bytes(self.optional[number : number + 4], "little") or place + 8 > len(self.optional):
            return 0, 0
        address, size = struct.unpack_from("<II", self.optional, place)
        return address, size

    def offset(self, address: int) -> int:
        """Where this RVA lies in the file; BadPackage when no section holds it."""
        for section in self.sections:
            inside = address - section.address
            if 0 <= inside < min(max(section.size, section.raw_size), section.raw_size):
                return section.offset + inside
        raise BadPackage("the Windows program points outside of its sections")

    @property
    def overlay(self) -> int:
        """Where the last section ends: installers keep what they install behind it."""
        return max((section.offset + section.raw_size for section in self.sections if section.raw_size), default=0)

    def _word(self, place: int) -> int:
        return int.from_bytes(self.optional[place : place + 2], "little")
