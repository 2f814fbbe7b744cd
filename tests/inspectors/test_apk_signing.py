"""Signatures made here with real keys: whole ones verify, and each way to spoil one is found out."""

import random
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import apk_certificates, apk_keys, apk_lineage, jar_manifest
from fenfa.inspectors.parts.apk_keys import Algorithm
from fenfa.inspectors.parts.apk_signing import Levels, Limits, read_jar_signing, read_signing
from fenfa.inspectors.parts.zipsafe import Archive
from tests.support import apk_signer
from tests.support.apk_signer import (
    ECDSA_SHA256,
    RSA_PSS_SHA256,
    RSA_SHA256,
    RSA_SHA512,
    RSA_VERITY,
    V2,
    V3,
    insert_block,
    make_signed,
    make_signer,
    sign_block,
    sign_v1,
)
from tests.support.packages import zip_bytes

MEMBERS = {"AndroidManifest.xml": b"manifest" * 50, "classes.dex": bytes(range(256)) * 9000, "lib/x.so": b"so"}
OLD_APP, QUICK = Levels(21, 29), Limits()
OLD, NEW = make_signer("old"), make_signer("new")


def judged(tmp_path: Path, package: bytes, levels: Levels = OLD_APP, limits: Limits = QUICK) -> dict[str, Any]:
    path = tmp_path / "a.apk"
    path.write_bytes(package)
    with Archive(path, lenient=True) as archive:
        signing = read_signing(archive, levels, limits)
    assert signing is not None
    return signing


def test_v1_and_v2_verify(tmp_path: Path) -> None:
    signing = judged(tmp_path, make_signed(MEMBERS, OLD))
    assert (signing["verified"], signing["schemes"], signing["errors"]) == (True, {"v1": True, "v2": True}, [])
    assert signing["signers"] == [OLD.sha256]
    (certificate,) = signing["certificates"]
    assert (certificate["subject"], certificate["not_after"]) == ("CN=old", "2054-01-01T00:00:00Z")
    assert certificate["schemes"] == ["v1", "v2"]


@pytest.mark.parametrize("algorithm", [RSA_PSS_SHA256, RSA_SHA256, RSA_SHA512])
def test_every_rsa_algorithm_verifies(tmp_path: Path, algorithm: int) -> None:
    signing = judged(tmp_path, sign_block(zip_bytes(MEMBERS), OLD, algorithm=algorithm))
    assert (signing["verified"], signing["only_for_min_sdk"]) == (True, 24)


def test_an_elliptic_key_verifies(tmp_path: Path) -> None:
    signer = make_signer("elliptic", elliptic=True)
    assert judged(tmp_path, sign_block(zip_bytes(MEMBERS), signer, algorithm=ECDSA_SHA256))["verified"] is True


def test_a_hash_tree_verifies(tmp_path: Path) -> None:
    package = _aligned(MEMBERS)
    signed = sign_block(package, OLD, algorithm=RSA_VERITY)
    assert judged(tmp_path, signed)["errors"] == []
    assert "contents were changed" in judged(tmp_path, _flipped(signed, 5000))["errors"][0]


def test_a_lineage_is_told_oldest_first(tmp_path: Path) -> None:
    signing = judged(tmp_path, sign_block(zip_bytes(MEMBERS), NEW, scheme=V3, lineage=[OLD]), Levels(28, 30))
    assert (signing["verified"], signing["schemes"]) == (True, {"v3": True})
    assert [one["sha256"] for one in signing["lineage"]] == [OLD.sha256, NEW.sha256]
    assert signing["lineage"][0]["capabilities"] == ["installed data", "shared UID", "permission", "auth"]
    assert signing["signers"] == [NEW.sha256]


def test_a_lineage_that_ends_elsewhere_is_found_out() -> None:
    lineage = bytearray(apk_signer._lineage([OLD, NEW]))
    apk_lineage.read_lineage(bytes(lineage))
    lineage[-1] ^= 1
    with pytest.raises(BadPackage, match="a signature in its lineage is wrong"):
        apk_lineage.read_lineage(bytes(lineage))


@pytest.mark.parametrize("part", ["entries", "directory"])
def test_changed_contents_are_found_out(tmp_path: Path, part: str) -> None:
    package = sign_block(zip_bytes(MEMBERS), OLD)
    place = 3000 if part == "entries" else package.rindex(b"PK\5\6") - 60
    signing = judged(tmp_path, _flipped(package, place))
    assert signing["verified"] is False
    assert "contents were changed" in signing["errors"][0]


def test_a_changed_entry_is_found_out(tmp_path: Path) -> None:
    members = sign_v1(MEMBERS, OLD)
    signing = judged(tmp_path, zip_bytes(members | {"classes.dex": b"other"}))
    assert signing["errors"] == ["v1: 'classes.dex' was changed: its digest is another one"]
    signing = judged(tmp_path, zip_bytes(members | {"extra": b"other"}))
    assert signing["errors"] == ["v1: no digest for 'extra' in the manifest"]


