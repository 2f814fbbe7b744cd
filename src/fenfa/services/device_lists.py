"""Lists of devices in and out: from a team at Apple, and the developer portal's text format."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from fenfa.apple.device_list import MAX_BYTES, Listed, read_list, write_list
from fenfa.apple.devices import AppleDevice, normal_udid
from fenfa.db.tables import devices
from fenfa.errors import BadInput, Sentence
from fenfa.services.apple_calls import connected
from fenfa.services.records import Record, stamp
from fenfa.services.registrations import keep_listing
from fenfa.services.work import Bench, Kind, Work
from fenfa.vocabulary import new_id

_CHUNK = 500
_MACS = ("MAC", "MAC_OS")


def import_text(connection: Connection, now: str, data: bytes) -> Record:
    """`{created, known, problems: [{line, reason}]}`. Devices that are here already stay as they are; new ones are unverified:
    nobody has shown us that they exist."""
    rows, problems = _read(data)
    created = _create_missing(connection, now, rows)
    return {"created": created, "known": len(rows) - created, "problems": problems}


def preview_text(connection: Connection, data: bytes) -> Record:
    """What `import_text` would do: `{new: [{udid, device_name}], known, problems}`. Changes nothing."""
    rows, problems = _read(data)
    missing = _missing(connection, rows)
    return {"new": missing, "known": len(rows) - len(missing), "problems": problems}


def export_text(connection: Connection, query: Select[Any]) -> str:
    """The devices of a query of `devices_query`, for upload at the portal, which takes at most 100 in one file."""
    rows = connection.execute(query.with_only_columns(devices.c.udid, devices.c.device_name))
    return write_list(Listed(row.udid, row.device_name) for row in rows)


def _import_from_apple(bench: Bench, work: Work) -> None:
    """A job: args {team_id}. Takes over what Apple's list has and we have not, Macs apart."""
    started, team_id = stamp(bench.clock()), work.args["team_id"]
    listed: list[AppleDevice] = []
    with connected(bench, team_id) as apple:
        for page in apple.pages():
            listed += page
            work.note(message=Sentence("read {count} devices", count=len(listed)))
    created = bench.database.read_now(_missing, [_row(one) for one in listed if _is_ours(one)])
    message = Sentence("{new} new of {count} devices", new=len(created), count=len(listed))
    told = {"done": len(listed), "total": len(listed), "message": message}
    work.commit(told, _take_over, stamp(bench.clock()), started, team_id, listed)


def _take_over(connection: Connection, now: str, started: str, team_id: str, listed: Sequence[AppleDevice]) -> None:
    _create_missing(connection, now, [_row(one) for one in listed if _is_ours(one)])
    keep_listing(connection, now, started, team_id, listed)


def _read(data: bytes) -> tuple[list[Record], list[Record]]:
    found, problems = read_list(_decoded(data))
    told = [{"line": problem.line, "reason": problem.reason} for problem in problems]
    return [{"udid": one.udid, "device_name": one.name} for one in found], told


def _create_missing(connection: Connection, now: str, rows: Sequence[Record]) -> int:
    missing = _missing(connection, rows)
    if missing:
        made = [{"id": new_id("dev"), "created_at": now, **row} for row in missing]
        connection.execute(insert(devices), made)
    return len(missing)


def _missing(connection: Connection, rows: Sequence[Record]) -> list[Record]:
    known: set[str] = set()
    udids = [row["udid"] for row in rows]
    for start in range(0, len(udids), _CHUNK):
        chunk = udids[start : start + _CHUNK]
        query = select(devices.c.udid).where(devices.c.udid.in_([*chunk, *(udid.lower() for udid in chunk)]))
        known |= {normal_udid(udid) for udid in connection.scalars(query)}
    return list({row["udid"]: row for row in rows if row["udid"] not in known}.values())


def _is_ours(device: AppleDevice) -> bool:
    return bool(normal_udid(device.udid)) and not {device.platform, device.device_class} & set(_MACS)


def _row(device: AppleDevice) -> Record:
    return {"udid": device.udid, "device_name": device.name, "model": device.model}


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise BadInput("the list is larger than a list of devices may be")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("the list must be a text file in UTF-8") from None


IMPORT = Kind("import-from-apple", _import_from_apple)
