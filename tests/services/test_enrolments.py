"""Enrolments on both engines: used up once, whoever is there at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Connection, func, select

from fenfa.apple.device_reply import DeviceReply
from fenfa.db.tables import audit, device_bindings, device_sessions, devices
from fenfa.errors import BadInput, Conflict, NotFound, RateLimited
from fenfa.runtime import Runtime
from fenfa.services.calls import count_call
from fenfa.services.devices import bound_variants
from fenfa.services.enrolments import (
    Begun,
    Goal,
    Subject,
    begin_enrolment,
    complete_enrolment,
    device_of_browser,
    find_goal,
    find_subject,
    forget_old,
    is_bound,
)
from tests.services.shop import Shop
from tests.support.device_ca import UDID

REPLY = DeviceReply("", UDID, "iPhone17,1", "18.5", "22F76", "", is_verified=True)


def begun(shop: Shop, subject: Subject | None = None, browser: str = "") -> Begun:
    return begin_enrolment(shop.connection, shop.bench.clock(), 10, subject or Subject(), browser)


def complete(shop: Shop, one: Begun, enforce: bool = False, **said: object) -> Goal:
    reply = replace(REPLY, challenge=one.challenge, **said)  # type: ignore[arg-type]  # fields of a reply
    return complete_enrolment(shop.connection, shop.bench.clock(), one.nonce, reply, enforce)


def count(connection: Connection, *tables: object) -> list[int]:
    return [int(connection.scalar(select(func.count()).select_from(table)) or 0) for table in tables]  # type: ignore[arg-type]


def test_a_device_is_made_bound_and_known(shop: Shop) -> None:
    product = shop.product()
    variants = [shop.variant(product, "ios") for _ in range(2)]
    one = begun(shop, Subject(product))
    now = shop.bench.clock()
    assert find_goal(shop.connection, now, one.nonce) is None
    assert complete(shop, one) == Goal("myapp") == find_goal(shop.connection, now, one.nonce)
    known = device_of_browser(shop.connection, now, one.browser)
    assert known is not None
    assert (known["udid"], known["model"], known["verified_at"]) == (UDID, "iPhone17,1", shop.now)
    assert bound_variants(shop.connection, known["id"]) == variants
    assert is_bound(shop.connection, now, one.nonce, "", variants[1])
    assert is_bound(shop.connection, now, "", one.browser, variants[0])
    assert not is_bound(shop.connection, now, "", "", variants[0])
    assert device_of_browser(shop.connection, now, "another") is None


def test_again_adds_what_is_new(shop: Shop) -> None:
    first, second = shop.variant(platform="ios"), shop.variant(platform="ios")
    for variant in (first, first, second):
        subject = find_subject(shop.connection, variant, "", "")
        complete(shop, begun(shop, subject), product="", os_version="", os_build="")
    assert count(shop.connection, devices, device_bindings) == [1, 2]


def test_silence_changes_nothing(shop: Shop) -> None:
    complete(shop, begun(shop), device_name="Phone")
    complete(shop, begun(shop), product="", os_version="", os_build="", device_name="")
    row = shop.connection.execute(select(devices)).mappings().one()
    assert [row[name] for name in ("model", "os_version", "os_build", "device_name")] == [
        "iPhone17,1",
        "18.5",
        "22F76",
        "Phone",
    ]


def test_a_nonce_is_used_once(shop: Shop) -> None:
    one = begun(shop)
    complete(shop, one)
    assert complete(shop, one, udid="B" * 40) == Goal()
    assert count(shop.connection, devices, device_sessions, audit) == [1, 1, 1]


def test_what_is_refused_uses_nothing_up(shop: Shop) -> None:
    one = begun(shop)
    with pytest.raises(BadInput, match="another profile"):
        complete_enrolment(shop.connection, shop.bench.clock(), one.nonce, REPLY, enforce=False)
    with pytest.raises(BadInput, match="does not vouch"):
        complete(shop, one, enforce=True, is_verified=False)
    with pytest.raises(BadInput, match="too late"):
        complete(shop, replace(one, nonce="unknown"))
    assert count(shop.connection, devices, audit) == [0, 0]
    assert complete(shop, one) == Goal()


def test_forged_words_about_a_proved_device(shop: Shop) -> None:
    complete(shop, begun(shop))
    with pytest.raises(Conflict, match="has proved before"):
        complete(shop, begun(shop), is_verified=False)


def test_time_runs_out(shop: Shop) -> None:
    one = begun(shop)
    late = shop.bench.clock() + timedelta(minutes=10)
    with pytest.raises(BadInput, match="too late"):
        complete_enrolment(shop.connection, late, one.nonce, replace(REPLY, challenge=one.challenge), enforce=False)
    forget_old(shop.connection, late + timedelta(hours=1, seconds=1))
    with pytest.raises(BadInput, match="too late"):
        find_goal(shop.connection, shop.bench.clock(), one.nonce)


def test_what_cannot_be_enrolled_for(shop: Shop) -> None:
    linux, ios = shop.variant(), shop.variant(platform="ios", published=False)
    for wanted, error in ((linux, BadInput), (ios, NotFound), ("var_nothing", NotFound)):
        with pytest.raises(error):
            find_subject(shop.connection, wanted, "", "")
    assert find_subject(shop.connection, "", "", "") == Subject()


def test_many_replies_at_once_make_one_device(bench: Runtime) -> None:
    one = bench.database.write_now(begin_enrolment, bench.clock(), 10, Subject(), "")
    together = Barrier(8)

    def reply(number: int) -> Goal:
        together.wait()
        said = replace(REPLY, challenge=one.challenge, udid=f"{number:040X}")
        return bench.database.write_now(complete_enrolment, bench.clock(), one.nonce, said, enforce=False)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(reply, range(8))) == {Goal()}
    assert bench.database.read_now(count, devices, device_sessions, audit) == [1, 1, 1]


def test_calls_are_counted_over_threads(bench: Runtime) -> None:
    together = Barrier(8)
    bench.database.write_now(
        count_call, bench.clock(), bench.keys, "it", "192.0.2.1", 5
    )  # PostgreSQL: the row is there

    def call(_: int) -> bool:
        together.wait()
        try:
            bench.database.write_now(count_call, bench.clock(), bench.keys, "it", "192.0.2.1", 5)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(call, range(8))) == 4
