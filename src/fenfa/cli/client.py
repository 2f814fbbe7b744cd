"""The HTTP side of `fenfa upload`: one file as multipart, tried again with the same key until the server has it."""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx

from fenfa import __version__
from fenfa.cli import ExitCode
from fenfa.cli.direct import Direct
from fenfa.cli.pieces import CHUNK_BYTES, MOVED, Pieces, Watcher, takes_pieces
from fenfa.errors import BadInput
from fenfa.vocabulary import CONTENT_TYPES, file_type

CONNECT_SECONDS = 10.0
LONGEST_BACKOFF_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 300.0
PASSING_STATUSES = frozenset({429, 502, 503, 504})  # not 507: a full disk stays full, not 500: a bug stays a bug


@dataclass(frozen=True)
class Receipt:
    """The server has the file. `data` is its whole answer, the rest is what people want to see of it."""

    data: dict[str, Any]
    name: str
    version: str
    build: int | None
    sha256: str
    page: str
    release_page: str
    download: str
    warnings: tuple[str, ...]
    devices: dict[str, int]  # `{known, installable}`, for an admin's token and a build for iOS; else empty
    exit_code: ClassVar[ExitCode] = ExitCode.OK


@dataclass(frozen=True)
class Failure:
    """The server does not have the file. `passing`: a later try may do better, after `retry_after` seconds if it says."""

    code: str
    message: str
    exit_code: ExitCode
    passing: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class Clock:
    """What trying again needs of time and chance. `jitter(top)` is a random number of seconds from 0 to `top`."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    jitter: Callable[[float], float] = lambda top: secrets.SystemRandom().uniform(0, top)


class Body:
    """One file as multipart/form-data (RFC 7578), the fields before it. To iterate sends it once, in constant memory;
    `headers` name its exact length, and `sha256()` is that of the file as it was sent.
    """

    def __init__(self, file: Path, fields: Mapping[str, str], on_sent: Callable[[int], None]) -> None:
        boundary = f"fenfa-{secrets.token_hex(16)}"
        parts = [f"--{boundary}\r\n{disposition(name)}\r\n\r\n{value}\r\n" for name, value in fields.items()]
        kind = CONTENT_TYPES[file_type(file.name)]
        parts.append(f"--{boundary}\r\n{disposition('app_file', file.name)}\r\nContent-Type: {kind}\r\n\r\n")
        self._head = "".join(parts).encode(errors="replace")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        self._on_sent = on_sent
        self._hash = hashlib.sha256()
        self.size = file.stat().st_size
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + self.size + len(self._tail)),
        }

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        with self._file.open("rb", buffering=0) as opened:
            yield from self._send(opened.read)
        yield self._tail

    def sha256(self) -> str:
        return self._hash.hexdigest()

    def _send(self, read: Callable[[int], bytes]) -> Iterator[bytes]:
        left = self.size
        while chunk := read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                break
            self._hash.update(chunk)
            yield chunk
            self._on_sent(len(chunk))
        if left:
            raise OSError("it changed while it was being sent")


def disposition(name: str, file_name: str | None = None) -> str:
    """A part's header. File names are quoted as browsers do it: RFC 7578 forbids `filename*` here."""
    quoted = (file_name or "").replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    return f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{quoted}"' if file_name else "")


