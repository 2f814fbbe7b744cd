"""resources.index of HarmonyOS packages: texts and files by the number of a resource.

Source: OpenHarmony's global_resource_tool, resource_table.cpp, the first form. The second ("RestoolV2") is refused.
"""

import struct
from typing import NamedTuple

from fenfa.errors import BadPackage

STRING, MEDIA = 9, 19
_HEADER = struct.Struct("<128sII")
_MAX_KEYS = 1000
_MAX_RESOURCES = 100_000
_LANGUAGE = 0


class Value(NamedTuple):
    """One value: for which language (empty: for all), of what kind, its name, and the text or path."""

    language: str
    kind: int
    name: str
    text: str


class ResourceIndex:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MAX_RESOURCES
        self.values: dict[int, list[Value]] = {}
        try:
            self.version = self._read()
        except struct.error:
            raise BadPackage("it is cut short") from None

    def text(self, number: int) -> str:
        """A resource's value: for all languages, else for English, else the first one; empty when there is none."""
        values = self.values.get(number, [])
        order = {"": 0, "en": 1}
        return min(values, key=lambda one: order.get(one.language, 2)).text if values else ""

    def named(self, kind: int, name: str) -> str:
        """The value of the resource of this kind and name."""
        for number, values in self.values.items():
            if values[0].kind == kind and values[0].name == name:
                return self.text(number)
        return ""

    def localized(self, number: int) -> dict[str, str]:
        return {one.language: one.text for one in self.values.get(number, []) if one.language}

    def _read(self) -> str:
        raw, _, count = _HEADER.unpack_from(self._data)
        version = str(raw.partition(b"\0")[0].decode("ascii", "replace"))
        if version.startswith("RestoolV2") or not version.startswith("Restool") or count > _MAX_KEYS:
            raise BadPackage("its form is not supported")
        place = _HEADER.size
        for _ in range(count):
            tag, offset, keys = struct.unpack_from("<4sII", self._data, place)
            if tag != b"KEYS" or keys > _MAX_KEYS:
                raise BadPackage("it is not built as it should be")
            place += 12
            pairs = [struct.unpack_from("<II", self._data, place + 8 * number) for number in range(keys)]
            place += 8 * keys
            self._read_set(offset, next((_letters(value) for kind, value in pairs if kind == _LANGUAGE), ""))
        return version[:40]

    def _read_set(self, place: int, language: str) -> None:
        tag, count = struct.unpack_from("<4sI", self._data, place)
        self._left -= count
        if tag != b"IDSS" or self._left < 0:
            raise BadPackage("it is not built as it should be")
        for number in range(count):
            resource, offset = struct.unpack_from("<II", self._data, place + 8 + 8 * number)
            _, kind, _ = struct.unpack_from("<III", self._data, offset)
            text, after = self._string(offset + 12)
            name, _ = self._string(after)
            self.values.setdefault(resource, []).append(Value(language, kind, name, text))

    def _string(self, place: int) -> tuple[str, int]:
        (length,) = struct.unpack_from("<H", self._data, place)
        raw = self._data[place + 2 : place + 2 + length]
        return raw.partition(b"\0")[0].decode("utf-8", "replace"), place + 2 + length


def _letters(value: int) -> str:
    """Two or three letters, packed into a number last one first."""
    return value.to_bytes(4, "big").replace(b"\0", b"").decode("ascii", "replace")
