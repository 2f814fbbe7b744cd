"""Verifies the JAR signature of an APK (scheme v1): signature blocks, signature files, manifest, every entry.

Source: JAR specification, and the rules of Android's own verifier where they differ.
"""

import hashlib
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import apk_pkcs7, jar_manifest
from fenfa.inspectors.parts.apk_schemes import Outcome
from fenfa.inspectors.parts.jar_manifest import Section
from fenfa.inspectors.parts.zipsafe import Archive

MANIFEST = "META-INF/MANIFEST.MF"
_BLOCKS = (".RSA", ".DSA", ".EC")
_MAX_SIGNERS = 10
_MAX_BLOCK = 1 << 20
_MAX_FILE = 24 << 20
_MAX_ERRORS = 5
_DIGEST, _OF_MANIFEST, _OF_MAIN = "-Digest", "-Digest-Manifest", "-Digest-Manifest-Main-Attributes"
_SCHEME_NUMBERS = {"2": "v2", "3": "v3"}


class Signer(NamedTuple):
    """One signer: its block's name, its certificate, and the entries that its signature file covers."""

    name: str
    certificate: bytes
    entries: set[str]


def block_names(archive: Archive) -> list[str]:
    """The signature blocks in META-INF."""
    return [name for name in archive.members if name.startswith("META-INF/") and name.upper().endswith(_BLOCKS)]


def stored_certificates(archive: Archive) -> list[bytes]:
    """All certificates in the signature blocks. One that cannot be read has none."""
    found: list[bytes] = []
    for name in block_names(archive)[:_MAX_SIGNERS]:
        try:
            found += apk_pkcs7.read_signed_data(archive.read(name, _MAX_BLOCK)).certificates
        except (BadPackage, IndexError):
            continue
    return found


def verify_jar(archive: Archive, schemes: set[str], min_sdk: int, limit: int | None) -> Outcome:
    """Verifies for Android from this SDK level on. `schemes` are the newer ones that are there; `limit` bounds the unpacked
    bytes that are hashed."""
    try:
        manifest = _read(archive, MANIFEST)
        sections = jar_manifest.read_sections(manifest) or [Section({}, b"")]
        entries = _by_name(archive, sections[1:])
        signers = [
            _read_signer(archive, name, manifest, sections[0], entries, schemes, min_sdk)
            for name in _signing_blocks(archive)
        ]
        errors, complete = _check_entries(archive, entries, [one for one in signers if one.entries], min_sdk, limit)
    except (BadPackage, IndexError) as error:
        return Outcome(False, [], [], [f"v1: {error}"])
    covering = [one.certificate for one in signers if one.entries]
    verified = False if errors else True if complete else None
    return Outcome(verified, covering, [], [f"v1: {error}" for error in errors[:_MAX_ERRORS]])


def _read(archive: Archive, name: str) -> bytes:
    if name not in archive:
        raise BadPackage(f"{name} is missing")
    data = archive.read(name, _MAX_FILE)
    if not data:
        raise BadPackage(f"{name} is empty")
    return data


def _by_name(archive: Archive, sections: list[Section]) -> dict[str, Section]:
    entries: dict[str, Section] = {}
    for section in sections:
        if not section.name:
            raise BadPackage("a section of the manifest has no name")
        if section.name in entries:
            raise BadPackage(f"the manifest names {section.name!a} twice")
        if section.name not in archive:
            raise BadPackage(f"the manifest names {section.name!a}, which is not there")
        entries[section.name] = section
    return entries


def _signing_blocks(archive: Archive) -> list[str]:
    """The signature blocks that have a signature file beside them."""
    names = [name for name in block_names(archive) if name.endswith(_BLOCKS) and _signature_file(name) in archive]
    if not names:
        raise BadPackage("no JAR signature")
    if len(names) > _MAX_SIGNERS:
        raise BadPackage("more JAR signers than Android takes")
    return names


