"""Calls to App Store Connect: who may ask, one at a time for each team, and what is remembered of the answers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from fenfa.db.alone import alone
from fenfa.errors import AppleRefused, BadInput, SecretLost, UpstreamFailed
from fenfa.services.apple_teams import default_team, get_team, key_of, note_health
from fenfa.services.records import Record, stamp
from fenfa.services.work import Bench

if TYPE_CHECKING:
    from fenfa.apple.connect import AppStoreConnect


@contextmanager
def connected(bench: Bench, team_id: str, patience: float | None = None) -> Iterator["AppStoreConnect"]:
    """The team's account at Apple; whether its key worked is noted in the end. Blocks while it asks. `patience` 0: what fails
    is not tried again."""
    from fenfa.apple.connect import AppStoreConnect  # here, so that a server without Apple needs no HTTP client
    from fenfa.apple.keys import signer_of
    from fenfa.apple.refusals import is_about_team
    from fenfa.apple.wire import PATIENCE, Wire

    key = key_of(bench.keys, bench.database.read_now(get_team, team_id))
    hold = partial(alone, bench.database, f"apple-{team_id}")
    waits = PATIENCE if patience is None else patience
    apple = AppStoreConnect(Wire(bench.config.apple_url, signer_of(key), bench.clock, hold, patience=waits))
    try:
        yield apple
    except AppleRefused as error:
        if is_about_team(error):
            _note(bench, team_id, apple, error.message)
        raise
    else:
        _note(bench, team_id, apple, "")
    finally:
        apple.close()


def try_key(bench: Bench, team: Record | None, values: Mapping[str, str]) -> None:
    """Asks Apple once with a key that is not kept yet; raises what is wrong. What `values` lacks is the team's. Nothing without a
    whole key. Blocks."""
    from fenfa.apple.connect import AppStoreConnect
    from fenfa.apple.keys import TeamKey, signer_of
    from fenfa.apple.wire import Wire

    stored = key_of(bench.keys, team) if team and team["configured"] else TeamKey("", "", "")
    given = (values.get(name, getattr(stored, name)) for name in ("key_id", "issuer_id", "private_key"))
    key = TeamKey(*given)
    if not (key.key_id and key.issuer_id and key.private_key):
        return
    hold = partial(alone, bench.database, f"apple-{team['id'] if team else 'new'}")
    apple = AppStoreConnect(Wire(bench.config.apple_url, signer_of(key), bench.clock, hold, patience=0))
    try:
        apple.check()
    finally:
        apple.close()


def status(bench: Bench, team_id: str = "") -> Record:
    """Asks Apple once. `configured`, `connected` and a sentence; never an error of Apple's. Blocks."""
    team_id = team_id or bench.database.read_now(default_team)
    team = bench.database.read_now(get_team, team_id)
    answer = {"team_id": team_id, "configured": team["configured"], "connected": False, "requests_left": None}
    try:
        with connected(bench, team_id, patience=0) as apple:
            apple.check()
            return answer | {"connected": True, "message": "connected", "requests_left": apple.requests_left}
    except (BadInput, SecretLost, UpstreamFailed) as error:
        return answer | {"message": error.message}


def _note(bench: Bench, team_id: str, apple: "AppStoreConnect", problem: str) -> None:
    found = {"connected": not problem, "message": problem, "requests_left": apple.requests_left}
    bench.database.write_now(note_health, team_id, found | {"checked_at": stamp(bench.clock())})
