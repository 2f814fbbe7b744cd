"""A device authority like Apple's of 2007 (RSA-1024, SHA-1, long expired), the devices that it vouches for, and their replies.

cryptography signs no certificates with SHA-1 any more; so they are put together here with asn1crypto and signed raw.
"""

import hashlib
import plistlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from asn1crypto import cms, core, keys, pem, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

BEGIN, END = datetime(2007, 4, 16, tzinfo=UTC), datetime(2014, 4, 16, tzinfo=UTC)
APPLE_NAME = {
    "country_name": "US",
    "organization_name": "Apple Inc.",
    "organizational_unit_name": "Apple iPhone",
    "common_name": "Apple iPhone Device CA",
}
UDID = "00008110-000A1D0E3C38801E"
HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(name: str, bits: int = 1024) -> rsa.RSAPrivateKey:
    """The same key for the same name, while the process lives."""
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True)
class Identity:
    """A certificate (DER) and its key."""

    certificate: bytes
    key: Key

    @property
    def pem(self) -> bytes:
        return bytes(pem.armor("CERTIFICATE", self.certificate))

    @property
    def key_pem(self) -> bytes:
        kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, kind, plain)

    @property
    def parsed(self) -> x509.Certificate:
        return x509.Certificate.load(self.certificate)


@dataclass(frozen=True)
class Extension:
    name: str
    value: Any
    critical: bool = True


USUAL = (
    Extension("basic_constraints", {"ca": False}),
    Extension("key_usage", {"digital_signature", "key_encipherment"}),
    Extension("extended_key_usage", ["server_auth", "client_auth"]),
)
OF_A_CA = (
    Extension("basic_constraints", {"ca": True}),
    Extension("key_usage", {"digital_signature", "key_cert_sign", "crl_sign"}),
)


def authority(key: str = "device authority") -> Identity:
    """A root of the same name, size and dates as Apple's."""
    return issue(None, APPLE_NAME, rsa_key(key), serial=1, extensions=OF_A_CA)


def device(issuer: Identity | None = None, key: Key | None = None, **changes: Any) -> Identity:
    """A device of this authority. `changes`: as for `issue`."""
    name = {"common_name": "9E01AD5B-75A0-457C-A236-EE503C7225CE"}
    return issue(issuer or authority(), name, key or rsa_key("device"), **changes)


def issue(
    issuer: Identity | None,
    name: dict[str, str],
    key: Key,
    *,
    serial: int = 0x010B483239BD61D6905A,
    extensions: Sequence[Extension] = USUAL,
    digest: str = "sha1",
    dates: tuple[datetime, datetime] = (BEGIN, END),
) -> Identity:
    """A certificate by `issuer`; self-signed without one."""
    subject = x509.Name.build(name)
    algorithm = {"algorithm": f"{digest}_rsa"}
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": serial,
            "signature": algorithm,
            "issuer": issuer.parsed.subject if issuer else subject,
            "validity": {
                "not_before": x509.Time({"utc_time": dates[0]}),
                "not_after": x509.Time({"utc_time": dates[1]}),
            },
            "subject": subject,
            "subject_public_key_info": keys.PublicKeyInfo.load(_public(key)),
            "extensions": [
                {"extn_id": one.name, "critical": one.critical, "extn_value": one.value} for one in extensions
            ],
        }
    )
    signature = raw_signature(issuer.key if issuer else key, body.dump(), digest)
    made = x509.Certificate({"tbs_certificate": body, "signature_algorithm": algorithm, "signature_value": signature})
    return Identity(made.dump(), key)


def answer(challenge: str | None, **changes: Any) -> bytes:
    """The property list of a reply; None leaves a key out."""
    said = {"UDID": UDID, "PRODUCT": "iPhone17,1", "VERSION": "22F76", "CHALLENGE": challenge} | changes
    return plistlib.dumps({name: value for name, value in said.items() if value is not None})


