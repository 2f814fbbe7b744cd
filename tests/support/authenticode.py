"""Authenticode signatures made by hand, with a fresh key and a certificate that signs itself."""

import hashlib
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

_SHA256, _RSA = "608648016503040201", "2a864886f70d010101"
_INDIRECT, _PE_IMAGE = "2b060104018237020104", "2b06010401823702010f"


def signature(digest: bytes, name: str) -> bytes:
    """A CMS SignedData over this SHA-256 digest of a file, by a signer whose common name is `name`."""
    key = _key()
    certificate = _certificate(name)
    encoded = certificate.public_bytes(serialization.Encoding.DER)
    algorithm = sequence(oid(_SHA256), b"\5\0")
    content = sequence(sequence(oid(_PE_IMAGE), b"\5\0"), sequence(algorithm, value(4, digest)))
    inner = content[2 if content[1] < 0x80 else 2 + (content[1] & 0x7F) :]
    attributes = [
        sequence(oid("2a864886f70d010903"), value(0x31, oid(_INDIRECT))),
        sequence(oid("2a864886f70d010904"), value(0x31, value(4, hashlib.sha256(inner).digest()))),
    ]
    signed = key.sign(value(0x31, *attributes), padding.PKCS1v15(), hashes.SHA256())
    serial = certificate.serial_number
    signer = sequence(
        b"\2\1\1",
        sequence(certificate.issuer.public_bytes(), value(2, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))),
        algorithm,
        value(0xA0, *attributes),
        sequence(oid(_RSA), b"\5\0"),
        value(4, signed),
    )
    body = sequence(
        b"\2\1\1",
        value(0x31, algorithm),
        sequence(oid(_INDIRECT), value(0xA0, content)),
        value(0xA0, encoded),
        value(0x31, signer),
    )
    return sequence(oid("2a864886f70d010702"), value(0xA0, body))


def value(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    return value(0x30, *parts)


def oid(digits: str) -> bytes:
    return value(6, bytes.fromhex(digits))


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _certificate(name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2034, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(subject, subject, _key().public_key(), 4711, start, end)
    return builder.sign(_key(), hashes.SHA256())
