"""Apple's pieces of an IPA: property lists, a provisioning profile with real certificates, a Mach-O header."""

import datetime
import plistlib
import struct
from collections.abc import Mapping
from typing import Any

from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CREATED = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
EXPIRES = datetime.datetime(2034, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
ARM64, X86_64, ARM = 0x0100000C, 0x01000007, 12


def plist(value: Any, binary: bool = True) -> bytes:
    return plistlib.dumps(value, fmt=plistlib.FMT_BINARY if binary else plistlib.FMT_XML)


def provisioning_profile(identifier: str, extra: Mapping[str, Any] | None = None) -> bytes:
    """An ad-hoc profile of team TEAM123456 for two devices. `extra` adds or replaces keys, None removes one."""
    values = {
        "AppIDName": "Example App",
        "ApplicationIdentifierPrefix": ["TEAM123456"],
        "CreationDate": CREATED,
        "DeveloperCertificates": [certificate("Apple Distribution: Example Ltd (TEAM123456)")],
        "Entitlements": {
            "application-identifier": f"TEAM123456.{identifier}",
            "com.apple.developer.team-identifier": "TEAM123456",
            "get-task-allow": False,
        },
        "ExpirationDate": EXPIRES,
        "Name": "Example Ad Hoc",
        "Platform": ["iOS"],
        "ProvisionedDevices": ["00008110-000A1D0E3C38801E", "00008110-000A1D0E3C38801F"],
        "TeamIdentifier": ["TEAM123456"],
        "TeamName": "Example Ltd",
        "UUID": "12345678-90AB-CDEF-1234-567890ABCDEF",
        "Version": 1,
        **(extra or {}),
    }
    return envelope(plist({key: value for key, value in values.items() if value is not None}, binary=False))


def envelope(content: bytes) -> bytes:
    """CMS signed data around these bytes, without signers, as `security cms` would unwrap it."""
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "data", "content": content},
            "signer_infos": [],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())


def certificate(common_name: str) -> bytes:
    """A self-signed certificate in DER, valid from CREATED to EXPIRES."""
    key = ec.derive_private_key(0xFE17FA, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial_number=1)
    made = builder.not_valid_before(CREATED).not_valid_after(EXPIRES).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def mach_o(cpu: int = ARM64, subtype: int = 0) -> bytes:
    """The header of a 64-bit (or, for plain ARM, 32-bit) executable without load commands."""
    if cpu == ARM:
        return struct.pack("<7I", 0xFEEDFACE, cpu, subtype, 2, 0, 0, 0)
    return struct.pack("<8I", 0xFEEDFACF, cpu, subtype, 2, 0, 0, 0, 0)


def fat_mach_o(*slices: bytes) -> bytes:
    """Several executables in one universal file."""
    offset = 8 + 20 * len(slices)
    table, bodies = b"", b""
    for piece in slices:
        cpu, subtype = struct.unpack_from("<II", piece, 4)
        table += struct.pack(">5I", cpu, subtype, offset + len(bodies), len(piece), 0)
        bodies += piece
    return struct.pack(">II", 0xCAFEBABE, len(slices)) + table + bodies


def signed_mach_o(signature: bytes, cpu: int = ARM64) -> bytes:
    """An executable whose one load command points at this code signature."""
    command = struct.pack("<4I", 0x1D, 16, 64, len(signature))
    header = struct.pack("<8I", 0xFEEDFACF, cpu, 0, 2, 1, len(command), 0, 0)
    return (header + command).ljust(64, b"\0") + signature


def code_signature(
    identifier: str = "com.example.app",
    team: str = "TEAM123456",
    flags: int = 0x10000,
    entitlements: Mapping[str, Any] | None = None,
    signer: str = "Apple Distribution: Example Ltd (TEAM123456)",
) -> bytes:
    """A super blob of a code directory, entitlements and a CMS signature (an empty one where `signer` is empty)."""
    name, owner = identifier.encode() + b"\0", team.encode() + b"\0"
    fixed = struct.pack(">IIIIIIIBBBBIII", 0x20200, flags, 0, 52, 0, 0, 0, 32, 2, 0, 12, 0, 0, 52 + len(name))
    directory = struct.pack(">II", 0xFADE0C02, 8 + len(fixed) + len(name) + len(owner)) + fixed + name + owner
    granted = plist(dict(entitlements or {}), binary=False)
    blobs = [
        (0, directory),
        (5, struct.pack(">II", 0xFADE7171, 8 + len(granted)) + granted),
        (0x10000, _cms_blob(signer)),
    ]
    place, index, bodies = 12 + 8 * len(blobs), b"", b""
    for slot, blob in blobs:
        index += struct.pack(">II", slot, place + len(bodies))
        bodies += blob
    return struct.pack(">III", 0xFADE0CC0, place + len(bodies), len(blobs)) + index + bodies


def _cms_blob(signer: str) -> bytes:
    body = _signed_by(signer) if signer else b""
    return struct.pack(">II", 0xFADE0B01, 8 + len(body)) + body


def _signed_by(common_name: str) -> bytes:
    """CMS signed data with a stranger's certificate first and the signer's second."""
    own, other = (asn1_x509.Certificate.load(certificate(name)) for name in (common_name, "Somebody Else"))
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}}
        ),
        "digest_algorithm": {"algorithm": "sha256"},
        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
        "signature": b"not verified",
    }
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "data"},
            "certificates": [other, own],
            "signer_infos": [signer],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())