def _signature_file(block: str) -> str:
    return block.rpartition(".")[0] + ".SF"


def _read_signer(
    archive: Archive,
    block: str,
    manifest: bytes,
    main: Section,
    entries: dict[str, Section],
    schemes: set[str],
    min_sdk: int,
) -> Signer:
    """A signer whose block verifies its signature file, and whose signature file verifies the manifest."""
    content = _read(archive, _signature_file(block))
    try:
        certificate = apk_pkcs7.signing_certificate(archive.read(block, _MAX_BLOCK), content, min_sdk)
        head, *parts = jar_manifest.read_sections(content) or [Section({}, b"")]
        _check_head(head, schemes)
        covered = _check_sections(head, parts, manifest, main, entries, min_sdk)
    except BadPackage as error:
        raise BadPackage(f"{block}: {error}") from None
    return Signer(block, certificate, covered)


def _check_head(head: Section, schemes: set[str]) -> None:
    if "signature-version" not in head.attributes:
        raise BadPackage("its signature file has no version")
    for number in head.attributes.get("x-android-apk-signed", "").split(","):
        scheme = _SCHEME_NUMBERS.get(number.strip())
        if scheme and scheme not in schemes:
            raise BadPackage(f"it says that a {scheme} signature exists, but there is none: was it stripped?")


def _check_sections(
    head: Section, parts: list[Section], manifest: bytes, main: Section, entries: dict[str, Section], min_sdk: int
) -> set[str]:
    """The names of the entries that the signature file covers. The digest of the whole manifest spares those of its parts."""
    whole = jar_manifest.matches(head, _OF_MANIFEST, min_sdk, manifest)
    by_signtool = "signtool" in head.attributes.get("created-by", "")
    if not whole and not by_signtool and jar_manifest.matches(head, _OF_MAIN, min_sdk, main.raw) is False:
        raise BadPackage("the manifest's first section has another digest")
    covered: set[str] = set()
    for part in parts:
        if part.name in covered or not part.name:
            raise BadPackage("a section of its signature file has no name, or stands twice")
        covered.add(part.name)
        if whole:
            continue
        if part.name not in entries:
            raise BadPackage(f"it covers {part.name!a}, which the manifest does not name")
        if jar_manifest.matches(part, _DIGEST, min_sdk, entries[part.name].raw) is not True:
            raise BadPackage(f"the manifest's section for {part.name!a} has no digest, or another one")
    return covered


def _check_entries(
    archive: Archive, entries: dict[str, Section], signers: list[Signer], min_sdk: int, limit: int | None
) -> tuple[list[str], bool]:
    """What is wrong with the entries, and whether all were hashed: all must be signed, by the same signers."""
    names = [name for name in archive.members if not name.startswith("META-INF/") and not name.endswith("/")]
    errors: list[str] = []
    if not names or not signers:
        return ["nothing is signed"], True
    everybody = {signer.name for signer in signers}
    for name in names:
        if name not in entries or not jar_manifest.digests_of(entries[name], _DIGEST, min_sdk):
            errors.append(f"no digest for {name!a} in the manifest")
        elif {signer.name for signer in signers if name in signer.entries} != everybody:
            errors.append(f"{name!a} is not signed, or not by all signers")
    if errors:
        return errors, True
    if limit is not None and sum(archive.members[name].size for name in names) > limit:
        return [], False
    changed = [name for name in names if not _is_unchanged(archive, name, entries[name], min_sdk)]
    return [f"{name!a} was changed: its digest is another one" for name in changed], True


def _is_unchanged(archive: Archive, name: str, section: Section, min_sdk: int) -> bool:
    digests = jar_manifest.digests_of(section, _DIGEST, min_sdk)
    hashes = [hashlib.new(kind) for kind, _ in digests]
    for piece in archive.stream(name):
        for one in hashes:
            one.update(piece)
    return all(one.digest() == digest for one, (_, digest) in zip(hashes, digests, strict=True))