def connect(server: str, token: str, *, timeout: float, insecure: bool) -> httpx.Client:
    """A client of one Fenfa server. `timeout` is how many seconds the server may be silent."""
    if not (token.isascii() and token.isprintable()):
        raise BadInput("the token holds characters that no token has")
    try:
        return httpx.Client(
            base_url=parse_server(server),
            headers={"X-Auth-Token": token, "User-Agent": f"fenfa/{__version__}", "Accept": "application/json"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
            verify=not insecure,
        )
    except (OSError, ValueError, httpx.InvalidURL) as error:  # SSL_CERT_FILE, HTTPS_PROXY and their like
        raise BadInput(f"the environment's TLS or proxy settings cannot be used: {error}") from error


def parse_server(server: str) -> httpx.URL:
    try:
        url = httpx.URL(server)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise BadInput("--server needs the address of a Fenfa server, such as https://apps.example.com")
    return url


@dataclass(frozen=True)
class Uploader:
    """Sends files to one route with the same fields."""

    http: httpx.Client
    route: str
    fields: Mapping[str, str]
    retries: int
    clock: Clock = field(default_factory=Clock)

    def send(self, file: Path, watcher: Watcher) -> Receipt | Failure:
        """Send a file, again while that may help. All tries carry one key, so that the server makes one release."""
        key = secrets.token_hex(16)
        fields = {**self.fields, **({"smart": "1"} if self.route.endswith("smart-upload") else {})}
        direct, pieces = Direct(self.http, file, fields, key), Pieces(self.http, file, fields)
        for number in range(self.retries):
            outcome = self._try(file, key, direct, pieces, watcher)
            if isinstance(outcome, Receipt) or not outcome.passing:
                return outcome
            self._wait(number, outcome, watcher)
        return self._try(file, key, direct, pieces, watcher)

    def _try(self, file: Path, key: str, direct: Direct, pieces: Pieces, watcher: Watcher) -> Receipt | Failure:
        try:
            answer = direct.send(watcher)
            if answer is not None:
                return self._judge(answer, direct.sha256)
            pieces.sha256 = direct.sha256
            if pieces.place or takes_pieces(self.http, file):
                answer = pieces.send(watcher)
                return self._judge(answer, pieces.sha256, MOVED)
            body = Body(file, self.fields, watcher.advance)
            watcher.begin(body.size)
            headers = {**body.headers, "Idempotency-Key": key}
            answer = self.http.post(self.route, content=body, headers=headers)
        except httpx.RequestError as error:
            return explain_silence(error, error.request.url)
        except OSError as error:
            return Failure("UNREADABLE_FILE", f"cannot read it: {error.strerror or error}", ExitCode.FAILED)
        return self._judge(answer, body.sha256())

    def _judge(self, answer: httpx.Response, sha256: str, passing: frozenset[int] = frozenset()) -> Receipt | Failure:
        if answer.is_success:
            return check_receipt(answer, sha256)
        failure = explain_refusal(answer, self.clock.now())
        return replace(failure, passing=True) if answer.status_code in passing else failure

    def _wait(self, number: int, failure: Failure, watcher: Watcher) -> None:
        """Wait as long as the server asks, else a random time that may double with each try (full jitter)."""
        seconds = failure.retry_after
        if seconds is None:
            seconds = self.clock.jitter(min(2.0 ** (number + 1), LONGEST_BACKOFF_SECONDS))
        watcher.note(f"{failure.message}; trying again in {seconds:.1f} s (retry {number + 1} of {self.retries})")
        self.clock.sleep(seconds)


def check_receipt(answer: httpx.Response, sent_sha256: str) -> Receipt | Failure:
    """The receipt, when the server stored the very bytes that were sent."""
    try:
        receipt = read_receipt(answer.json()["data"])
    except (ValueError, KeyError, TypeError):
        return Failure(
            "NOT_FENFA", f"{where(answer)} answered, but not as Fenfa does; is it the right address?", ExitCode.FAILED
        )
    if receipt.sha256 != sent_sha256:
        message = f"the server stored other bytes than were sent: SHA-256 {receipt.sha256} instead of {sent_sha256}"
        return Failure("CHECKSUM_MISMATCH", message, ExitCode.FAILED)
    return receipt


def read_receipt(data: dict[str, Any]) -> Receipt:
    """Raises KeyError or TypeError for an answer that is not one of `POST /upload`."""
    release, urls = data["release"], data["urls"]
    return Receipt(
        data,
        name=data["app"]["name"],
        version=release["version"],
        build=release["build"],
        sha256=release["sha256"],
        page=urls["page"],
        release_page=urls["release_page"],
        download=urls["download"],
        warnings=tuple(data["warnings"]),
        devices=dict(data.get("devices") or {}),
    )


def explain_refusal(answer: httpx.Response, now: float) -> Failure:
    """The server's own words if it is a Fenfa, else what its status says."""
    status = answer.status_code
    try:
        error = answer.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        code, message = f"HTTP_{status}", explain_stranger(answer)
    token = answer.request.headers["X-Auth-Token"]
    message = message.replace(token, "…")  # a proxy's error page may repeat the request
    retry_after = read_retry_after(answer.headers.get("Retry-After", ""), now)
    return Failure(code, message, exit_code_of(status), status in PASSING_STATUSES, retry_after)


def explain_stranger(answer: httpx.Response) -> str:
    said = f"{where(answer)} answered {answer.status_code} {answer.reason_phrase}".rstrip()
    if answer.is_redirect:
        return f"{said} to {answer.headers['Location']}; give --server the address that it leads to"
    return f"{said}, and not as Fenfa does; a proxy may stand before it, or --server be another's address"


def exit_code_of(status: int) -> ExitCode:
    if status in (401, 403):
        return ExitCode.UNAUTHORISED
    if status >= 500 or status in PASSING_STATUSES:
        return ExitCode.UNREACHABLE
    return ExitCode.REFUSED if status >= 400 else ExitCode.USAGE


def explain_silence(error: httpx.RequestError, server: httpx.URL) -> Failure:
    """No answer came: what is between here and the server, in words."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        hint = "name its authority in SSL_CERT_FILE, or give --insecure"
        return Failure(
            "BAD_CERTIFICATE", f"the certificate of {host(server)} is not trusted; {hint}", ExitCode.UNREACHABLE
        )
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        message = f"{host(server)} did not answer in time ({reason})"
    elif isinstance(error, httpx.ConnectError):
        message = f"cannot reach {host(server)}: {reason}"
    else:
        message = f"the connection to {host(server)} broke: {reason}"
    return Failure("UNREACHABLE", message, ExitCode.UNREACHABLE, passing=True)


def read_retry_after(value: str, now: float) -> float | None:
    """Seconds from a `Retry-After` (a number or a date), bounded; None for none."""
    try:
        seconds = float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - now
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def where(answer: httpx.Response) -> str:
    return host(answer.request.url)


def host(url: httpx.URL) -> str:
    """The address without a password that may stand in it."""
    return f"{url.scheme}://{url.netloc.decode()}"
