"""ELF headers: the processor, the named sections, and where the program ends. Source: the System V ABI."""

import struct
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.source import Source

MAGIC = b"\x7fELF"
_MACHINES = {
    3: "i386",
    40: "armhf",
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
    258: "loongarch64",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    8: "mips",
}
_NO_BITS = 8
_MAX_SECTIONS = 1000
_MAX_NAMES = 1 << 16


class Section(NamedTuple):
    name: str
    kind: int
    offset: int
    size: int


def machine(head: bytes) -> str:
    """The processor that the program with these first 20 bytes is for; empty when it is none."""
    if len(head) < 20 or head[:4] != MAGIC or head[5] not in (1, 2):
        return ""
    order = "little" if head[5] == 1 else "big"
    number = int.from_bytes(head[18:20], order)  # type: ignore[arg-type]
    return "ppc64le" if (number, order) == (21, "little") else _MACHINES.get(number, f"elf-{number}")


class Program:
    """An ELF file's sections. Raises BadPackage for what is no ELF file, or one whose tables point beyond its end."""

    def __init__(self, source: Source) -> None:
        self.ident = source.upto(0, 16)
        if self.ident[:4] != MAGIC or len(self.ident) < 16:
            raise BadPackage("this is not an AppImage: it does not begin as a Linux program")
        self.machine = machine(source.at(0, 20))
        self._order = ">" if self.ident[5] == 2 else "<"
        self._wide = self.ident[4] == 2
        layout = struct.Struct(self._order + ("40xQ10xHHH" if self._wide else "32xI10xHHH"))
        table, size, count, names = source.unpack(layout, 0)
        if count > _MAX_SECTIONS:
            raise BadPackage("the program has too many sections")
        entries = [self._entry(source, table + number * size) for number in range(count)]
        texts = source.part(*entries[names][2:]).upto(0, _MAX_NAMES) if names < count else b""
        self.sections = {
            name: Section(name, kind, offset, length)
            for start, kind, offset, length in reversed(entries)
            if (name := texts[start : start + 64].partition(b"\0")[0].decode("latin-1"))
        }
        held = [offset + length for _, kind, offset, length in entries if kind != _NO_BITS]
        self.end = max([table + size * count, *held])

    def _entry(self, source: Source, place: int) -> tuple[int, int, int, int]:
        """Name, kind, offset, size."""
        layout = struct.Struct(self._order + ("II16xQQ" if self._wide else "II8xII"))
        name, kind, offset, size = source.unpack(layout, place)
        return name, kind, offset, size
