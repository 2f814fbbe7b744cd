"""The client against a fake App Store Connect: lists in pages, finds, registers, waits, gives up, and goes to no other host."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import pytest

from fenfa.apple.connect import AppStoreConnect
from fenfa.apple.devices import AppleDevice
from fenfa.apple.keys import Signer, TeamKey
from fenfa.apple.wire import MAX_ANSWER, TRIES, Wire
from fenfa.errors import AppleBusy, AppleRefused, UpstreamFailed
from tests.support.app_store import Account, AppStore, Fault, Seen, app_store, make_account, make_key, udid
from tests.support.client import Clock

SOON = {"retry-after": "0"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def store(account: Account, clock: Clock) -> Iterator[AppStore]:
    with app_store(account, clock=clock) as started:
        yield started


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def apple(store: AppStore, account: Account, clock: Clock, waits: list[float]) -> Iterator[AppStoreConnect]:
    with opened(store.url, account.key, clock, waits) as client:
        yield client


@contextmanager
def opened(
    url: str, key: TeamKey, clock: Callable[..., object], waits: list[float], seconds: float = 10
) -> Iterator[AppStoreConnect]:
    wire = Wire(url, Signer(key), clock, nullcontext, waits.append, seconds)  # type: ignore[arg-type]  # a Clock is one
    client = AppStoreConnect(wire)
    yield client
    client.close()


def faults(*planned: Fault | None) -> Callable[[Seen], Fault | None]:
    """The first requests meet these, in their order; the rest go well."""
    return lambda seen: planned[seen.number - 1] if seen.number <= len(planned) else None


def test_a_device_as_apple_tells_it(apple: AppStoreConnect, account: Account) -> None:
    account.add("00008110000a1d0e3c38801e", "Ann's \x1bphone", "PROCESSING")
    assert list(apple.pages()) == [
        [
            AppleDevice(
                id="APPLE00000",
                name="Ann's phone",
                udid="00008110-000A1D0E3C38801E",
                platform="IOS",
                status="PROCESSING",
                device_class="IPHONE",
                model="iPhone 17",
                added_date="2026-10-01T08:00:00.000Z",
            )
        ]
    ]


@pytest.mark.parametrize(
    ("number", "page", "sizes"), [(0, 200, [0]), (5, 2, [2, 2, 1]), (4, 2, [2, 2]), (450, 200, [200, 200, 50])]
)
def test_pages(
    apple: AppStoreConnect, account: Account, store: AppStore, number: int, page: int, sizes: list[int]
) -> None:
    for n in range(number):
        account.add(udid(n))
    store.page = page
    pages = list(apple.pages())
    assert [len(found) for found in pages] == sizes
    assert [device.udid for found in pages for device in found] == [udid(n) for n in range(number)]


def test_one_token_serves_many_requests(apple: AppStoreConnect, store: AppStore, clock: Clock) -> None:
    for _ in range(3):
        apple.check()
    clock.move(minutes=11)
    apple.check()
    assert len({seen.token for seen in store.requests}) == 2
    assert apple.requests_left == 3596


def test_find(apple: AppStoreConnect, account: Account) -> None:
    account.add(udid(1).lower(), status="DISABLED")
    found = apple.find(udid(1))
    assert found is not None
    assert (found.udid, found.status) == (udid(1), "DISABLED")
    assert apple.find(udid(2)) is None


def test_register(apple: AppStoreConnect, account: Account, clock: Clock) -> None:
    made = apple.register("x" * 80, udid(1))
    assert (made.udid, made.status, made.added_date) == (udid(1), "ENABLED", "2026-11-02T09:30:00.000Z")
    assert account.devices[0]["name"] == "x" * 50
    assert apple.register("", udid(2)).name == udid(2)


def test_register_again_adopts(apple: AppStoreConnect, account: Account, store: AppStore) -> None:
    known = account.add(udid(1).lower(), "Old name", "DISABLED")
    found = apple.register("New name", udid(1))
    assert (found.id, found.name, found.status) == (known["id"], "Old name", "DISABLED")
    assert account.udids() == {udid(1): 1}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, after=True),
        Fault(503, headers=SOON, after=True),
        Fault(cut=True, after=True),
        Fault(cut=True),
        Fault(500),
        Fault(429, headers=SOON),
        Fault(garbage=b"<html>a proxy's page"),
        Fault(garbage=b"[" * 100_000, after=True),
        Fault(garbage=b"[]"),
    ],
)
def test_what_passes_is_tried_again_and_registers_once(
    apple: AppStoreConnect, account: Account, store: AppStore, waits: list[float], fault: Fault
) -> None:
    store.fault = faults(fault)
    assert apple.register("Phone", udid(1)).udid == udid(1)
    assert account.udids() == {udid(1): 1}
    assert len(waits) == 1


def test_waiting_grows_and_ends(apple: AppStoreConnect, store: AppStore, waits: list[float]) -> None:
    store.fault = lambda seen: Fault(500, headers=SOON)
    with pytest.raises(AppleBusy, match="Apple's server failed"):
        apple.check()
    assert len(store.requests) == TRIES
    assert len(waits) == TRIES - 1
    assert all(0 < wait <= 0.4 * 2 ** (n + 1) for n, wait in enumerate(waits))


def test_a_long_wait_is_left_to_the_caller(apple: AppStoreConnect, store: AppStore, waits: list[float]) -> None:
    store.fault = lambda seen: Fault(429, "RATE_LIMIT_EXCEEDED", {"retry-after": "120"})
    with pytest.raises(AppleBusy) as caught:
        apple.check()
    assert (caught.value.retry_after, len(store.requests), waits) == (120, 1, [])


def test_a_silent_apple(account: Account, store: AppStore, clock: Clock, waits: list[float]) -> None:
    over = threading.Event()
    store.watch = lambda moment, seen: None if moment != "before" else (over.wait(30), None)[1]
    with (
        opened(store.url, account.key, clock, waits, seconds=0.05) as apple,
        pytest.raises(AppleBusy, match="does not answer"),
    ):
        apple.check()
    over.set()
    assert len(waits) == TRIES - 1


def test_nobody_there(account: Account, store: AppStore, clock: Clock, waits: list[float]) -> None:
    store.server_close()
    with opened(store.url, account.key, clock, waits) as apple, pytest.raises(AppleBusy, match="cannot be reached"):
        apple.check()


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"revoked": True}, "key"),
        ({"problem": "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED"}, "agreements"),
        ({"problem": "FORBIDDEN_ERROR"}, "role"),
    ],
)
def test_refusals_are_not_tried_again(
    apple: AppStoreConnect, account: Account, store: AppStore, trouble: dict[str, object], reason: str
) -> None:
    for name, value in trouble.items():
        setattr(account, name, value)
    for call in (apple.check, lambda: apple.register("Phone", udid(1)), lambda: list(apple.pages())):
        with pytest.raises(AppleRefused) as caught:
            call()
        assert caught.value.reason == reason
    assert len(store.requests) == 3


def test_a_key_of_another_team(store: AppStore, account: Account, clock: Clock, waits: list[float]) -> None:
    stranger = make_key(account.key.key_id)[0]
    with opened(store.url, stranger, clock, waits) as apple, pytest.raises(AppleRefused) as caught:
        apple.check()
    assert caught.value.reason == "key"


def test_a_wrong_clock(store: AppStore, account: Account, clock: Clock, waits: list[float]) -> None:
    slow = Clock(clock.now - timedelta(hours=1))
    with opened(store.url, account.key, slow, waits) as apple, pytest.raises(AppleRefused) as caught:
        apple.check()
    assert caught.value.reason == "clock"


def test_no_slots(apple: AppStoreConnect, account: Account) -> None:
    account.limit = 1
    apple.register("Phone", udid(1))
    with pytest.raises(AppleRefused, match="no slots are left"):
        apple.register("Phone", udid(2))
    assert apple.register("Phone", udid(1)).udid == udid(1)


def test_a_device_that_apple_does_not_take(apple: AppStoreConnect) -> None:
    with pytest.raises(AppleRefused, match="check its UDID"):
        apple.register("Phone", "no UDID!")


LINKS = ["https://evil.example/v1/devices", "http://127.0.0.1:1/v1/devices", "//evil.example/x", "file:///etc/passwd"]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_to_another_host_is_not_followed(apple: AppStoreConnect, store: AppStore, link: str) -> None:
    body = b'{"data": [], "links": {"next": "%s"}}' % link.encode()
    store.fault = faults(Fault(garbage=body))
    with pytest.raises(UpstreamFailed, match="another host"):
        list(apple.pages())
    assert len(store.requests) == 1


def test_a_redirect_is_not_followed(apple: AppStoreConnect, store: AppStore) -> None:
    store.fault = faults(Fault(302, headers={"location": "http://evil.example/"}))
    with pytest.raises(AppleRefused):
        apple.check()
    assert len(store.requests) == 1


def test_a_list_without_an_end(apple: AppStoreConnect, store: AppStore) -> None:
    body = b'{"data": [], "links": {"next": "%s/v1/devices?cursor=0"}}' % store.url.encode()
    store.fault = lambda seen: Fault(garbage=body)
    with pytest.raises(UpstreamFailed, match="no end"):
        list(apple.pages())


def test_an_answer_without_measure(apple: AppStoreConnect, store: AppStore) -> None:
    store.fault = faults(Fault(garbage=b" " * (MAX_ANSWER + 1)))
    with pytest.raises(UpstreamFailed, match="larger"):
        apple.check()


@pytest.mark.parametrize("data", [b"5", b'"x"', b"{}", b"null"])
def test_a_list_that_is_none(apple: AppStoreConnect, store: AppStore, data: bytes) -> None:
    store.fault = faults(Fault(garbage=b'{"data": %s}' % data))
    with pytest.raises(UpstreamFailed, match="cannot be read"):
        list(apple.pages())


@pytest.mark.parametrize("row", [b"5", b"{}", b'{"id": 7, "attributes": {"udid": [], "name": null, "addedDate": "x"}}'])
def test_rows_of_any_shape(apple: AppStoreConnect, store: AppStore, row: bytes) -> None:
    store.fault = faults(Fault(garbage=b'{"data": [%s]}' % row))
    assert all(device.udid == device.name == device.added_date == "" for page in apple.pages() for device in page)
