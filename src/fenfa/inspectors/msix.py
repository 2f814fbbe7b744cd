"""MSIX and APPX packages, and bundles of them: zips with a manifest and a signature.

Of a bundle, name, icon and minimum system are those of its first application package, if that lies inside.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import appx, appx_signing, identifier, png, xmlsafe
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.nested import inner_archive
from fenfa.inspectors.parts.xmlsafe import Element
from fenfa.inspectors.parts.zipsafe import Archive
from fenfa.vocabulary import Platform

BUNDLE_MANIFEST = "AppxMetadata/AppxBundleManifest.xml"
_MAX_MANIFEST = 8 << 20
_MAX_PACKAGES = 200
_MAX_LOGOS = 8
_VERSION = re.compile(r"\d{1,5}(\.\d{1,5}){3}")


@refusing("the package")
def inspect(path: Path) -> PackageInfo:
    with Archive(path) as archive:
        return read_bundle(path, archive) if BUNDLE_MANIFEST in archive else read_package(archive)


def read_package(archive: Archive) -> PackageInfo:
    root, warnings = appx.read_manifest(archive), list[str]()
    identity, index = appx.read_identity(root), appx.resource_index(archive, warnings)
    given = root.find("Properties", "DisplayName").text
    signing = appx_signing.read_signing(archive, identity.publisher, warnings)
    return PackageInfo(
        format="msix",
        platform=Platform.WINDOWS,
        identifier=identifier.checked(identity.name, "package name"),
        name=appx.display_name(root, index),
        version=_version(identity),
        min_os=appx.minimum_system(root),
        arch=[identity.arch.lower() or "neutral"],
        icon_png=_icon(archive, root, warnings),
        signing=signing,
        facts=_facts(root, identity)
        | {"signed": signing is not None, "label_ref": given if appx.is_reference(given) else ""},
        warnings=warnings,
    )


def read_bundle(path: Path, archive: Archive) -> PackageInfo:
    root = xmlsafe.parse(archive.read(BUNDLE_MANIFEST, _MAX_MANIFEST), BUNDLE_MANIFEST)
    identity, warnings = appx.read_identity(root), list[str]()
    packages = list(root.find("Packages").all("Package"))[:_MAX_PACKAGES]
    apps = [one for one in packages if one.get("Type").lower() == "application"]
    arches = sorted({one.get("Architecture").lower() or "neutral" for one in apps})
    signing = appx_signing.read_signing(archive, identity.publisher, warnings)
    info = PackageInfo(
        format="msix",
        platform=Platform.WINDOWS,
        identifier=identifier.checked(identity.name, "package name"),
        name=identity.name,
        version=_version(identity),
        arch=arches,
        signing=signing,
        facts={
            "bundle": True,
            "publisher": identity.publisher,
            "machine": arches,
            "signed": signing is not None,
            "packages": [_listed(one) for one in packages],
        },
        warnings=warnings,
    )
    return _with_application(info, path, archive, apps)


def _with_application(info: PackageInfo, path: Path, archive: Archive, apps: list[Element]) -> PackageInfo:
    """The bundle with what only its application package says. One that cannot be read costs that alone."""
    files = appx.files_by_name(archive)
    names = (files.get(one.get("FileName").replace("\\", "/").lower()) for one in apps)
    name = next((one for one in names if one), None)
    if name is None:
        return info
    try:
        with inner_archive(path, archive, name) as inner:
            app = read_package(inner)
    except BadPackage as error:
        info.warnings.append(f"the application package in the bundle cannot be read: {error.message}")
        return info
    if app.identifier != info.identifier:
        info.warnings.append("the application package in the bundle has another name than the bundle")
    facts = {key: app.facts[key] for key in ("publisher_name", "label_ref", "target_families") if key in app.facts}
    return replace(info, name=app.name, min_os=app.min_os, icon_png=app.icon_png, facts=info.facts | facts)


def _version(identity: appx.Identity) -> str:
    if not _VERSION.fullmatch(identity.version):
        raise BadPackage("the manifest's version is not four numbers with dots between them")
    return identity.version


def _icon(archive: Archive, root: Element, warnings: list[str]) -> bytes | None:
    """The largest logo that is there; a package without any is no error, since bundles keep them elsewhere."""
    for name in appx.logo_candidates(root, appx.files_by_name(archive))[:_MAX_LOGOS]:
        try:
            return png.icon(archive.read(name, png.MAX_BYTES))
        except BadPackage as error:
            warnings.append(f"a logo cannot be read: {error.message}")
    return None


def _listed(package: Element) -> dict[str, str]:
    return {key: value[:260] for key, value in list(package.attributes.items())[:10]}


def _facts(root: Element, identity: appx.Identity) -> dict[str, Any]:
    properties = root.find("Properties")
    families = [_listed(one) for one in root.find("Dependencies").all("TargetDeviceFamily")][:20]
    facts: dict[str, Any] = {
        "bundle": False,
        "publisher": identity.publisher,
        "publisher_name": properties.find("PublisherDisplayName").text,
        "machine": [identity.arch or "neutral(absent)"],
        "capabilities": [one.get("Name") for one in _capabilities(root)][:200],
    }
    facts |= {"target_families": families} if families else {}
    flags = ("ResourcePackage", "Framework")
    named = {"ResourcePackage": "resource_package", "Framework": "framework"}
    return facts | {named[flag]: "true" for flag in flags if properties.find(flag).text.lower() == "true"}


def _capabilities(root: Element) -> list[Element]:
    return [one for one in root.find("Capabilities").children if one.get("Name")]
