"""Mac installers (.pkg): a single component, or a product of several with a Distribution script.

The payload, which holds the app and its icon, is not unpacked. Source: Apple's "Distribution Definition" reference.
"""

import re
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import identifier, xmlsafe
from fenfa.inspectors.parts.provisioning import read_certificate
from fenfa.inspectors.parts.volume import Readable
from fenfa.inspectors.parts.xar import Archive
from fenfa.vocabulary import Platform

_MAX_XML = 4 << 20
_MAX_PARTS = 50
_STRINGS = ("Resources/en.lproj/Localizable.strings", "Resources/English.lproj/Localizable.strings")
_PROCESSORS = {"x86_64": "x86_64", "arm64": "arm64", "i386": "i386", "ppc": "ppc"}

Component = dict[str, Any]


def read(file: Readable) -> PackageInfo:
    """What the installer says of itself."""
    archive = Archive(file)
    parts = [_component(archive, name) for name in _component_files(archive)]
    if "Distribution" in archive:
        script = xmlsafe.parse(archive.read("Distribution", _MAX_XML), "the installer's Distribution")
        return _product(archive, script, parts)
    if not parts:
        raise BadPackage("the installer has neither a Distribution nor a PackageInfo")
    return _info(archive, parts[0]["identifier"], "", parts[0]["version"], parts)


def _product(archive: Archive, script: xmlsafe.Element, parts: list[Component]) -> PackageInfo:
    product, options = script.find("product"), script.find("options")
    first: Component = _main(parts, script)
    title = _title(archive, script.find("title").text)
    versions = [one.get("min") for one in script.find("volume-check", "allowed-os-versions").all("os-version")]
    versions += [one.get("min") for one in script.find("allowed-os-versions").all("os-version")]
    arch = [_PROCESSORS[one] for one in re.split(r"[,\s]+", options.get("hostArchitectures")) if one in _PROCESSORS]
    return _info(
        archive,
        product.get("id") or first["identifier"],
        title,
        product.get("version") or first["version"],
        parts or _referenced(script),
        min_os=next(filter(None, versions), ""),
        arch=arch,
    )


def _info(
    archive: Archive,
    own_identifier: str,
    name: str,
    version: str,
    parts: list[Component],
    min_os: str = "",
    arch: list[str] | None = None,
) -> PackageInfo:
    return PackageInfo(
        format="pkg",
        platform=Platform.MACOS,
        identifier=identifier.checked(own_identifier, "installer's identifier"),
        name=name,
        version=version,
        min_os=min_os,
        arch=arch or [],
        signing=_signing(archive),
        facts={"components": parts, "os": "macOS"},
    )


def _component_files(archive: Archive) -> list[str]:
    return sorted(name for name in archive.members if name == "PackageInfo" or name.endswith("/PackageInfo"))[
        :_MAX_PARTS
    ]


def _component(archive: Archive, name: str) -> Component:
    root = xmlsafe.parse(archive.read(name, _MAX_XML), "the installer's PackageInfo")
    return {
        "identifier": root.get("identifier"),
        "version": root.get("version"),
        "install_location": root.get("install-location"),
        "bundles": list(_bundles(root)),
    }


def _bundles(root: xmlsafe.Element) -> list[dict[str, str]]:
    """The bundles that a component installs: identifier, path and version, each once."""
    found = {}
    for one in list(root.all("bundle"))[:_MAX_PARTS]:
        version = one.get("CFBundleShortVersionString")
        if one.get("path"):
            found[one.get("path")] = {"identifier": one.get("id"), "path": one.get("path"), "version": version}
    return list(found.values())


def _main(parts: list[Component], script: xmlsafe.Element) -> Component:
    """The component that stands for the product where it does not name itself: the first that the script installs."""
    listed = parts or _referenced(script)
    return next((one for one in listed if one["identifier"]), {"identifier": "", "version": ""})


def _referenced(script: xmlsafe.Element) -> list[Component]:
    """Components that the script names and the archive does not hold."""
    found: dict[str, Component] = {}
    for one in list(script.all("pkg-ref"))[:_MAX_PARTS]:
        known = found.setdefault(one.get("id"), {"identifier": one.get("id"), "version": "", "bundles": []})
        known["version"] = known["version"] or one.get("version")
        known["bundles"] += _bundles(one)
    return list(found.values())


def _title(archive: Archive, title: str) -> str:
    """The title, or its English translation where it is a key."""
    for file in _STRINGS:
        if file in archive and title:
            text = archive.read(file, _MAX_XML)
            decoded = text.decode("utf-16" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
            match = re.search(rf'"?{re.escape(title)}"?\s*=\s*"([^"\\]{{1,200}})"\s*;', decoded)
            if match:
                return match[1]
    return title


def _signing(archive: Archive) -> dict[str, Any] | None:
    if not archive.certificates:
        return None
    chain = [read_certificate(one) for one in archive.certificates]
    team = re.search(r"\((\w{10})\)$", chain[0]["name"])
    return {
        "signer": chain[0]["name"],
        "team_id": team[1] if team else "",
        "certificates": chain,
        "has_ticket": archive.has_ticket,
    }
