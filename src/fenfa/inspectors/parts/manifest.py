"""What AndroidManifest.xml says, with references resolved through the resource table."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import arsc, chunks
from fenfa.inspectors.parts.axml import Attribute, Element
from fenfa.inspectors.parts.chunks import TypedValue

_MAX_LISTED = 2000


@dataclass
class Manifest:
    """The attributes that we read, unresolved, by element; `permissions` and `features` are names."""

    package: dict[str, Attribute] = field(default_factory=dict)
    application: dict[str, Attribute] = field(default_factory=dict)
    uses_sdk: dict[str, Attribute] = field(default_factory=dict)
    permissions: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)


def read_manifest(elements: Iterable[Element]) -> Manifest:
    """The manifest that these start tags make."""
    manifest = Manifest()
    for number, element in enumerate(elements):
        if number == 0:
            if element.tag != "manifest":
                raise BadPackage("AndroidManifest.xml does not begin with a manifest")
            manifest.package = element.attributes
        elif element.depth == 1:
            _read_child(manifest, element)
    if not manifest.package:
        raise BadPackage("AndroidManifest.xml says nothing")
    return manifest


def _read_child(manifest: Manifest, element: Element) -> None:
    name = text_of(element.attributes.get("name"))
    if element.tag == "application":
        manifest.application = element.attributes
    elif element.tag == "uses-sdk":
        manifest.uses_sdk = manifest.uses_sdk | element.attributes
    elif element.tag.startswith("uses-permission") and name and len(manifest.permissions) < _MAX_LISTED:
        manifest.permissions.append(name)
    elif element.tag == "uses-feature" and name and len(manifest.features) < _MAX_LISTED:
        manifest.features.append(name)


class Values:
    """Attribute values as text and numbers. Without a resource table, references stay unresolved and read as nothing."""

    def __init__(self, table: arsc.Resources | None) -> None:
        self._table = table

    def text(self, attribute: Attribute | None) -> str:
        """A string, or a number written out. Never a raw reference."""
        if attribute is None or not arsc.is_reference(attribute.value):
            return text_of(attribute)
        answer = self._table.resolve(attribute.value.data) if self._table else None
        return text_of(Attribute(answer.value, answer.text)) if answer else ""

    def localized(self, attribute: Attribute | None) -> dict[str, str]:
        """The texts that differ from the default one, by locale."""
        if attribute is None or self._table is None or not arsc.is_reference(attribute.value):
            return {}
        answers = self._table.resolve_all(attribute.value.data)
        default = self.text(attribute)
        return {
            one.config.locale: one.text
            for one in reversed(answers)
            if one.config.locale and one.text not in ("", default)
        }

    def number(self, attribute: Attribute | None) -> int | None:
        digits = self.text(attribute)
        return int(digits) if digits.isascii() and digits.isdigit() else None

    def flag(self, attribute: Attribute | None) -> bool:
        return self.text(attribute) == "true"


def text_of(attribute: Attribute | None) -> str:
    """An unresolved attribute's text; a reference, colour or dimension has none."""
    if attribute is None:
        return ""
    kind, data = attribute.value
    if kind == chunks.STRING:
        return attribute.text
    if kind == chunks.BOOLEAN:
        return "true" if data else "false"
    if kind in (chunks.INT_DECIMAL, chunks.INT_HEX):
        return str(data)
    return _float(TypedValue(kind, data))


def _float(value: TypedValue) -> str:
    if value.kind != chunks.FLOAT:
        return ""
    number = struct.unpack("<f", struct.pack("<I", value.data))[0]
    return f"{number:g}" if abs(number) < float("inf") else ""
