"""Signs APKs in memory, with real keys: schemes v1, v2 and v3 with a lineage, enough to test what verifies them."""

import base64
import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7

from tests.support.packages import zip_bytes

RSA_PSS_SHA256, RSA_SHA256, RSA_SHA512, ECDSA_SHA256, RSA_VERITY = 0x0101, 0x0103, 0x0104, 0x0201, 0x0421
V2, V3 = 0x7109871A, 0xF05368C0
_CHUNK, _PAGE = 1 << 20, 4096


@dataclass(frozen=True)
class Signer:
    """A key with its certificate."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data: bytes, algorithm: int) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(data, ec.ECDSA(hashes.SHA256()))
        digest = hashes.SHA512() if algorithm == RSA_SHA512 else hashes.SHA256()
        if algorithm == RSA_PSS_SHA256:
            return self.key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return self.key.sign(data, padding.PKCS1v15(), digest)


@cache
def make_signer(name: str, *, elliptic: bool = False) -> Signer:
    """A signer whose certificate has this common name."""
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    valid = builder.not_valid_before(datetime(2024, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2054, 1, 1, tzinfo=UTC))
    return Signer(key, valid.sign(key, hashes.SHA256()))


def sign_v1(members: Mapping[str, bytes], signer: Signer, signed_by: str = "") -> dict[str, bytes]:
    """The members with a manifest, a signature file and its block. `signed_by` is `X-Android-APK-Signed`."""
    sections = {
        name: f"Name: {name}\r\nSHA-256-Digest: {_base64(data)}\r\n\r\n".encode() for name, data in members.items()
    }
    manifest = b"Manifest-Version: 1.0\r\n\r\n" + b"".join(sections.values())
    head = f"Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: {_base64(manifest)}\r\n"
    head += f"X-Android-APK-Signed: {signed_by}\r\n" if signed_by else ""
    parts = [f"Name: {name}\r\nSHA-256-Digest: {_base64(raw)}\r\n\r\n" for name, raw in sections.items()]
    content = (head + "\r\n" + "".join(parts)).encode()
    builder = (
        pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(signer.certificate, signer.key, hashes.SHA256())
    )
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.NoAttributes, pkcs7.PKCS7Options.Binary]
    block = builder.sign(Encoding.DER, options)
    return {**members, "META-INF/MANIFEST.MF": manifest, "META-INF/CERT.SF": content, "META-INF/CERT.RSA": block}


def sign_block(
    package: bytes, signer: Signer, *, scheme: int = V2, algorithm: int = RSA_SHA256, lineage: Sequence[Signer] = ()
) -> bytes:
    """The package with an APK Signing Block of one scheme. `lineage` are the signers before this one."""
    directory, end = _places(package)
    digest = _digest(package[:directory], package[directory:end], package[end:], algorithm)
    signed = _prefixed(_prefixed(_tagged(algorithm, digest))) + _prefixed(_prefixed(signer.der))
    levels = b"" if scheme == V2 else struct.pack("<II", 28, 0x7FFFFFFF)
    attribute = struct.pack("<I", 0x3BA06F8C) + _lineage([*lineage, signer]) if lineage else b""
    signed += levels + _prefixed(_prefixed(attribute) if attribute else b"")
    signature = _tagged(algorithm, signer.sign(signed, algorithm))
    body = _prefixed(signed) + levels + _prefixed(_prefixed(signature)) + _prefixed(signer.public_key)
    return insert_block(package, [(scheme, _prefixed(_prefixed(body)))])


def insert_block(package: bytes, pairs: Sequence[tuple[int, bytes]]) -> bytes:
    """The package with these pairs in a signing block before its directory."""
    directory, end = _places(package)
    body = b"".join(struct.pack("<QI", len(value) + 4, identifier) + value for identifier, value in pairs)
    size = struct.pack("<Q", len(body) + 24)
    block = size + body + size + b"APK Sig Block 42"
    tail = bytearray(package[end:])
    tail[16:20] = struct.pack("<I", directory + len(block))
    return package[:directory] + block + package[directory:end] + bytes(tail)


def make_signed(members: Mapping[str, bytes], signer: Signer) -> bytes:
    """A package with v1 and v2 signatures."""
    return sign_block(zip_bytes(sign_v1(members, signer, "2")), signer)


def _places(package: bytes) -> tuple[int, int]:
    end = package.rindex(b"PK\5\6")
    return int(struct.unpack_from("<I", package, end + 16)[0]), end


def _digest(content: bytes, directory: bytes, end: bytes, algorithm: int) -> bytes:
    parts = (content, directory, end)
    if algorithm == RSA_VERITY:
        return _verity(b"".join(parts))
    kind = "sha512" if algorithm == RSA_SHA512 else "sha256"
    pieces = [part[place : place + _CHUNK] for part in parts for place in range(0, len(part), _CHUNK)]
    digests = [hashlib.new(kind, b"\xa5" + struct.pack("<I", len(piece)) + piece).digest() for piece in pieces]
    return hashlib.new(kind, b"\x5a" + struct.pack("<I", len(pieces)) + b"".join(digests)).digest()


def _verity(data: bytes) -> bytes:
    level = data
    while True:
        pages = [level[place : place + _PAGE].ljust(_PAGE, b"\0") for place in range(0, len(level), _PAGE)]
        level = b"".join(hashlib.sha256(bytes(8) + page).digest() for page in pages)
        if len(pages) == 1:
            return level + struct.pack("<Q", len(data))


def _lineage(signers: Sequence[Signer]) -> bytes:
    nodes = struct.pack("<I", 1)
    for index, signer in enumerate(signers):
        signed = _prefixed(signer.der) + struct.pack("<I", RSA_SHA256 if index else 0)
        signature = signers[index - 1].sign(signed, RSA_SHA256) if index else b""
        nodes += _prefixed(_prefixed(signed) + struct.pack("<II", 23, RSA_SHA256) + _prefixed(signature))
    return nodes


def _tagged(number: int, data: bytes) -> bytes:
    return struct.pack("<I", number) + _prefixed(data)


def _prefixed(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def _base64(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
