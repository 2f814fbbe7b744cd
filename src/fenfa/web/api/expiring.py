"""What ends, and when."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from fenfa.services.expiring import list_endings
from fenfa.services.records import stamp
from fenfa.vocabulary import Scope
from fenfa.web import examples
from fenfa.web.deps import guarded, runtime_of
from fenfa.web.endings import ending_view, own_endings
from fenfa.web.envelope import ok
from fenfa.web.examples import answers
from fenfa.web.threads import in_thread

router = APIRouter(prefix="/admin/api", tags=["Expiring"], route_class=guarded(Scope.ADMIN))
Days = Annotated[int, Query(ge=0, le=36_500, description="only what ends within so many days, or has ended")]


@router.get("/expiring", summary="List what ends", **answers(examples.listed(examples.ENDING), 400))
async def list_expiring(request: Request, days: Days = 36_500) -> Response:
    """Profiles and signing certificates of the newest builds, Apple's memberships, the certificate of the enrolment profiles, and
    keys that Apple refuses. The most urgent first; `state` is broken, expired, soon (within 30 days) or later."""
    runtime = runtime_of(request)
    now = runtime.clock()
    found = await runtime.database.read(list_endings, now, await in_thread(own_endings, runtime))
    until = stamp(now + timedelta(days=days))
    items = [ending_view(ending, now) for ending in found if ending.ends_at <= until]
    return ok({"items": items, "total": len(items)})
