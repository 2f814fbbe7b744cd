"""MSI: a Windows Installer database in a compound file.

Read are the Property table, the summary information (for the processor), the icon of Add/Remove Programs and the signature.
"""

import re
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors import exe
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import ico, msi_signing, property_set
from fenfa.inspectors.parts.cfb import CompoundFile
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.msi_tables import Database
from fenfa.inspectors.parts.source import Source
from fenfa.vocabulary import Platform

_MAX_ICON = 16 << 20
_MAX_SUMMARY = 1 << 20
_MAX_PROPERTIES = 20_000
_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_ARCHES = {"intel": "x86", "": "x86", "x64": "x64", "amd64": "x64", "intel64": "ia64", "arm64": "arm64", "arm": "arm"}
_SUMMARY = "\x05SummaryInformation"


@refusing("the MSI")
def inspect(path: Path) -> PackageInfo:
    with path.open("rb") as file:
        return read_msi(CompoundFile(Source(file)))


def read_msi(file: CompoundFile) -> PackageInfo:
    database, warnings = Database(file), list[str]()
    properties = _properties(database)
    summary = _summary(file, warnings)
    template = str(summary.get(property_set.TEMPLATE, ""))
    machines = [one.strip() for one in template.partition(";")[0].split(",")]
    signing = msi_signing.read_signing(file, warnings)
    return PackageInfo(
        format="msi",
        platform=Platform.WINDOWS,
        identifier=_code(properties, "ProductCode"),
        name=properties.get("ProductName") or str(summary.get(property_set.SUBJECT, "")),
        version=properties.get("ProductVersion", ""),
        arch=[_ARCHES.get(one.lower(), one.lower()) for one in machines],
        icon_png=_icon(database, properties, warnings),
        signing=signing,
        facts=_facts(properties, summary) | {"template": template, "machine": machines, "signed": signing is not None},
        warnings=warnings,
    )


def _properties(database: Database) -> dict[str, str]:
    if "Property" not in database:
        raise BadPackage("this is not an installer: the MSI has no Property table")
    found: dict[str, str] = {}
    for row in database.rows("Property"):
        found.setdefault(str(row.get("Property", "")), str(row.get("Value", "")).strip())
        if len(found) > _MAX_PROPERTIES:
            raise BadPackage("the MSI has too many properties")
    return found


def _code(properties: dict[str, str], key: str) -> str:
    code = properties.get(key, "")
    if not _GUID.fullmatch(code):
        raise BadPackage(f"the MSI has no {key}" if not code else f"the {key} of the MSI is not a GUID in braces")
    return code


def _summary(file: CompoundFile, warnings: list[str]) -> dict[int, str | int]:
    try:
        return property_set.read_summary(file.read(_SUMMARY, _MAX_SUMMARY))
    except BadPackage as error:
        warnings.append(f"the summary information cannot be read: {error.message}")
        return {}


def _icon(database: Database, properties: dict[str, str], warnings: list[str]) -> bytes | None:
    """The icon that Add/Remove Programs shows, else the first one; an .ico file, or a program that holds one."""
    names = [str(row.get("Name", "")) for row in database.rows("Icon")]
    wanted = properties.get("ARPPRODUCTICON", "")
    name = wanted if wanted in names else next(iter(names), "")
    if not name:
        return None
    try:
        data = database.stream(f"Icon.{name}", _MAX_ICON)
        if data.startswith(b"MZ"):
            return exe.read_program(Source.of(data), is_whole=False).icon_png
        return ico.best_of_file(data)
    except BadPackage as error:
        warnings.append(f"the icon cannot be read: {error.message}")
        return None


def _facts(properties: dict[str, str], summary: dict[int, str | int]) -> dict[str, Any]:
    upgrade = properties.get("UpgradeCode", "")
    return {
        "upgrade_code": upgrade if _GUID.fullmatch(upgrade) else "",
        "company": properties.get("Manufacturer", ""),
        "language": properties.get("ProductLanguage", ""),
        "all_users": properties.get("ALLUSERS", ""),
        "package_code": str(summary.get(property_set.REVISION, ""))[:100],
        "made_with": str(summary.get(property_set.APPLICATION, ""))[:200],
        "comments": properties.get("ARPCOMMENTS", "")[:1000],
        "homepage": properties.get("ARPURLINFOABOUT", "")[:1000],
    }
