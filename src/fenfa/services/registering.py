"""Registering devices with Apple, one or many, and keeping up with what Apple's list says.

Many are a job. It reads Apple's list first, so that a device which is registered already costs no request, and so that slots are
counted before one is used. Every step can be repeated: a device whose answer was lost is found at Apple the next time.
"""

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from fenfa.apple.devices import AppleDevice, family_of
from fenfa.apple.refusals import is_about_team, no_slots
from fenfa.db.tables import apple_registrations, devices
from fenfa.errors import AppleRefused, Conflict, Sentence
from fenfa.services.apple_calls import connected
from fenfa.services.apple_teams import list_teams
from fenfa.services.records import Record, fetch_all, stamp
from fenfa.services.registrations import keep, keep_listing, plan
from fenfa.services.work import Bench, Kind, Work

if TYPE_CHECKING:
    from fenfa.apple.connect import AppStoreConnect


def register_one(bench: Bench, team_id: str, device: Record) -> AppleDevice:
    """What Apple says of the device once it is registered; `keep` notes it. Again is harmless. Blocks."""
    with connected(bench, team_id) as apple:
        return _register(apple, device)


def read_list(bench: Bench, team_id: str) -> list[AppleDevice]:
    """Apple's whole list of the team's devices, which also brings ours up to date. Blocks."""
    started = stamp(bench.clock())
    with connected(bench, team_id) as apple:
        listed = [device for page in apple.pages() for device in page]
    bench.database.write_now(keep_listing, stamp(bench.clock()), started, team_id, listed)
    return listed


def require_confirmation(planned: Record) -> None:
    """`Conflict` for a plan of `registrations.plan` that would leave few slots."""
    if planned["needs_confirmation"]:
        least = min(one["left_after"] for one in planned["families"] if one["left_after"] is not None)
        raise Conflict(
            "this would leave {left} of 100 slots of the membership year; confirm it to go on", left=max(least, 0)
        )


def refusals(memory: Record) -> dict[str, str]:
    """Device ID → why Apple refused it, from the memory of a job of `REGISTER`."""
    return dict(memory.get("refused", {}))


def _register_devices(bench: Bench, work: Work) -> None:
    with connected(bench, work.args["team_id"]) as apple:
        _Registering(bench, work, apple).run()


class _Registering:
    """A job of `REGISTER`: args {team_id, device_ids, confirmed}, memory {listed, refused, full}, the last two the refused
    devices and the families without slots."""

    def __init__(self, bench: Bench, work: Work, apple: "AppStoreConnect") -> None:
        self._bench, self._work, self._apple = bench, work, apple
        self._team_id, self._wanted = str(work.args["team_id"]), list(work.args["device_ids"])

    def run(self) -> None:
        if not self._work.memory.get("listed"):
            self._read_list()
        waiting = self._bench.database.read_now(self._waiting)
        self._work.note(**self._progress(len(waiting)))
        for left, device in zip(range(len(waiting) - 1, -1, -1), waiting, strict=True):
            self._step(device, left)

    def _read_list(self) -> None:
        """In one step, before anything is registered: a year with few slots is asked about first."""
        started = stamp(self._bench.clock())
        listed = [device for page in self._apple.pages() for device in page]
        self._work.memory |= {"listed": True, "refused": {}, "full": []}

        def unit(connection: Connection) -> None:
            keep_listing(connection, stamp(self._bench.clock()), started, self._team_id, listed)

        self._work.commit({}, unit)
        if not self._work.args["confirmed"]:
            pairs = [(device_id, self._team_id) for device_id in self._wanted]
            for planned in self._bench.database.read_now(plan, pairs, self._bench.clock().date()):
                require_confirmation(planned)

    def _waiting(self, connection: Connection) -> list[Record]:
        """In the order in which they came to us."""
        known = select(apple_registrations.c.device_id).where(apple_registrations.c.team_id == self._team_id)
        query = select(devices).where(devices.c.id.in_(self._wanted), devices.c.id.not_in(known))
        found = fetch_all(connection, query.order_by(devices.c.seq))
        return [device for device in found if device["id"] not in self._work.memory["refused"]]

    def _step(self, device: Record, left: int) -> None:
        family = family_of(device["model"])
        try:
            if family and family in self._work.memory["full"]:
                raise no_slots()
            found = _register(self._apple, device)
        except AppleRefused as error:
            if is_about_team(error):
                raise
            self._refuse(device, family, error, left)
        else:
            now = stamp(self._bench.clock())
            self._work.commit(self._progress(left), keep, now, self._team_id, device["id"], found)

    def _refuse(self, device: Record, family: str, error: AppleRefused, left: int) -> None:
        self._work.memory["refused"] |= {device["id"]: error.message}
        if error.reason == "slots":
            self._work.memory["full"] = sorted({*self._work.memory["full"], family})
        self._work.note(**self._progress(left))

    def _progress(self, left: int) -> Record:
        total, refused = len(self._wanted), len(self._work.memory["refused"])
        done = total - left
        message = Sentence("{registered} registered, {refused} refused", registered=done - refused, refused=refused)
        return {"done": done, "total": total, "message": message}


def _sync_teams(bench: Bench, work: Work) -> None:
    """Reads the list of every team with a key, so that slots, states and the keys' health are known. A team whose key is
    refused does not keep the others from theirs."""
    teams = bench.database.read_now(_teams_with_keys)
    for team_id in teams:
        if team_id in work.memory.get("read", []):
            continue
        with suppress(AppleRefused):  # noted as the team's health
            read_list(bench, team_id)
        work.memory["read"] = [*work.memory.get("read", []), team_id]
        work.note(done=len(work.memory["read"]), total=len(teams))


def _teams_with_keys(connection: Connection) -> list[str]:
    return [str(team["id"]) for team in list_teams(connection) if team["configured"]]


def _register(apple: "AppStoreConnect", device: Record) -> AppleDevice:
    name = device["device_name"] or f"{device['model']} {device['udid'][-4:]}"
    return apple.register(name, device["udid"])


REGISTER = Kind("register-with-apple", _register_devices)
SYNC = Kind("read-apple-lists", _sync_teams, timedelta(hours=6), lambda connection: bool(_teams_with_keys(connection)))
