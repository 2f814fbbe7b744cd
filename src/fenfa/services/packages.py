"""What a package says, laid beside what the upload says: the release's fields, and where the two disagree."""

import re
from dataclasses import asdict
from typing import Any

from fenfa.errors import BadInput, Conflict, Sentence
from fenfa.inspectors.base import PackageInfo
from fenfa.services.records import Record
from fenfa.services.texts import one_line
from fenfa.vocabulary import FILE_TYPES, Platform, is_on

_OS_WORD = re.compile(r"^\s*(ios|ipados|android|macos|windows|linux)\b[\s:]*", re.IGNORECASE)
_MAX_BUILD = 2**63 - 1
UNKNOWN_TYPE = Sentence("this file type is not known; its name must end in e.g. .ipa, .apk, .dmg, .msi or .deb")


def bare_os_version(text: str) -> str:
    """`iOS 15.0` and `Android 21` without the word."""
    return _OS_WORD.sub("", text).strip()


def build_number(text: str) -> int:
    """The build as an integer; 0 where the package counts otherwise (`1.2.3`)."""
    return int(text) if text.isascii() and text.isdigit() and int(text[:20]) <= _MAX_BUILD else 0


def stored_form(package: PackageInfo) -> dict[str, Any]:
    """The package as JSON for `releases.package`: everything but the icon, and what the public may see of it as `public`."""
    found = asdict(package)
    del found["icon_png"]
    return found | {"public": _public_form(package)}


def _public_form(package: PackageInfo) -> dict[str, Any]:
    """Nothing of people, devices or the build's innards; what the package does not say is left out."""
    signing = package.signing or {}
    told = {
        "format": package.format,
        "identifier": package.identifier,
        "name": package.name,
        "arch": package.arch,
        "target_sdk": package.facts.get("target_sdk"),
        "permissions": package.facts.get("permissions"),
        "device_family": package.facts.get("device_family"),
        "simulator": "simulator" in str(package.facts.get("platform_name", "")).lower() or None,
        "encrypted": any(piece.get("cryptid") for piece in package.facts.get("slices") or []) or None,
        "signer": _organisation(package),
        "signed": signing.get("verified"),
        "certificates": sorted(_signers(signing)),
    }
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _organisation(package: PackageInfo) -> str:
    """Who signed, where that is an organisation by the rules of whoever issued the certificate; Apple's name people too."""
    signing = package.signing or {}
    named = re.search(r"\bCN=(\"[^\"]+\"|[^,]+)", str(signing.get("subject") or ""))
    if named:
        return one_line(named[1].strip('"'))
    signer = str(signing.get("signer") or "")
    return one_line(signer) if signer.startswith("Developer ID") else ""


def identity(package: PackageInfo) -> str:
    """What stays the same from release to release, and so tells which variant a package belongs to.

    An MSI's product code changes with every major version, so its upgrade code counts; an EXE has no more than its name.
    """
    name = package.name if package.format == "exe" else ""
    return one_line(str(package.facts.get("upgrade_code") or "") or package.identifier or name)


def release_fields(package: PackageInfo, given: dict[str, Any]) -> dict[str, Any]:
    """version, build and min_os: a field that was given wins, the package fills the rest."""
    return {
        "version": given["version"] or one_line(package.version),
        "build": given["build"] if given["build"] is not None else build_number(package.build),
        "min_os": given["min_os"] or one_line(package.min_os),
        "channel": given["channel"] or "",
        "changelog": given["changelog"] or "",
    }


def require_taken(file_ext: str, platform: str) -> None:
    """`BadInput` when the platform does not take files of this type."""
    if not file_ext:
        raise BadInput(UNKNOWN_TYPE)
    if not is_on(file_ext, Platform(platform)):
        types = ", ".join("." + ext for ext in FILE_TYPES[Platform(platform)])
        raise BadInput(
            ".{ext} does not fit the platform {platform}, which takes {types}",
            ext=file_ext,
            platform=platform,
            types=types,
        )


def contradiction(package: PackageInfo, variant: Record) -> Sentence | None:
    """A sentence that names both identifiers when package and variant differ."""
    if not _differ(package, variant):
        return None
    return Sentence(
        "the package is {package}, but the variant is for {variant}",
        package=identity(package),
        variant=variant["identifier"],
    )


def _differ(package: PackageInfo, variant: Record) -> bool:
    return identity(package) not in ("", variant["identifier"]) and bool(variant["identifier"])


def signer_change(package: PackageInfo, previous: Record | None) -> Sentence | None:
    """A sentence when an Android package is signed by others than the `package` of the release before.

    A rotated key is no change: its lineage names the old one.
    """
    old = _signers((previous or {}).get("signing"))
    new = _signers(package.signing) | {one["sha256"] for one in (package.signing or {}).get("lineage", [])}
    if package.platform != Platform.ANDROID or not old or not new or old & new:
        return None
    return Sentence(
        "the signing certificate changed from {was}… to {now}…; phones will not install this over the older release",
        was=min(old)[:16],
        now=min(_signers(package.signing))[:16],
    )


def _signers(signing: Record | None) -> set[str]:
    found = signing or {}
    return set(found.get("signers") or [one["sha256"] for one in found.get("certificates", [])])


def require_agreement(package: PackageInfo, variant: Record) -> None:
    if _differ(package, variant):
        raise Conflict(
            "the package is {package}, but the variant is for {variant}; "
            "choose the right variant or upload to /upload to override",
            package=identity(package),
            variant=variant["identifier"],
        )


def product_values(package: PackageInfo, file_name: str) -> dict[str, Any]:
    """A new product for a package that fits none."""
    return {"name": one_line(package.name) or one_line(package.identifier) or one_line(file_name.partition(".")[0])}


def variant_values(package: PackageInfo, file_ext: str) -> dict[str, Any]:
    return {
        "platform": package.platform,
        "identifier": identity(package),
        "display_name": one_line(package.name),
        "arch": ", ".join(one_line(a, 40) for a in package.arch)[:120],
        "installer_type": file_ext,
        "min_os": one_line(package.min_os),
    }
