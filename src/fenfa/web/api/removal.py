"""Deleting: the rows in one transaction, then the files, which are litter for a sweep if this process dies in between."""

from collections.abc import Callable
from typing import Any

from fastapi import Request

from fenfa.storage.base import Storage
from fenfa.web.deps import change, runtime_of
from fenfa.web.threads import in_thread


async def remove(request: Request, action: str, target: str, unit: Callable[..., list[tuple[str, str]]]) -> None:
    orphans: list[tuple[str, str]] = await change(request, action, target, unit, target)
    await in_thread(_delete_files, runtime_of(request).storage, orphans)


def _delete_files(storage: Storage, orphans: list[tuple[str, str]]) -> Any:
    for _, key in orphans:
        storage.delete(key)
