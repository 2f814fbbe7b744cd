"""Signed profiles: OpenSSL agrees, renewals are noticed, and what cannot sign says why."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from fenfa.apple.signing import ProfileSigner
from tests.support import device_ca
from tests.support.device_ca import OF_A_CA, Identity

NOW = datetime(2026, 11, 2, tzinfo=UTC)
DATES = (NOW - timedelta(days=60), NOW + timedelta(days=30))
PROFILE = b"<plist>the profile</plist>"
LASTING = (NOW - timedelta(days=1000), NOW + timedelta(days=8000))
ROOT = device_ca.issue(
    None, {"common_name": "Root"}, device_ca.rsa_key("root", 2048), extensions=OF_A_CA, digest="sha256", dates=LASTING
)
MIDDLE = device_ca.issue(
    ROOT,
    {"common_name": "Middle"},
    device_ca.rsa_key("middle", 2048),
    extensions=OF_A_CA,
    digest="sha256",
    dates=LASTING,
)
KEYS: dict[str, device_ca.Key] = {
    "EC": ec.generate_private_key(ec.SECP256R1()),
    "RSA": device_ca.rsa_key("site", 2048),
}


def site(key: str = "EC", dates: tuple[datetime, datetime] = DATES) -> Identity:
    return device_ca.issue(MIDDLE, {"common_name": "get.example.com"}, KEYS[key], digest="sha256", dates=dates)


def stored(folder: Path, identity: Identity, key: bytes | None = None, chain: bytes | None = None) -> ProfileSigner:
    (folder / "chain.pem").write_bytes(identity.pem + MIDDLE.pem if chain is None else chain)
    (folder / "key.pem").write_bytes(identity.key_pem if key is None else key)
    return ProfileSigner(str(folder / "chain.pem"), str(folder / "key.pem"))


@pytest.mark.parametrize("key", KEYS)
def test_openssl_verifies_it_with_the_root_alone(tmp_path: Path, key: str) -> None:
    (tmp_path / "signed").write_bytes(stored(tmp_path, site(key)).sign(PROFILE, NOW))
    (tmp_path / "root.pem").write_bytes(ROOT.pem)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signed", "-CAfile", "root.pem"]
    command += ["-purpose", "any", "-attime", str(int(NOW.timestamp()))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == PROFILE


def test_without_files_nothing_is_signed() -> None:
    signer = ProfileSigner("", "")
    assert signer.sign(PROFILE, NOW) == PROFILE
    assert signer.state(NOW).is_configured is False
    assert signer.state(NOW).warning(NOW) == ""


def test_a_certificate_without_a_key_is_a_problem() -> None:
    for names in (("chain.pem", ""), ("", "key.pem")):
        assert ProfileSigner(*names).sign(PROFILE, NOW) == PROFILE
        problem = "certificate and key go together, and one of them is not named"
        assert ProfileSigner(*names).state(NOW).problem == problem


def test_state_tells_subject_and_end(tmp_path: Path) -> None:
    state = stored(tmp_path, site()).state(NOW)
    assert (state.is_configured, state.problem, state.subject) == (True, "", "CN=get.example.com")
    assert state.expires_at == DATES[1]


def test_warning_a_week_before_the_end(tmp_path: Path) -> None:
    signer = stored(tmp_path, site())
    near = "the certificate ends on 2026-12-02"
    for days, warning in ((0, ""), (22, ""), (24, near), (31, "the certificate is expired")):
        moment = NOW + timedelta(days=days)
        assert signer.state(moment).warning(moment) == warning, days


def test_expired_and_not_yet_valid_sign_nothing(tmp_path: Path) -> None:
    signer = stored(tmp_path, site())
    for moment, problem in (
        (DATES[1], "the certificate is expired"),
        (DATES[0] - timedelta(days=1), "the certificate is not valid yet"),
    ):
        assert signer.sign(PROFILE, moment) == PROFILE
        assert signer.state(moment).problem == problem


def test_a_renewal_is_noticed(tmp_path: Path) -> None:
    signer = stored(tmp_path, site(dates=(DATES[0], NOW)))
    assert signer.sign(PROFILE, NOW) == PROFILE
    stored(tmp_path, site())
    renew(tmp_path)
    assert signer.sign(PROFILE, NOW) != PROFILE
    assert signer.state(NOW).expires_at == DATES[1]


def renew(folder: Path) -> None:
    """Another second on the clock of the file system."""
    for file in folder.iterdir():
        os.utime(file, (1, file.stat().st_mtime + 5))


def test_a_missing_file_is_tried_again(tmp_path: Path) -> None:
    signer = stored(tmp_path, site())
    (tmp_path / "key.pem").rename(tmp_path / "away.pem")
    assert signer.sign(PROFILE, NOW) == PROFILE
    assert signer.state(NOW).problem == "a file cannot be read: No such file or directory"
    (tmp_path / "away.pem").rename(tmp_path / "key.pem")
    assert signer.state(NOW).problem == ""


def locked() -> bytes:
    kind = serialization.PrivateFormat.PKCS8
    password = serialization.BestAvailableEncryption(b"secret")
    return KEYS["EC"].private_bytes(serialization.Encoding.PEM, kind, password)


def edwards() -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("key", "chain", "problem"),
    [
        (b"", None, "the key file holds no PEM key without a password"),
        (locked(), None, "the key file holds no PEM key without a password"),
        (edwards(), None, "the key must be an RSA or EC key"),
        (MIDDLE.key_pem, None, "the key does not belong to the first certificate of the file"),
        (None, MIDDLE.pem + site().pem, "the key does not belong to the first certificate of the file"),
        (None, b"", "the certificate file holds no PEM certificate"),
        (None, site().certificate, "the certificate file holds no PEM certificate"),
    ],
)
def test_what_cannot_sign_says_why(tmp_path: Path, key: bytes | None, chain: bytes | None, problem: str) -> None:
    signer = stored(tmp_path, site(), key, chain)
    assert signer.sign(PROFILE, NOW) == PROFILE
    assert signer.state(NOW).problem == problem
    assert signer.state(NOW).warning(NOW) == problem
