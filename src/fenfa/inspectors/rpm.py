"""RPM: a lead, a header of signatures, the header proper, and the files as a packed cpio archive.

The header lists all files, so the payload is opened only where it holds a desktop file or an icon. Signatures are named, not
verified. Source: rpm.org "RPM V4 Package format", rpmtag.h.
"""

import base64
import binascii
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import identifier, openpgp, unpack
from fenfa.inspectors.parts.cpio import Cpio
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.payload import Payload, is_wanted
from fenfa.inspectors.parts.rpm_header import LEAD_SIZE, Header, read_lead
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.unpack import Stream
from fenfa.vocabulary import Platform

_NAME, _VERSION, _RELEASE, _EPOCH, _SUMMARY, _ARCH = 1000, 1001, 1002, 1003, 1004, 1022
_SIZE, _LONG_SIZE, _BUILT = 1009, 5009, 1006
_SOURCE_PACKAGE, _SOURCE_RPM = 1106, 1044
_FOLDERS, _FOLDER_NUMBERS, _NAMES = 1118, 1116, 1117
_COMPRESSOR, _FORMAT = 1125, 1124
_TEXTS = {
    "vendor": 1011,
    "licence": 1014,
    "source_rpm": _SOURCE_RPM,
    "rpm_version": 1064,
    "homepage": 1020,
    "group": 1016,
}
_SIGNATURES = (268, 267, 1002, 1005)  # RSA and DSA over the header; the older two over header and payload
_OPENPGP = 278
_MAX_SIGNATURES = 20
_MAX_VALUE = 1000


@refusing("the RPM")
def inspect(path: Path) -> PackageInfo:
    with path.open("rb") as file:
        return read_rpm(Source(file))


def read_rpm(source: Source) -> PackageInfo:
    is_source = read_lead(source)
    signatures = Header(source, LEAD_SIZE)
    header = Header(source, signatures.end + -signatures.end % 8)
    name = identifier.checked(header.text(_NAME), "package name")
    version, release = header.text(_VERSION), header.text(_RELEASE)
    if not version or not release:
        raise BadPackage("the RPM names no version or no release")
    payload, warnings = _payload(source, header)
    signers = _signatures(signatures)
    return PackageInfo(
        format="rpm",
        platform=Platform.LINUX,
        identifier=name,
        name=name,
        version=version,
        build=release,
        arch=[header.text(_ARCH)] if header.text(_ARCH) else [],
        icon_png=payload.icon(name, warnings),
        signing=_signing(signers),
        facts=_facts(header, is_source or _SOURCE_PACKAGE in header)
        | {"signatures": [str(one) for one in signers], "signed": bool(signers)}
        | payload.facts(name),
        warnings=warnings,
    )


def _facts(header: Header, is_source: bool) -> dict[str, Any]:
    epoch, built = header.number(_EPOCH), header.number(_BUILT)
    size = header.number(_LONG_SIZE) if _LONG_SIZE in header else header.number(_SIZE)
    return {
        "epoch": "" if epoch is None else str(epoch),
        "summary": header.text(_SUMMARY)[:_MAX_VALUE],
        "fields": {key: header.text(tag)[:_MAX_VALUE] for key, tag in _TEXTS.items()}
        | {
            "payload": header.text(_COMPRESSOR)[:20],
            "buildtime": "" if built is None else str(built),
            "size": "" if size is None else str(size),
            "is_source": is_source,
        },
    }


def _signatures(header: Header) -> list[openpgp.Signature]:
    """Those of the old tags, and those that a version 6 package holds besides."""
    found = [one for tag in _SIGNATURES for one in openpgp.read_signatures(header.data(tag))]
    for text in header.texts(_OPENPGP, _MAX_SIGNATURES):
        found += [one for one in openpgp.read_signatures(_decoded(text)) if one not in found]
    return found[:_MAX_SIGNATURES]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def _signing(signatures: list[openpgp.Signature]) -> dict[str, Any] | None:
    if not signatures:
        return None
    listed = [{"key_id": one.key_id, "algorithm": f"{one.key}/{one.digest}"} for one in dict.fromkeys(signatures)]
    return {"schemes": ["openpgp"], "key_ids": list(dict.fromkeys(one.key_id for one in signatures)), "signers": listed}


def _files(header: Header) -> list[str]:
    """The paths of all files, in the order of the payload."""
    folders, names = header.texts(_FOLDERS), header.texts(_NAMES)
    numbers = header.numbers(_FOLDER_NUMBERS)
    return [folders[number] + name for number, name in zip(numbers, names, strict=False) if number < len(folders)]


def _payload(source: Source, header: Header) -> tuple[Payload, list[str]]:
    payload, warnings = Payload(), list[str]()
    wanted = {path for path in _files(header) if is_wanted(path)}
    for path in sorted(wanted):
        payload.note(path)
    if not wanted:
        return payload, warnings
    codec = header.text(_COMPRESSOR) or "gzip"
    try:
        _gather(Cpio(Stream(source.part(header.end), codec, unpack.REACH.get(codec, 0))), wanted, payload)
    except unpack.OutOfReach:
        warnings.append("desktop file and icon were looked for in the first part of the package only")
    except BadPackage as error:
        warnings.append(f"the files of the package cannot be read: {error.message}")
    return payload, warnings


def _gather(archive: Cpio, wanted: set[str], payload: Payload) -> None:
    for entry in archive:
        path = "/" + entry.name.removeprefix("./").removeprefix("/")
        if path not in wanted:
            continue
        if entry.is_file and payload.wants(path, entry.size):
            payload.add(path, archive.read(entry.size))
        wanted.discard(path)
        if not wanted:
            return
