"""An app bundle's resource table (`aapt.pb.ResourceTable`). Only the entries of the type that is asked for are read.

Source: aapt2's Resources.proto and Configuration.proto.
"""

from fenfa.inspectors.parts import proto_xml, protobuf
from fenfa.inspectors.parts.arsc import Answer, Config, Resources

_MAX_VALUES = 500
_LOCALE, _DENSITY, _SDK, _PRODUCT = 3, 18, 24, 25


class ProtoTable(Resources):
    """The resources of an app bundle's module. One that is broken raises BadPackage when asked."""

    def __init__(self, data: bytes) -> None:
        self._types: dict[tuple[int, int], list[memoryview]] = {}
        self._entries: dict[tuple[int, int], dict[int, list[memoryview]]] = {}
        for number, value in protobuf.fields(memoryview(data)):
            if number == 2 and isinstance(value, memoryview):
                self._add_package(value)

    def values(self, resource: int) -> list[Answer]:
        package, kind, entry = resource >> 24, resource >> 16 & 0xFF, resource & 0xFFFF
        found: list[Answer] = []
        for data in self._entries_of(package, kind).get(entry, ()):
            for number, value in protobuf.fields(data):
                if number == 6 and isinstance(value, memoryview):
                    found += _answer(value)
        return found[:_MAX_VALUES]

    def _add_package(self, data: memoryview) -> None:
        numbers, types = protobuf.message(data), []
        identifier = protobuf.number(protobuf.message(protobuf.part(numbers, 1)), 1)
        for number, value in protobuf.fields(data):
            if number == 3 and isinstance(value, memoryview):
                types.append(value)
        for kind in types:
            type_id = protobuf.number(protobuf.message(protobuf.part(protobuf.message(kind), 1)), 1)
            self._types.setdefault((identifier, type_id), []).append(kind)

    def _entries_of(self, package: int, kind: int) -> dict[int, list[memoryview]]:
        key = (package, kind)
        if key not in self._entries:
            entries: dict[int, list[memoryview]] = {}
            for data in self._types.get(key, ()):
                for number, value in protobuf.fields(data):
                    if number == 3 and isinstance(value, memoryview):
                        entries.setdefault(_entry_id(value), []).append(value)
            self._entries[key] = entries
        return self._entries[key]


def _entry_id(entry: memoryview) -> int:
    """An entry's number; it stands first, and the rest need not be read."""
    for number, value in protobuf.fields(entry):
        if number == 1 and isinstance(value, memoryview):
            return protobuf.number(protobuf.message(value), 1)
    return 0


def _answer(data: memoryview) -> list[Answer]:
    """A configuration's value; none for a compound one such as a style."""
    parts = protobuf.message(data)
    value = protobuf.message(protobuf.part(parts, 2))
    if 4 not in value:
        return []
    typed, text = proto_xml.item(protobuf.part(value, 4))
    return [Answer(_config(protobuf.message(protobuf.part(parts, 1))), typed, text)]


def _config(values: dict[int, protobuf.Value]) -> Config:
    locale = protobuf.text(values, _LOCALE)
    others = [number for number, value in values.items() if number not in (_LOCALE, _DENSITY, _SDK, _PRODUCT) and value]
    density, sdk = protobuf.number(values, _DENSITY), protobuf.number(values, _SDK)
    return Config(locale, density, sdk, not locale and not others)
