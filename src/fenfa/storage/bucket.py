"""Opening what an `Address` names, with obstore: S3 and its kin, Google Cloud Storage, Azure. Imported by `s3` alone, so that
a server without a bucket carries none of it."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.store import AzureStore, GCSStore, S3Store

from fenfa.errors import BadInput
from fenfa.storage.base import Address
from fenfa.storage.presign import Signer

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_RETRY: "RetryConfig" = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=15),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
}
TRANSFER = 60
"""Seconds for a part of an upload or a piece of a download."""
QUESTION = 8
"""Seconds for what carries next to nothing. It is asked twice before a store counts as unreachable."""
Store = AzureStore | GCSStore | S3Store


def open_store(address: Address, seconds: int = TRANSFER) -> Store:
    """`seconds`: what one request may take."""
    scheme, _, name = address.bucket.rpartition("://")
    shared: dict[str, Any] = {"client_options": _client(address.endpoint, seconds), "retry_config": _RETRY}
    if scheme == "gs":
        return GCSStore(name, config=_google(address), **shared)
    if scheme == "az":
        return AzureStore(container_name=name, config=_azure(address), **shared)
    return S3Store(address.bucket, config=_s3(address), **shared)


def signer_of(address: Address) -> Signer | None:
    """None where others sign: GCS and Azure, and S3 with the keys of the machine."""
    if "://" in address.bucket or not address.access_key:
        return None
    region = address.region or _REGION
    endpoint = address.endpoint or f"https://s3.{region}.amazonaws.com"
    return Signer(f"{endpoint}/{address.bucket}", region, address.access_key, address.secret_key)


_REGION = "us-east-1"
"""What S3 calls itself where nobody says; R2, MinIO and SeaweedFS take it for theirs."""


def _client(endpoint: str, seconds: int) -> "ClientConfig":
    return {"connect_timeout": "5s", "timeout": f"{seconds}s", "allow_http": urlsplit(endpoint).scheme == "http"}


def _s3(address: Address) -> Any:
    keys = {"access_key_id": address.access_key, "secret_access_key": address.secret_key} if address.access_key else {}
    place = {"endpoint": address.endpoint} if address.endpoint else {}
    return {"region": address.region or _REGION, "checksum_algorithm": "SHA256", **place, **keys}


def _google(address: Address) -> Any:
    """`secret_key` is the text of a service account's JSON; without one, the machine's own account counts."""
    if not address.secret_key:
        return {}
    try:
        json.loads(address.secret_key)
    except ValueError:
        raise BadInput("s3_secret_key must be the JSON of a service account, for a bucket of Google's") from None
    return {"service_account_key": address.secret_key}


def _azure(address: Address) -> Any:
    place = {"endpoint": address.endpoint} if address.endpoint else {}
    keys = {"account_key": address.secret_key} if address.secret_key else {}
    return {"account_name": address.access_key, **place, **keys}
