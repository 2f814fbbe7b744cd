"""Health: 200 once the database answers and the storage can be written to."""

from time import monotonic

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.services.health import ping
from fenfa.web.deps import PlainRoute, runtime_of
from fenfa.web.envelope import ok
from fenfa.web.examples import answers
from fenfa.web.threads import in_thread

router = APIRouter(tags=["Health"], route_class=PlainRoute)
_PROBE_SECONDS = 5


@router.get("/healthz", summary="Health", **answers({"status": "ok"}, refused=False))
async def health(request: Request) -> Response:
    """503 while the database or the storage does not answer."""
    runtime = runtime_of(request)
    await runtime.database.read(ping)
    probed: dict[str, float] = request.app.state.probed
    if monotonic() - probed.get("storage", -_PROBE_SECONDS) >= _PROBE_SECONDS:
        await in_thread(runtime.storage.probe)
        probed["storage"] = monotonic()
    return ok({"status": "ok"})
