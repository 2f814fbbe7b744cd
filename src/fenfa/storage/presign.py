"""Presigned requests to S3 and its kin: AWS Signature Version 4 in the query, as AWS's "Authenticating Requests: Using Query
Parameters" has it. Whoever holds such a URL may do this one thing until it ends. obstore signs too, but neither names that a
download gets, nor headers that an upload must have, nor the requests about unfinished uploads.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


@dataclass(frozen=True)
class Signer:
    """`base` is the bucket's own URL, without a slash at its end."""

    base: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)

    def url(
        self,
        method: str,
        key: str,
        seconds: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """The URL for `method` on `key` (empty: the bucket). Its request must carry exactly these `headers`, named in lower
        case, and may carry others."""
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        host, root = _place(self.base)
        signed = {"host": host, **(headers or {})}
        asked = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{self.access_key}/{self._scope(now)}",
            "X-Amz-Date": now,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": ";".join(sorted(signed)),
            **(query or {}),
        }
        text = "&".join(f"{name}={quote(asked[name], safe=_UNRESERVED)}" for name in sorted(asked))
        target = "/" + quote(key, safe=_UNRESERVED + "/")
        return f"{self.base}{target}?{text}&X-Amz-Signature={self._sign(now, method, root + target, text, signed)}"

    def _scope(self, now: str) -> str:
        return f"{now[:8]}/{self.region}/s3/aws4_request"

    def _sign(self, now: str, method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        request = f"{method}\n{path}\n{query}\n{lines}\n{';'.join(sorted(headers))}\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{now}\n{self._scope(now)}\n{digest}"
        return _mac(_signing_key(self.secret_key, now[:8], self.region), text).hex()


@lru_cache(maxsize=16)
def _place(base: str) -> tuple[str, str]:
    parts = urlsplit(base)
    return parts.netloc, parts.path


@lru_cache(maxsize=16)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