def test_a_changed_manifest_or_signature_file_is_found_out(tmp_path: Path) -> None:
    members = sign_v1(MEMBERS, OLD)
    spoilt = members["META-INF/MANIFEST.MF"].replace(b"Name: lib/x.so\r\nSHA", b"Name: lib/x.so\r\nMD5")
    assert (
        "section for 'lib/x.so'" in judged(tmp_path, zip_bytes(members | {"META-INF/MANIFEST.MF": spoilt}))["errors"][0]
    )
    spoilt = members["META-INF/CERT.SF"].replace(b"1.0", b"1.1")
    assert "the signature is wrong" in judged(tmp_path, zip_bytes(members | {"META-INF/CERT.SF": spoilt}))["errors"][0]
    without = {name: data for name, data in members.items() if name != "lib/x.so"}
    assert "which is not there" in judged(tmp_path, zip_bytes(without))["errors"][0]


def test_a_stripped_signature_is_found_out(tmp_path: Path) -> None:
    signing = judged(tmp_path, zip_bytes(sign_v1(MEMBERS, OLD, "2, 3")))
    assert "a v2 signature exists, but there is none: was it stripped?" in signing["errors"][0]


def test_schemes_must_name_the_same_signer(tmp_path: Path) -> None:
    signing = judged(tmp_path, sign_block(zip_bytes(sign_v1(MEMBERS, OLD)), NEW))
    assert signing["errors"] == ["the schemes v1 and v2 are signed with different certificates"]


def test_a_new_target_needs_more_than_v1(tmp_path: Path) -> None:
    signing = judged(tmp_path, zip_bytes(sign_v1(MEMBERS, OLD)), Levels(21, 30))
    assert (signing["verified"], signing["schemes"]) == (False, {"v1": True})


def test_what_is_too_large_is_neither_true_nor_false(tmp_path: Path) -> None:
    signing = judged(tmp_path, make_signed(MEMBERS, OLD), limits=Limits(file=1000, entries=1000))
    assert (signing["verified"], signing["schemes"]) == (None, {"v1": None, "v2": None})
    assert "too large" in signing["errors"][0]


def test_a_bundle_is_signed_as_a_jar(tmp_path: Path) -> None:
    path = tmp_path / "a.aab"
    path.write_bytes(zip_bytes(sign_v1(MEMBERS, OLD)))
    with Archive(path) as archive:
        signing = read_jar_signing(archive)
    assert signing is not None
    assert (signing["verified"], signing["signers"]) == (True, [OLD.sha256])


def test_a_block_out_of_place_does_not_count(tmp_path: Path) -> None:
    signing = judged(tmp_path, sign_block(zip_bytes(MEMBERS), OLD) + b"x")
    assert signing["verified"] is False
    assert "the zip's end" in signing["errors"][0]


@pytest.mark.parametrize("value", [b"", b"\xff" * 64, struct.pack("<II", 4, 0), struct.pack("<III", 8, 4, 1 << 31)])
@pytest.mark.parametrize("scheme", [V2, V3])
def test_a_broken_block_is_an_error_not_a_crash(tmp_path: Path, scheme: int, value: bytes) -> None:
    signing = judged(tmp_path, insert_block(zip_bytes(MEMBERS), [(scheme, value)]))
    assert signing["verified"] is False
    assert signing["errors"]


def test_a_key_of_another_kind_is_refused() -> None:
    with pytest.raises(BadPackage, match="does not go with its key"):
        apk_keys.verify(OLD.public_key, Algorithm("DSA", "", "sha256"), b"", b"")


def test_a_name_is_written_as_apksigner_does() -> None:
    parts = apk_certificates.take_apart(OLD.der)
    assert apk_certificates.distinguished_name(parts.subject) == "CN=old"


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _aligned(members: dict[str, bytes]) -> bytes:
    """A package whose directory begins at a page, for the hash tree."""
    filler = b""
    for _ in range(5):
        package = zip_bytes({"filler": filler, **members})
        offset = struct.unpack_from("<I", package, package.rindex(b"PK\5\6") + 16)[0]
        if offset % 4096 == 0:
            return package
        filler = random.Random(7).randbytes(len(filler) + -offset % 4096)  # cannot be packed
    raise AssertionError("no alignment found")


@pytest.mark.parametrize(
    "data", [b"a: b\n" * 3_000_000, b"a: b\r\n" + b" c\r\n" * 3_000_000, b"\n" * 20_000_000, b":" * (20 << 20)]
)
def test_a_manifest_of_any_kind_is_read_quickly(data: bytes) -> None:
    started = time.process_time()
    with suppress(BadPackage):
        jar_manifest.read_sections(data)
    assert time.process_time() - started < 4  # the promise is 2 on a quiet machine


def test_manifest_lines_may_be_broken_and_end_in_any_way() -> None:
    sections = jar_manifest.read_sections(b"A: 1\r\n\r\nName: ab\r\n cd\r\nX: 2\n\n\nName: e\rY: 3")
    assert [one.attributes for one in sections] == [{"a": "1"}, {"name": "abcd", "x": "2"}, {"name": "e", "y": "3"}]
    assert [one.raw for one in sections] == [b"A: 1\r\n\r\n", b"Name: ab\r\n cd\r\nX: 2\n\n", b"Name: e\rY: 3"]
