"""Android's resource table (resources.arsc): values by resource ID and configuration.

Only the chunks of the type that is asked for are read, so that a table of 20 MB costs no more than one of 20 kB. Knows plain,
sparse, 16-bit and compact entries. Source: ResourceTypes.h (`ResTable_*`).
"""

import struct
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import chunks
from fenfa.inspectors.parts.chunks import NO_ENTRY, Chunk, StringPool, TypedValue

_MAX_HOPS = 20  # Android follows as many references
_MAX_ANSWERS = 500
_SPARSE, _OFFSET16 = 0x01, 0x02
_COMPLEX, _COMPACT = 0x0001, 0x0008
ANY_DENSITY, NO_DENSITY = 0xFFFE, 0xFFFF


class Config(NamedTuple):
    """What a value is for. `is_default`: nothing but the density and the platform version narrows it."""

    locale: str = ""
    density: int = 0
    sdk: int = 0
    is_default: bool = True


class Answer(NamedTuple):
    """A value for one configuration; `text` where it is a string."""

    config: Config
    value: TypedValue
    text: str


class Package(NamedTuple):
    """A package's type chunks by type number."""

    number: int
    types: dict[int, list[Chunk]]


class Resources:
    """Resources by ID, whatever holds them. References are followed here."""

    def values(self, resource: int) -> list[Answer]:
        """This resource's own values in every configuration, references unresolved."""
        raise NotImplementedError

    def resolve_all(self, resource: int) -> list[Answer]:
        """The values in every configuration, with references followed; each reference is followed once."""
        found: list[Answer] = []
        waiting, seen = [(resource, Config(), 0)], {resource}
        while waiting and len(seen) < _MAX_ANSWERS:
            wanted, outer, hops = waiting.pop(0)
            for answer in self.values(wanted):
                config = _narrowed(outer, answer.config)
                if not is_reference(answer.value):
                    found.append(answer._replace(config=config))
                elif answer.value.data not in seen and hops < _MAX_HOPS:
                    seen.add(answer.value.data)
                    waiting.append((answer.value.data, config, hops + 1))
        return found[:_MAX_ANSWERS]

    def resolve(self, resource: int) -> Answer | None:
        """The value that a device of no particular kind would use: the default one, else English, else the first."""
        return min(self.resolve_all(resource), key=_distance, default=None)


class ResourceTable(Resources):
    """The resources of an APK. A table that is broken raises BadPackage, here or when asked."""

    def __init__(self, data: bytes) -> None:
        table = chunks.read_chunk(data, 0, len(data))
        if table.kind != chunks.TABLE:
            raise BadPackage("resources.arsc is not a resource table")
        parts = chunks.chunks_in(data, table.body, table.end)
        self._data = data
        self._pool = StringPool(data, next(parts, Chunk(0, 0, 0, 0)))
        self._packages = [_package(data, part) for part in parts if part.kind == chunks.PACKAGE]

    def values(self, resource: int) -> list[Answer]:
        number, kind, entry = resource >> 24, resource >> 16 & 0xFF, resource & 0xFFFF
        found: list[Answer] = []
        for package in self._packages:
            if package.number != number:
                continue
            for part in package.types.get(kind, ()):
                value = _entry(self._data, part, entry)
                if value is not None:
                    text = self._pool[value.data] if value.kind == chunks.STRING else ""
                    found.append(Answer(_config(self._data, part), value, text))
        return found[:_MAX_ANSWERS]


def is_reference(value: TypedValue) -> bool:
    return value.kind in (chunks.REFERENCE, chunks.DYNAMIC_REFERENCE) and value.data != 0


def _distance(answer: Answer) -> tuple[bool, bool, bool, int]:
    config = answer.config
    return not config.is_default, bool(config.locale), not config.locale.startswith("en"), config.sdk


