"""The tables of an MSI: names of streams, the pool of strings, rows. Source: Wine's msi and msitools' libmsi.

A table is a stream of columns, one behind the other; texts are numbers of strings in the pool.
"""

from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.cfb import CompoundFile
from fenfa.inspectors.parts.code_pages import encoding_of

MAX_TABLE = 32 << 20
_MAX_POOL = 64 << 20
_MAX_ROWS = 100_000
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_TABLE_MARK = "\u4840"
_STRING, _BINARY, _FLAGS = 0x0800, 0x0900, 0x0F00


class Column(NamedTuple):
    name: str
    kind: int

    @property
    def is_text(self) -> bool:
        return bool(self.kind & _STRING) and self.kind & _FLAGS != _BINARY


class Database:
    """An MSI's tables: `rows("Property")` gives dicts of text and numbers."""

    def __init__(self, file: CompoundFile) -> None:
        self._file = file
        self._names = {decode_name(name): name for name in file.streams}
        pool = self._stream("!_StringPool", _MAX_POOL)
        self.strings, self._width = _read_pool(pool, self._stream("!_StringData", _MAX_POOL))
        self._layouts: dict[str, list[Column]] = {}
        self._layouts = self._read_layouts()

    def __contains__(self, table: str) -> bool:
        return table in self._layouts and "!" + table in self._names

    def rows(self, table: str) -> Iterator[dict[str, str | int]]:
        if table not in self:
            return
        columns = self._layouts[table]
        yield from _rows(self._stream("!" + table, MAX_TABLE), columns, self._width, self.strings)

    def stream(self, name: str, limit: int) -> bytes:
        """A stream that a row's binary column names, such as `Icon.app.ico`."""
        return self._stream(name, limit)

    def _stream(self, name: str, limit: int) -> bytes:
        if name not in self._names:
            raise BadPackage("this is not an MSI: one of the tables that every installer has is missing")
        return self._file.read(self._names[name], limit)

    def _read_layouts(self) -> dict[str, list[Column]]:
        """Every table's columns, from the table of columns."""
        own = [Column("Table", _STRING), Column("Number", 2), Column("Name", _STRING), Column("Type", 2)]
        layouts: dict[str, dict[int, Column]] = {}
        for row in _rows(self._stream("!_Columns", MAX_TABLE), own, self._width, self.strings):
            column = Column(str(row["Name"]), int(row["Type"]) & 0xFFFF)
            layouts.setdefault(str(row["Table"]), {})[int(row["Number"])] = column
        return {table: [columns[number] for number in sorted(columns)] for table, columns in layouts.items()}


def decode_name(name: str) -> str:
    """The readable name of a stream: letters are packed two in one; `!` stands before the names of tables."""
    return "".join(_decode_letter(letter) for letter in name)


def _decode_letter(letter: str) -> str:
    code = ord(letter) - 0x3800
    if letter == _TABLE_MARK:
        return "!"
    if 0 <= code < 0x1000:
        return _LETTERS[code & 0x3F] + _LETTERS[code >> 6]
    return _LETTERS[code - 0x1000] if 0x1000 <= code < 0x1040 else letter


def _read_pool(pool: bytes, data: bytes) -> tuple[list[str], int]:
    """The strings by their number, and how many bytes a number takes in a table."""
    head = int.from_bytes(pool[:4], "little")
    encoding = encoding_of(head & 0x7FFFFFFF)
    strings, place, start = [""], 4, 0
    while place + 4 <= len(pool):
        length, uses = int.from_bytes(pool[place : place + 2], "little"), pool[place + 2 : place + 4]
        place += 4
        if length == 0 and uses != b"\0\0":  # longer than 65,535 bytes: the length is the next entry
            length, place = int.from_bytes(pool[place : place + 4], "little"), place + 4
        strings.append(data[start : start + length].decode(encoding, "replace"))
        start += length
        if start > len(data):
            raise BadPackage("the strings of the MSI are cut short")
    return strings, 3 if head & 0x80000000 else 2


def _rows(data: bytes, columns: list[Column], width: int, strings: list[str]) -> Iterator[dict[str, str | int]]:
    widths = [_width(column, width) for column in columns]
    count = len(data) // sum(widths) if widths else 0
    if count > _MAX_ROWS:
        raise BadPackage("a table of the MSI has too many rows")
    starts = [count * sum(widths[:number]) for number in range(len(columns))]
    for row in range(count):
        cells = {}
        for column, size, start in zip(columns, widths, starts, strict=True):
            value = int.from_bytes(data[start + row * size : start + (row + 1) * size], "little")
            cells[column.name] = _cell(column, value, size, strings)
        yield cells


def _cell(column: Column, value: int, size: int, strings: list[str]) -> str | int:
    if column.is_text:
        return strings[value] if value < len(strings) else ""
    return value ^ (1 << (8 * size - 1)) if value else 0  # numbers are stored with their highest bit turned


def _width(column: Column, string_width: int) -> int:
    if column.is_text:
        return string_width
    return 2 if column.kind & _STRING or column.kind & 0xFF <= 2 else 4
