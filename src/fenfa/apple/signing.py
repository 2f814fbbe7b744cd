"""Signs profiles, so that iOS shows them as verified: with a certificate that iOS trusts, such as the site's own for TLS.

The files are read again when they change, as they do with every renewal. The key stays on the disk.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

WARN = timedelta(days=7)
"""How long before its end a certificate is worth a warning; public ones live for weeks."""


@dataclass(frozen=True)
class SigningState:
    """`problem` is a short English sentence, empty while profiles are signed. `expires_at` is None until the files are read."""

    is_configured: bool
    problem: str = ""
    subject: str = ""
    expires_at: datetime | None = None

    def warning(self, now: datetime) -> str:
        """What whoever runs the server should know: the problem, or that the end is near. Empty while all is well."""
        if self.problem or self.expires_at is None or self.expires_at >= now + WARN:
            return self.problem
        return f"the certificate ends on {self.expires_at:%Y-%m-%d}"


@dataclass(frozen=True)
class _Signer:
    chain: list[Any]
    key: Any


class ProfileSigner:
    """Of two PEM files: the certificate with those that lead to a root behind it, and its key. Empty names: signs nothing."""

    def __init__(self, certificate_file: str, key_file: str) -> None:
        self._files = [Path(name) for name in (certificate_file, key_file) if name]
        self._seen: list[tuple[int, int]] = []
        self._signer: _Signer | None = None
        self._problem = ""

    def sign(self, profile: bytes, now: datetime) -> bytes:
        """The profile as it is where it cannot be signed; `state` says why. Reads files."""
        if self.state(now).problem or self._signer is None:
            return profile
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

        own, *others = self._signer.chain
        builder = PKCS7SignatureBuilder().set_data(profile).add_signer(own, self._signer.key, SHA256())
        for certificate in others:
            builder = builder.add_certificate(certificate)
        return builder.sign(Encoding.DER, [PKCS7Options.Binary])

    def state(self, now: datetime) -> SigningState:
        if not self._files:
            return SigningState(is_configured=False)
        self._refresh()
        if self._signer is None:
            return SigningState(is_configured=True, problem=self._problem)
        own = self._signer.chain[0]
        ends, begins = own.not_valid_after_utc, own.not_valid_before_utc
        problem = (
            "the certificate is expired" if ends <= now else "the certificate is not valid yet" if begins > now else ""
        )
        return SigningState(True, problem, own.subject.rfc4514_string(), ends)

    def _refresh(self) -> None:
        if len(self._files) < 2:
            self._forget("certificate and key go together, and one of them is not named")
            return
        try:
            seen = [(stat.st_mtime_ns, stat.st_ino) for stat in (file.stat() for file in self._files)]
            if seen != self._seen:
                self._signer, self._problem = _read(*self._files), ""
                self._seen = seen
        except OSError as error:
            self._forget(f"a file cannot be read: {error.strerror}")
        except (ValueError, TypeError) as error:
            self._forget(str(error))

    def _forget(self, problem: str) -> None:
        self._signer, self._problem, self._seen = None, problem, []


def _read(certificate_file: Path, key_file: Path) -> _Signer:
    """ValueError with a sentence for files that cannot sign."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    certificates, secret = certificate_file.read_bytes(), key_file.read_bytes()
    try:
        chain = x509.load_pem_x509_certificates(certificates)
    except ValueError:
        raise ValueError("the certificate file holds no PEM certificate") from None
    try:
        key = load_pem_private_key(secret, None)
    except (ValueError, TypeError):
        raise ValueError("the key file holds no PEM key without a password") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("the key must be an RSA or EC key")
    if chain[0].public_key() != key.public_key():
        raise ValueError("the key does not belong to the first certificate of the file")
    return _Signer(chain, key)