def _narrowed(outer: Config, inner: Config) -> Config:
    """What remains of a configuration after following a reference that itself stood for one."""
    return Config(
        inner.locale or outer.locale,
        inner.density or outer.density,
        max(inner.sdk, outer.sdk),
        inner.is_default and outer.is_default,
    )


def _package(data: bytes, part: Chunk) -> Package:
    if part.body < part.start + 12:
        raise BadPackage("a package of the resource table is cut short")
    types: dict[int, list[Chunk]] = {}
    for inner in chunks.chunks_in(data, part.body, part.end):
        if inner.kind == chunks.TYPE and inner.body >= inner.start + 24:
            types.setdefault(data[inner.start + 8], []).append(inner)
    return Package(int.from_bytes(data[part.start + 8 : part.start + 12], "little"), types)


def _entry(data: bytes, part: Chunk, wanted: int) -> TypedValue | None:
    """An entry's value in one type chunk; None where the chunk has none, or a bag of values such as a style."""
    offset = _entry_offset(data, part, wanted)
    if offset is None:
        return None
    place = part.start + int(struct.unpack_from("<I", data, part.start + 16)[0]) + offset
    if place + 8 > part.end:
        raise BadPackage("a resource lies outside its table")
    size, flags, value = struct.unpack_from("<HHI", data, place)
    if flags & _COMPACT:
        return TypedValue(flags >> 8, value)
    if flags & _COMPLEX:
        return None
    if place + size + 8 > part.end:
        raise BadPackage("a resource lies outside its table")
    _, _, kind, value = struct.unpack_from("<HBBI", data, place + size)
    return TypedValue(kind, value)


def _entry_offset(data: bytes, part: Chunk, wanted: int) -> int | None:
    """How far behind the start of the entries this one lies, in bytes."""
    flags, count = data[part.start + 9], int(struct.unpack_from("<I", data, part.start + 12)[0])
    if flags & _SPARSE:
        return _sparse_offset(data, part, min(count, (part.end - part.body) // 4), wanted)
    width = 2 if flags & _OFFSET16 else 4
    place = part.body + width * wanted
    if wanted >= count or place + width > part.end:
        return None
    offset = int.from_bytes(data[place : place + width], "little")
    if width == 2:
        return None if offset == 0xFFFF else 4 * offset
    return None if offset == NO_ENTRY else offset


def _sparse_offset(data: bytes, part: Chunk, count: int, wanted: int) -> int | None:
    """Sparse chunks list the entries that they have, by number, ascending."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        number, offset = struct.unpack_from("<HH", data, part.body + 4 * middle)
        if number == wanted:
            return 4 * int(offset)
        low, high = (middle + 1, high) if number < wanted else (low, middle)
    return None


def _config(data: bytes, part: Chunk) -> Config:
    """A type chunk's `ResTable_config`; older tools wrote a shorter one."""
    size = min(int(struct.unpack_from("<I", data, part.start + 20)[0]), part.body - part.start - 20)
    raw = data[part.start + 20 : part.start + 20 + size].ljust(64, b"\0")
    locale = "-".join(filter(None, (_letters(raw[8:10], "a"), _script(raw), _letters(raw[10:12], "0"))))
    density, sdk = struct.unpack_from("<H", raw, 14)[0], struct.unpack_from("<H", raw, 24)[0]
    # everything but size, locale, density and version is zero
    others = raw[4:8] + raw[12:14] + raw[16:24] + raw[28:36] + raw[48:52]
    return Config(locale, density, sdk, not locale and not any(others))


def _letters(code: bytes, base: str) -> str:
    """A language or region: two letters, or three packed into 15 bits."""
    if not code[0] & 0x80:
        return code.rstrip(b"\0").decode("ascii", "replace")
    packed = (code[1] & 0x1F, (code[1] >> 5) + ((code[0] & 0x03) << 3), code[0] >> 2 & 0x1F)
    return "".join(chr(ord(base) + letter) for letter in packed)


def _script(raw: bytes) -> str:
    return raw[36:40].rstrip(b"\0").decode("ascii", "replace")
