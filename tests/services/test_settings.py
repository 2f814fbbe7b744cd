"""Settings: first values from the configuration, all changes or none, secrets sealed."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sqlalchemy import select

from fenfa.config import Config
from fenfa.db.tables import products
from fenfa.db.tables import settings as table
from fenfa.errors import BadInput, SecretLost
from fenfa.services import settings
from fenfa.services.vault import unseal
from tests.services.shop import Shop

CONFIG = Config(
    primary_domain="https://get.example.com/", secondary_domains=("https://cdn.example.com/",), organization="Org"
)


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def save(shop: Shop, **changes: object) -> settings.Settings:
    settings.save_settings(shop.connection, shop.now, shop.bench.keys, changes)
    return settings.load_settings(shop.connection, CONFIG)


def test_configuration_gives_the_first_values(shop: Shop) -> None:
    loaded = settings.load_settings(shop.connection, CONFIG)
    assert (loaded["primary_domain"], loaded["organization"]) == ("https://get.example.com", "Org")
    shown = loaded.public()
    assert (shown["secondary_domains"], shown["updated_at"]) == (["https://cdn.example.com"], None)
    assert (shown["s3_configured"], shown["apple_configured"]) == (False, False)


def test_saved_values_win_and_are_replaced(shop: Shop) -> None:
    assert save(shop, organization="One")["organization"] == "One"
    loaded = save(shop, organization="Two", secondary_domains=["https://a.example/", ""])
    assert (loaded["organization"], loaded.public()["secondary_domains"]) == ("Two", ["https://a.example"])
    assert loaded.updated_at == shop.now
    assert save(shop, organization="")["organization"] == ""


def test_change_moves_every_page(shop: Shop) -> None:
    shop.product()
    save(shop, organization="New")
    assert shop.connection.scalar(select(products.c.revision)) == 2


@pytest.mark.parametrize("name", ["s3_access_key", "s3_secret_key", "apple_private_key"])
def test_secret_is_sealed_under_its_name(shop: Shop, name: str) -> None:
    secret = pem(ec.generate_private_key(ec.SECP256R1())) if name == "apple_private_key" else "very-secret-value"
    loaded = save(shop, **{name: secret})
    sealed = loaded[name]
    stored = str(shop.connection.execute(select(table)).all())
    assert secret.strip() not in stored
    assert base64.b64encode(secret.encode()).decode()[:40] not in stored
    assert unseal(shop.bench.keys, name, sealed).strip() == secret.strip()
    with pytest.raises(SecretLost):
        unseal(shop.bench.keys, "another_name", sealed)
    assert sealed not in str(loaded.public())


def test_sealing_twice_gives_two_texts(shop: Shop) -> None:
    first = save(shop, s3_secret_key="same")["s3_secret_key"]
    assert save(shop, s3_secret_key="same")["s3_secret_key"] != first


def test_changed_seal_does_not_open(shop: Shop) -> None:
    raw = bytearray(base64.b64decode(save(shop, s3_secret_key="secret")["s3_secret_key"]))
    raw[-1] ^= 1
    with pytest.raises(SecretLost):
        unseal(shop.bench.keys, "s3_secret_key", base64.b64encode(raw).decode())


def test_empty_secret_takes_the_old_one_away(shop: Shop) -> None:
    full = {"s3_bucket": "my-bucket", "s3_access_key": "a", "s3_secret_key": "b"}
    assert save(shop, **full).public()["s3_configured"] is True
    loaded = save(shop, s3_secret_key="")
    assert (loaded["s3_secret_key"], loaded.public()["s3_configured"]) == ("", False)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("nonsense", "x", "unknown field 'nonsense'"),
        ("organization", 7, "organization must be a line"),
        ("organization", "a\nb", "organization must be a line"),
        ("organization", "x" * 256, "organization must be a line"),
        ("primary_domain", "get.example.com", "primary_domain must be a URL"),
        ("primary_domain", "https://get.example.com/path", "primary_domain must be a URL"),
        ("primary_domain", "javascript:alert(1)", "primary_domain must be a URL"),
        ("primary_domain", "https://a@b", "primary_domain must be a URL"),
        ("primary_domain", "https://[::1", "primary_domain must be a URL"),
        ("primary_domain", "https://a:port", "primary_domain must be a URL"),
        ("upload_domain", "ftp://a.example", "upload_domain must be a URL"),
        ("secondary_domains", "https://a.example", "secondary_domains must be a list"),
        ("secondary_domains", ["https://a.example"] * 21, "secondary_domains must be a list"),
        ("secondary_domains", [7], "secondary_domains must be a line"),
        ("storage_type", "ftp", "storage_type must be"),
        ("s3_bucket", "UPPER", "s3_bucket must be a bucket name"),
        ("s3_bucket", "../x", "s3_bucket must be a bucket name"),
        ("s3_region", "eu central", "s3_region must be a region"),
        ("s3_secret_key", "a b", "s3_secret_key must not hold spaces"),
        ("apple_key_id", "short", "apple_key_id must be the 10"),
        ("apple_issuer_id", "not-a-uuid", "apple_issuer_id must be the issuer"),
        ("apple_private_key", "-----BEGIN PRIVATE KEY-----", "apple_private_key must be the text"),
        ("apple_private_key", None, "apple_private_key must be the text"),
    ],
)
def test_bad_value_is_refused_and_nothing_is_saved(shop: Shop, name: str, value: object, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        save(shop, **{"s3_endpoint": "https://s3.example.com", name: value})
    assert shop.connection.execute(select(table)).all() == []


def test_every_problem_is_found_at_once(shop: Shop) -> None:
    found = settings.find_problems({"organization": "a\nb", "s3_bucket": "UPPER", "apple_key_id": "ABC123DEF4"})
    assert {name: str(error) for name, error in found.items()} == {
        "organization": "must be a line of at most 255 characters",
        "s3_bucket": "must be a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
    }


def test_rsa_key_is_no_apple_key(shop: Shop) -> None:
    with pytest.raises(BadInput, match="apple_private_key must be the text"):
        save(shop, apple_private_key=pem(rsa.generate_private_key(65537, 1024)))


def test_every_setting_has_a_check() -> None:
    assert "apple_private_key" in settings.setting_names()
    assert len(settings.setting_names()) == 16
