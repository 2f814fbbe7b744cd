"""Changes that reach the files as well: the rows in one transaction, then the files.

What is answered for is done in both. Should this process die in between, a file without a row is litter for a sweep, and a
`meta.json` behind its row is brought up by the next change, which its caller will ask for, having had no answer.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.requests import Request

from fenfa.errors import Unavailable, UpstreamFailed
from fenfa.services.packages import bare_os_version
from fenfa.services.records import Record
from fenfa.services.releases import keep_meta, move_release, update_release
from fenfa.services.stores import Stores
from fenfa.web.deps import change, now_of, runtime_of
from fenfa.web.threads import in_far_thread


async def remove(request: Request, action: str, target: str, unit: Callable[..., list[tuple[str, str]]]) -> None:
    orphans: list[tuple[str, str]] = await change(request, action, target, unit, target)
    await in_far_thread(_delete_files, runtime_of(request).storage, orphans)


async def edit_release(request: Request, release_id: str, values: Record) -> Record:
    """Gives the release as it is now."""
    if "min_os" in values:
        values = values | {"min_os": bare_os_version(values["min_os"])}
    return await _with_meta(request, "release.update", update_release, release_id, values)


async def rehome_release(request: Request, release_id: str, variant_id: str) -> Record:
    """The same for a move to another variant."""
    return await _with_meta(request, "release.move", move_release, release_id, variant_id)


async def _with_meta(request: Request, action: str, unit: Callable[..., Record], release_id: str, value: Any) -> Record:
    runtime = runtime_of(request)
    release: Record = await change(request, action, release_id, unit, now_of(request), release_id, value)
    await in_far_thread(keep_meta, runtime.database, runtime.storage, release_id)
    return release


def _delete_files(stores: Stores, orphans: list[tuple[str, str]]) -> None:
    """They are nobody's already; what a store that does not answer keeps of them is litter for a sweep."""
    for store, key in orphans:
        with suppress(Unavailable, UpstreamFailed):
            stores.of(store).delete(key)
