"""Numbers of what is there, for whoever watches a server: no names, no IDs."""

from sqlalchemy import Column, Connection, Table, func, select

from fenfa.db.tables import jobs, releases, uploads
from fenfa.vocabulary import JobState, UploadState


def count_states(connection: Connection) -> dict[str, dict[str, int]]:
    """Rows by state: `{"jobs": {"queued": 0, …}, "uploads": {…}}`, every state named."""
    return {
        "jobs": dict.fromkeys(JobState, 0) | _counted(connection, jobs, jobs.c.state),
        "uploads": dict.fromkeys(UploadState, 0) | _counted(connection, uploads, uploads.c.state),
    }


def count_releases(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(releases)) or 0


def _counted(connection: Connection, table: Table, state: Column[str]) -> dict[str, int]:
    rows = connection.execute(select(state, func.count()).select_from(table).group_by(state))
    return {str(name): int(number) for name, number in rows}
