"""Apple teams: accounts of App Store Connect, whose keys register devices.

The team of the settings (`apple_key_id` …) is the default one; its ID is the word `default`. Further teams are rows. A
product may choose one; products that do not are of the default team.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from fenfa.apple.keys import TeamKey
from fenfa.db.tables import apple_health, apple_registrations, apple_teams, products, settings
from fenfa.db.upserts import upsert
from fenfa.errors import BadInput, Conflict, NotFound
from fenfa.services.records import Record, fetch_all
from fenfa.services.settings import checked_setting, save_settings
from fenfa.services.settings import find_problems as find_setting_problems
from fenfa.services.vault import Keys, seal, unseal
from fenfa.vocabulary import new_id

DEFAULT = "default"
FIELDS = ("key_id", "issuer_id", "private_key", "apple_team_id", "membership_ends")
_SETTINGS = {"apple_team_id": "apple_team_id"} | {name: f"apple_{name}" for name in FIELDS if name != "apple_team_id"}
_NEEDED = ("key_id", "issuer_id", "private_key")


def list_teams(connection: Connection) -> list[Record]:
    """The default team, if anything of it is stored, then the others by age. With sealed keys: see `public_team`."""
    default = _default_team(connection)
    others = fetch_all(connection, select(apple_teams).order_by(apple_teams.c.seq))
    return [*([default] if any(default[name] for name in FIELDS) else []), *map(_shown, others)]


def get_team(connection: Connection, team_id: str) -> Record:
    """With its sealed key: see `public_team`."""
    if team_id == DEFAULT:
        return _default_team(connection)
    row = connection.execute(select(apple_teams).where(apple_teams.c.id == team_id)).mappings().first()
    if row is None:
        raise NotFound("team not found")
    return _shown(dict(row))


def public_team(team: Record) -> Record:
    """What may be shown: all but the key."""
    return {name: value for name, value in team.items() if name != "private_key"}


def default_team(connection: Connection) -> str:
    """The ID of the team for products that chose none: that of the settings, or else the only one that there is."""
    teams = [team["id"] for team in list_teams(connection)]
    return teams[0] if len(teams) == 1 else DEFAULT


def require_key(team: Record) -> None:
    """`BadInput` for a team without a whole key."""
    if not team["configured"]:
        raise BadInput("no Apple API key is stored; enter key ID, issuer ID and the .p8 file's text in the settings")


def key_of(keys: Keys, team: Record) -> TeamKey:
    require_key(team)
    name = _SETTINGS["private_key"] if team["id"] == DEFAULT else team["id"]
    return TeamKey(team["key_id"], team["issuer_id"], unseal(keys, name, team["private_key"]))


def find_problems(values: Mapping[str, Any]) -> dict[str, BadInput]:
    """What is wrong with each of `FIELDS` among the values, by name."""
    named = {_SETTINGS[name]: value for name, value in values.items() if name in _SETTINGS}
    found = find_setting_problems(named)
    return {name: found[setting] for name, setting in _SETTINGS.items() if setting in found}


def create_team(connection: Connection, now: str, keys: Keys, values: Mapping[str, Any]) -> str:
    """`values`: name and `FIELDS`. Gives the new ID."""
    team_id = new_id("team")
    row = _checked(connection, keys, team_id, values)
    connection.execute(insert(apple_teams).values(row | {"id": team_id, "created_at": now, "updated_at": now}))
    return team_id


def update_team(connection: Connection, now: str, keys: Keys, team_id: str, values: Mapping[str, Any]) -> None:
    """What was found out with the old key is forgotten."""
    get_team(connection, team_id)
    if team_id == DEFAULT:
        changes = {_SETTINGS[name]: value for name, value in values.items() if name in _SETTINGS}
        _checked(connection, keys, team_id, values)
        save_settings(connection, now, keys, changes)
    else:
        row = _checked(connection, keys, team_id, values) | {"updated_at": now}
        connection.execute(update(apple_teams).where(apple_teams.c.id == team_id).values(row))
    if any(name in values for name in _NEEDED):
        connection.execute(delete(apple_health).where(apple_health.c.team_id == team_id))


def delete_team(connection: Connection, now: str, keys: Keys, team_id: str) -> None:
    """With what is known of its devices. Products that chose it are of the default team again. Apple notices nothing."""
    get_team(connection, team_id)
    if team_id == DEFAULT:
        save_settings(connection, now, keys, dict.fromkeys(_SETTINGS.values(), ""))
    connection.execute(delete(apple_teams).where(apple_teams.c.id == team_id))
    connection.execute(delete(apple_health).where(apple_health.c.team_id == team_id))
    connection.execute(delete(apple_registrations).where(apple_registrations.c.team_id == team_id))
    connection.execute(update(products).where(products.c.apple_team_id == team_id).values(apple_team_id=""))


# what Apple last said


def health_of(connection: Connection, team_id: str) -> Record:
    """`connected` None: Apple was not asked yet."""
    row = connection.execute(select(apple_health).where(apple_health.c.team_id == team_id)).mappings().first()
    unknown: Record = {
        "checked_at": "",
        "connected": None,
        "message": "",
        "requests_left": None,
        "listed_at": "",
        "listed": {},
    }
    return unknown | {"team_id": team_id} if row is None else dict(row)


def note_health(connection: Connection, team_id: str, found: Mapping[str, Any]) -> None:
    """`found`: some of the columns."""
    upsert(connection, apple_health, [{"team_id": team_id, **found}], ("team_id",))


def _default_team(connection: Connection) -> Record:
    query = select(settings.c.name, settings.c.value, settings.c.updated_at).where(
        settings.c.name.in_(_SETTINGS.values())
    )
    stored = {row.name: row for row in connection.execute(query)}
    values = {field: stored[name].value if name in stored else "" for field, name in _SETTINGS.items()}
    times = sorted(row.updated_at for row in stored.values()) or [""]
    about = {"id": DEFAULT, "name": "", "created_at": times[0], "updated_at": times[-1]}
    return _shown(about | values)


def _shown(row: Record) -> Record:
    shown = {name: row[name] for name in ("id", "name", *FIELDS, "created_at", "updated_at")}
    return shown | {"is_default": row["id"] == DEFAULT, "configured": all(row[name] for name in _NEEDED)}


def _checked(connection: Connection, keys: Keys, team_id: str, values: Mapping[str, Any]) -> Record:
    row = {name: checked_setting(_SETTINGS[name], values[name], name) for name in FIELDS if name in values}
    _refuse_twin(connection, team_id, row)
    if row.get("private_key"):
        row["private_key"] = seal(keys, team_id, row["private_key"])
    return row | ({"name": values["name"]} if "name" in values else {})


def _refuse_twin(connection: Connection, team_id: str, row: Record) -> None:
    for other in list_teams(connection):
        for name in ("key_id", "apple_team_id"):
            if other["id"] != team_id and row.get(name) and other[name] == row[name]:
                raise Conflict("another team has this {field} already", field=name)