@dataclass(frozen=True)
class Reply:
    """Signed data, with everything in it that can be wrong. `signers` sign; `extra` certificates come along."""

    content: bytes
    signers: tuple[Identity, ...] = field(default_factory=lambda: (device(),))
    digest: str = "sha256"
    attributes: tuple[str, ...] = ("content_type", "signing_time", "message_digest")
    certificates: tuple[Identity, ...] | None = None
    extra: tuple[Identity, ...] = ()
    signed_content: bytes | None = None  # what the signature is of, if not of the content
    content_type: str = "data"
    named_type: str = "data"  # what the attribute says of it
    sid_by_key: bool = False
    algorithm: str = ""

    def encode(self) -> bytes:
        held = self.signers if self.certificates is None else self.certificates
        signed = cms.SignedData(
            {
                "version": "v1",
                "digest_algorithms": [{"algorithm": self.digest}],
                "encap_content_info": {"content_type": self.content_type, "content": self._held()},
                "certificates": [one.parsed for one in (*self.extra, *held)],
                "signer_infos": [self._signer_info(one) for one in self.signers],
            }
        )
        return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())

    def _held(self) -> Any:
        return self.content if self.content_type == "data" else core.OctetString(self.content)

    def _signer_info(self, signer: Identity) -> cms.SignerInfo:
        content = self.content if self.signed_content is None else self.signed_content
        info = cms.SignerInfo(
            {
                "version": "v1",
                "sid": self._sid(signer.parsed),
                "digest_algorithm": {"algorithm": self.digest},
                "signature_algorithm": {"algorithm": self.algorithm or _plain_algorithm(signer.key)},
                "signature": b"",
            }
        )
        if self.attributes:
            info["signed_attrs"] = cms.CMSAttributes([self._attribute(name, content) for name in self.attributes])
            content = cms.CMSAttributes(info["signed_attrs"]).untag().dump()
        info["signature"] = raw_signature(signer.key, content, self.digest)
        return info

    def _sid(self, certificate: x509.Certificate) -> cms.SignerIdentifier:
        if self.sid_by_key:
            return cms.SignerIdentifier({"subject_key_identifier": certificate.public_key.sha1})
        by = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
        return cms.SignerIdentifier({"issuer_and_serial_number": by})

    def _attribute(self, name: str, content: bytes) -> cms.CMSAttribute:
        values: dict[str, Any] = {
            "content_type": self.named_type,
            "signing_time": cms.Time({"utc_time": datetime(2026, 11, 2, tzinfo=UTC)}),
            "message_digest": hashlib.new(self.digest, content).digest(),
        }
        return cms.CMSAttribute({"type": name, "values": [values[name]]})


def asked(profile: bytes) -> dict[str, Any]:
    """What a profile asks for: URL, DeviceAttributes, Challenge. A signed one may be given too."""
    if not profile.startswith(b"<?xml"):
        profile = bytes(cms.ContentInfo.load(profile)["content"]["encap_content_info"]["content"])
    return dict(plistlib.loads(profile)["PayloadContent"])


def respond(profile: bytes, signer: Identity | None = None, **changes: Any) -> tuple[str, bytes]:
    """What a device does with a profile: the URL to post to, and its signed reply. `changes`: as for `answer`."""
    payload = asked(profile)
    return payload["URL"], Reply(answer(payload["Challenge"], **changes), (signer or device(),)).encode()


def raw_signature(key: Key, data: bytes, digest: str) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), HASHES[digest])
    return key.sign(data, ec.ECDSA(HASHES[digest]))


def as_ber(reply: bytes, chunk: int = 100) -> bytes:
    """The same reply with indefinite lengths and the content in pieces, as streaming writers make it."""
    signed = cms.ContentInfo.load(reply)["content"]
    inner = signed["encap_content_info"]
    content = bytes(inner["content"])
    pieces = b"".join(
        core.OctetString(content[start : start + chunk]).dump() for start in range(0, len(content), chunk)
    )
    data = _open(b"\x30", inner["content_type"].dump() + _open(b"\xa0", _open(b"\x24", pieces)))
    parts = [signed["version"].dump(), signed["digest_algorithms"].dump(), data]
    parts += [signed["certificates"].dump(), signed["signer_infos"].dump()]
    whole = _open(b"\x30", b"".join(parts))
    return _open(b"\x30", core.ObjectIdentifier("1.2.840.113549.1.7.2").dump() + _open(b"\xa0", whole))


def _open(tag: bytes, content: bytes) -> bytes:
    return tag + b"\x80" + content + b"\0\0"


def _plain_algorithm(key: Key) -> str:
    return "rsassa_pkcs1v15" if isinstance(key, rsa.RSAPrivateKey) else "sha256_ecdsa"


def _public(key: Key) -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, kind)
