"""Whether this server has the secret that the database was begun with; several servers of one database must share it."""

import hashlib
import hmac

from sqlalchemy import Connection, select

from fenfa.db.tables import settings
from fenfa.db.upserts import insert_missing
from fenfa.services.vault import Keys

_NAME = "secret_key_check"


def is_its_key(connection: Connection, keys: Keys) -> bool:
    """The first secret that a database sees is its own. What is stored of it gives nothing away."""
    check = hmac.new(keys.pepper, _NAME.encode(), hashlib.sha256).hexdigest()
    insert_missing(connection, settings, [{"name": _NAME, "value": check, "updated_at": ""}])
    return connection.scalar(select(settings.c.value).where(settings.c.name == _NAME)) == check
