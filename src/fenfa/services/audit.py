"""The audit trail: who did what to which thing, in the same transaction as the deed."""

from typing import Any

from sqlalchemy import Connection, insert

from fenfa.db.tables import audit


def note(connection: Connection, now: str, actor: str, action: str, target: str, detail: dict[str, Any]) -> None:
    """`detail` holds no secrets."""
    row = {"ts": now, "actor": actor, "action": action, "target": target, "detail": detail}
    connection.execute(insert(audit).values(row))
