"""Everything that an inspector found in a package, in sections that people can read; and what a build changed."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from fenfa.services.comparison import Aspect, Change
from fenfa.services.records import Record
from fenfa.web.admin.labels import ASPECTS, FACTS
from fenfa.web.i18n import marked

_BASICS = ("format", "identifier", "name", "version", "build", "min_os", "arch")
_FIRST_FACTS = ("target_sdk", "compile_sdk", "sdk", "os", "device_family")
_APART = ("permissions", "capabilities", "features", "entitlements", "nested")
_FAMILIES = {1: "iPhone", 2: "iPad", 3: "Apple TV", 4: "Apple Watch", 6: "Mac", 7: "Apple Vision"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True)
class Row:
    """`kind` says how the value is shown: text, day, flag, or code for what is of machines."""

    label: str
    value: Any
    kind: str = "text"


@dataclass(frozen=True)
class Section:
    """A title with rows, a list of items, certificates, or several of these."""

    title: str
    rows: list[Row] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    certificates: list[dict[str, Any]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows or self.items or self.certificates)


def anatomy(release: Record) -> list[Section]:
    """Sections that have something to say, what people look for first."""
    package: dict[str, Any] = release["package"] or {}
    facts: dict[str, Any] = package.get("facts") or {}
    signing: dict[str, Any] = package.get("signing") or {}
    profile: dict[str, Any] = package.get("provisioning_profile") or {}
    permissions = [*(facts.get("permissions") or []), *(facts.get("capabilities") or [])]
    devices = [masked(str(device)) for device in profile.get("provisioned_devices") or []]
    sections = (
        Section(marked("Package"), _basics(package, facts)),
        Section(marked("Permissions"), items=_texts(permissions)),
        Section(marked("Required features"), items=_texts(facts.get("features"))),
        Section(
            marked("Signature"),
            _rows(signing, {"certificates", "lineage", "signers"}),
            certificates=signing.get("certificates") or [],
        ),
        Section(marked("Earlier signing keys"), certificates=signing.get("lineage") or []),
        Section(
            marked("Provisioning profile"),
            _rows(profile, {"certificates", "provisioned_devices", "entitlements"}),
            certificates=profile.get("certificates") or [],
        ),
        Section(marked("Devices in the profile"), items=devices),
        Section(marked("Entitlements"), _codes(facts.get("entitlements") or profile.get("entitlements") or {})),
        Section(marked("Extensions"), _extensions(facts.get("nested"))),
        Section(marked("More"), _rows(facts, {*_APART, *_FIRST_FACTS})),
    )
    return [section for section in sections if section]


def masked(udid: str) -> str:
    """Enough of a device's number to know one's own: `00008110-…801E`."""
    head = udid[:9] if udid[8:9] == "-" else udid[:4]
    return f"{head}…{udid[-4:]}" if len(udid) > 16 else "…"


def told_changes(changes: Iterable[Change]) -> list[tuple[Row, Change]]:
    """Each change with a row that says how it is called and how its values are shown."""
    return [(Row(ASPECTS[change.aspect], None, _kind_of(change.aspect)), _discreet(change)) for change in changes]


def _kind_of(aspect: Aspect) -> str:
    kinds = {Aspect.SIZE: "size", Aspect.PROFILE_END: "day", Aspect.DEBUGGABLE: "flag"}
    return kinds.get(aspect, "text")


def _discreet(change: Change) -> Change:
    if change.aspect is not Aspect.DEVICES:
        return change
    added, removed = (tuple(masked(one) for one in side) for side in (change.added, change.removed))
    return replace(change, added=added, removed=removed)


def _basics(package: dict[str, Any], facts: dict[str, Any]) -> list[Row]:
    families = [_FAMILIES.get(one, str(one)) for one in facts.get("device_family") or []]
    found = {name: package.get(name) for name in _BASICS} | {name: facts.get(name) for name in _FIRST_FACTS}
    return _rows(found | {"device_family": families}, set())


def _rows(values: dict[str, Any], apart: set[str]) -> list[Row]:
    """What is said at all: nothing empty, and none of what is shown apart."""
    told = [(name, value) for name, value in values.items() if name not in apart and value not in (None, "", [], {})]
    return [_row(FACTS.get(name, name.replace("_", " ")), value) for name, value in told]


def _row(label: str, value: Any) -> Row:
    if isinstance(value, bool):
        return Row(label, value, "flag")
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return Row(label, value, "day")
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return Row(label, ", ".join(map(str, value)))
    if isinstance(value, dict | list):
        return Row(label, json.dumps(value, ensure_ascii=False, indent=1), "code")
    return Row(label, str(value))


def _codes(values: dict[str, Any]) -> list[Row]:
    return [Row(name, json.dumps(value, ensure_ascii=False), "code") for name, value in sorted(values.items())]


def _extensions(nested: Any) -> list[Row]:
    found = [one for one in nested or [] if isinstance(one, dict)]
    return [Row(str(one.get("path") or one.get("identifier")), _extension(one)) for one in found]


def _extension(one: dict[str, Any]) -> str:
    build = f"({one['build']})" if one.get("build") else ""
    profile = one.get("profile") or {}
    parts = (one.get("identifier"), one.get("version"), build, profile.get("profile_type"))
    return " ".join(str(part) for part in parts if part)


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
