"""A fake App Store Connect at the wire: real HTTP, real tokens, pages, limits, and every fault that Apple is known for."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fenfa.apple.keys import TeamKey

ISSUER = "57246542-96fe-1a63-e053-0824d011072a"
LONGEST_TOKEN = timedelta(minutes=20)
Row = dict[str, str]


@dataclass
class Fault:
    """What goes wrong with one request: `status` and `headers` in place of the answer, or its connection is `cut`, or its body is
    `garbage`; before what was asked for is done, or `after`. `status` 0: the right answer."""

    status: int = 0
    code: str = "UNEXPECTED_ERROR"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    garbage: bytes = b""
    after: bool = False


@dataclass(frozen=True)
class Seen:
    """One request, by its number from 1."""

    number: int
    method: str
    path: str
    query: dict[str, list[str]]
    token: str
    body: bytes = b""

    @property
    def udid(self) -> str:
        """Of the device that is to be registered; empty for other requests."""
        return str(json.loads(self.body)["data"]["attributes"]["udid"]) if self.body else ""


@dataclass
class Account:
    """A team at Apple. `problem`: a code with which everything is forbidden. `families`: the class of a UDID."""

    key: TeamKey
    public_key: ec.EllipticCurvePublicKey
    devices: list[Row] = field(default_factory=list)
    limit: int = 100
    problem: str = ""
    revoked: bool = False
    status: str = "ENABLED"
    families: Callable[[str], str] = lambda udid: "IPHONE"

    def add(self, udid: str, name: str = "Phone", status: str = "", **more: str) -> Row:
        row = {"id": f"APPLE{len(self.devices):05}", "udid": udid, "name": name, "platform": "IOS"}
        about = {"deviceClass": self.families(udid), "model": "iPhone 17", "addedDate": "2026-10-01T08:00:00.000+00:00"}
        self.devices.append(row | about | {"status": status or self.status} | more)
        return self.devices[-1]

    def udids(self) -> Counter[str]:
        return Counter(row["udid"].upper() for row in self.devices)


def make_key(key_id: str = "ABC123DEF4") -> tuple[TeamKey, ec.EllipticCurvePublicKey]:
    private = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    text = private.private_bytes(serialization.Encoding.PEM, *form).decode()
    return TeamKey(key_id, ISSUER, text), private.public_key()


def make_account(key_id: str = "ABC123DEF4", **values: Any) -> Account:
    return Account(*make_key(key_id), **values)


def udid(number: int) -> str:
    return f"00008110-{number:016X}"


class AppStore(ThreadingHTTPServer):
    """`fault(seen)` says what goes wrong with a request; `watch(moment, seen)` is called `before` and `after` its effect and once
    it is `answered`. `busiest`: the most requests of one team at the same time."""

    daemon_threads = True

    def __init__(self, *accounts: Account, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.accounts = {account.key.key_id: account for account in accounts}
        self.clock = clock
        self.fault: Callable[[Seen], Fault | None] = lambda seen: None
        self.watch: Callable[[str, Seen], None] = lambda moment, seen: None
        self.page = 200
        self.requests: list[Seen] = []
        self.busiest = 0
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def account(self, token: str) -> Account | None:
        """The account that the token is of, if it is good."""
        try:
            head = jwt.get_unverified_header(token)
            account = self.accounts[head["kid"]]
            options: Any = {"verify_exp": False, "verify_iat": False}  # by our own clock, below
            claims = jwt.decode(token, account.public_key, ["ES256"], options, audience="appstoreconnect-v1")
        except (jwt.PyJWTError, KeyError):
            return None
        now = self.clock().timestamp()
        timely = claims["iat"] <= now < claims["exp"] <= claims["iat"] + LONGEST_TOKEN.total_seconds()
        good = head["typ"] == "JWT" and claims["iss"] == account.key.issuer_id and not account.revoked
        return account if timely and good else None

    @contextmanager
    def counted(self, seen: Seen) -> Iterator[None]:
        head = jwt.get_unverified_header(seen.token)["kid"] if seen.token.count(".") == 2 else ""
        with self._lock:
            self._busy[head] += 1
            self.busiest = max(self.busiest, self._busy[head])
        try:
            yield
        finally:
            with self._lock:
                self._busy[head] -= 1

    def note(self, method: str, target: str, token: str, body: bytes) -> Seen:
        parts = urlsplit(target)
        with self._lock:
            seen = Seen(len(self.requests) + 1, method, parts.path, parse_qs(parts.query), token, body)
            self.requests.append(seen)
        return seen

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error."""

    def asked(self, method: str) -> int:
        return sum(seen.method == method for seen in self.requests)

    def answer(self, seen: Seen) -> tuple[int, Any]:
        account = self.account(seen.token)
        if account is None:
            return 401, problem(401, "NOT_AUTHORIZED", "Provide a properly configured and signed bearer token.")
        if account.problem:
            return 403, problem(403, account.problem, "This request is forbidden.")
        with self._lock:
            return self._register(account, seen.body) if seen.method == "POST" else self._list(account, seen)

    def _list(self, account: Account, seen: Seen) -> tuple[int, Any]:
        rows = account.devices
        if wanted := seen.query.get("filter[udid]"):
            rows = [row for row in rows if row["udid"] in wanted[0].split(",")]
        start = int(seen.query.get("cursor", ["0"])[0])
        size = min(self.page, int(seen.query.get("limit", ["20"])[0]))
        links = {"self": self.url + seen.path}
        if start + size < len(rows):
            links["next"] = f"{self.url}{seen.path}?{urlencode({'cursor': start + size, 'limit': size})}"
        return 200, {"data": [resource(row) for row in rows[start : start + size]], "links": links}

    def _register(self, account: Account, body: bytes) -> tuple[int, Any]:
        given = json.loads(body)["data"]["attributes"]
        if account.udids()[given["udid"].upper()]:
            words = f"A device with number '{given['udid']}' already exists on this team."
            return 409, problem(409, "ENTITY_ERROR.ATTRIBUTE.INVALID", words)
        if set(given["udid"]) - set("0123456789abcdefABCDEF-"):
            words = f"An invalid value '{given['udid']}' was provided for the parameter 'udid'."
            return 409, problem(409, "ENTITY_ERROR.ATTRIBUTE.INVALID", words)
        family = account.families(given["udid"])
        if sum(row["deviceClass"] == family for row in account.devices) >= account.limit:
            words = "Your maximum number of registered devices of this type has been reached."
            return 409, problem(409, "ENTITY_ERROR", words)
        moment = self.clock().astimezone(UTC) + timedelta(
            milliseconds=len(account.devices)
        )  # also while a test's stands
        added = moment.isoformat(timespec="milliseconds")
        row = account.add(given["udid"], given["name"], addedDate=added, platform=given["platform"])
        return 201, {"data": resource(row), "links": {"self": self.url}}


