"""What a saved reply holds, for people: its signature, the certificates that came along, and what the device said."""

from collections.abc import Sequence
from typing import Any

from asn1crypto import x509

from fenfa.apple.cms import DAMAGED, open_envelope, refusing
from fenfa.apple.device_reply import check_signer, is_vouched_for, read_attributes


def report(data: bytes, authorities: Sequence[bytes]) -> dict[str, Any]:
    """Plain values. `BadInput` for what no server would take."""
    envelope = open_envelope(data)
    check_signer(envelope.signer)
    with refusing(DAMAGED):
        return {
            "is_verified": is_vouched_for(envelope, authorities),
            "digest": envelope.digest,
            "has_attributes": envelope.has_attributes,
            "signer": _certificate(envelope.signer),
            "others": [_certificate(one) for one in envelope.certificates if one.dump() != envelope.signer.dump()],
            "attributes": read_attributes(envelope.content),
        }


def _certificate(certificate: x509.Certificate) -> dict[str, str]:
    body = certificate["tbs_certificate"]
    return {
        "subject": body["subject"].human_friendly,
        "issuer": body["issuer"].human_friendly,
        "serial": f"{certificate.serial_number:x}",
        "key": f"{certificate.public_key.algorithm} {certificate.public_key.bit_size}",
        "signed_with": certificate["signature_algorithm"]["algorithm"].native,
        "not_before": body["validity"]["not_before"].native.isoformat(),
        "not_after": body["validity"]["not_after"].native.isoformat(),
        "sha256": certificate.sha256.hex(),
    }
