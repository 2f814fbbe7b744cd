"""Trying a store before it is saved: a typing error in a bucket's name must not cost the next upload."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from fenfa.services.settings import checked_setting, load_settings
from fenfa.services.stores import NAMES, address_in, require_working
from fenfa.storage.base import LOCAL
from fenfa.web.deps import runtime_of
from fenfa.web.threads import in_far_thread


async def try_changes(request: Request, changes: Mapping[str, Any]) -> None:
    """`BadInput` where the changes would send new builds to a store that does not work."""
    if not NAMES & set(changes):
        return
    runtime = runtime_of(request)
    checked = {name: checked_setting(name, value) for name, value in changes.items()}
    address = address_in(runtime.keys, await runtime.database.read(load_settings, runtime.config), checked)
    if address.kind != LOCAL:
        await in_far_thread(require_working, address, runtime.staging)