class Handler(BaseHTTPRequestHandler):
    server: AppStore
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        seen = self.server.note(self.command, self.path, token, body)
        with self.server.counted(seen):
            fault = self.server.fault(seen) or Fault()
            self.server.watch("before", seen)
            answer = self.server.answer(seen) if fault.after or fault == Fault() else (0, None)
            self.server.watch("after", seen)
        self._send(fault, *answer)  # no longer counted: the client may be faster than the end of this block
        self.server.watch("answered", seen)

    def _send(self, fault: Fault, status: int, document: Any) -> None:
        if fault.cut:
            self.close_connection = True
            return
        content = json.dumps(document).encode()
        if fault.status:
            status, content = fault.status, json.dumps(problem(fault.status, fault.code, "")).encode()
        self._write(status or 200, fault.garbage or content, fault.headers)

    def _write(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        told = {"date": format_datetime(self.server.clock().astimezone(UTC), usegmt=True)}
        left = 3600 - len(self.server.requests)
        told |= {"content-type": "application/json", "x-rate-limit": f"user-hour-lim:3600;user-hour-rem:{left};"}
        for name, value in (told | {"content-length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def resource(row: Row) -> dict[str, Any]:
    attributes = {name: value for name, value in row.items() if name != "id"}
    return {"type": "devices", "id": row["id"], "attributes": attributes, "links": {"self": "https://…"}}


def problem(status: int, code: str, detail: str) -> dict[str, Any]:
    title = "There is a problem with the request"
    return {"errors": [{"id": "0", "status": str(status), "code": code, "title": title, "detail": detail}]}


@contextmanager
def app_store(*accounts: Account, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[AppStore]:
    with AppStore(*accounts, clock=clock) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
