"""The certificate authority that vouches for iPhones and iPads: Apple's, pinned.

Source: Apple, "Over-the-Air Profile Delivery and Configuration" (TP40009505), which prints this certificate and says that the dates
of those it signed are to be ignored. It is of 2007 (RSA-1024, SHA-1) and ran out in 2014; devices still come with its signature.
"""

from pathlib import Path

SHA256 = "76f27d00e1333bc88de0e2916c38c9a7f2b75774c25a794c092a80e3c4c66cce"
"""Fingerprint of the certificate; a test holds the file to it."""


def apple_authorities() -> tuple[bytes, ...]:
    """Certificates in PEM whose keys count."""
    return ((Path(__file__).parent / "apple_iphone_device_ca.pem").read_bytes(),)
