"""The page before a deletion: it says what will be lost, with counts."""

import unicodedata

from starlette.requests import Request
from starlette.responses import Response

from fenfa.services.records import Record
from fenfa.web.admin.panel import show


async def confirm_deletion(
    request: Request,
    crumbs: list[tuple[str, str]],
    name: str,
    losses: Record,
    problems: dict[str, str] | None = None,
    is_named: bool = False,
) -> Response:
    """`crumbs` are addresses and names of the pages above, the last of them the page of what is to be deleted; a name that is
    empty is that of the list of products. `is_named`: the name has to be typed."""
    values = {"crumbs": crumbs, "name": name, "losses": losses, "problems": problems or {}, "is_named": is_named}
    return await show(request, "admin/delete.html", 400 if problems else 200, **values)


def names_match(typed: str, name: str) -> bool:
    """Whether somebody has typed the name as a page shows it."""
    return _as_shown(typed) == _as_shown(name)


def _as_shown(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
