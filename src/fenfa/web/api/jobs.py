"""Jobs: what runs in the background, how far it is, and an end or another try."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from fenfa.services import jobs
from fenfa.vocabulary import JobState, Scope
from fenfa.web import examples
from fenfa.web.deps import Paged, change, guarded, now_of, runtime_of
from fenfa.web.envelope import ok, single
from fenfa.web.examples import answers
from fenfa.web.fields import Line

router = APIRouter(prefix="/admin/api", tags=["Jobs"], route_class=guarded(Scope.ADMIN))
_EXAMPLE = examples.single("job", examples.JOB)
State = Annotated[JobState | None, Query(description="queued, running, done, failed or cancelled")]


@router.get("/jobs", summary="List jobs", **answers(examples.listed(examples.JOB), 400))
async def list_jobs(request: Request, page: Paged, state: State = None, kind: Line = "") -> Response:
    """Newest first. What is over is forgotten after 30 days."""
    listed = await runtime_of(request).database.read(jobs.list_jobs, page, state, kind)
    return ok({"items": listed.items, "total": listed.total})


@router.get("/jobs/{job_id}", summary="Read a job", **answers(_EXAMPLE, 404))
async def read_job(request: Request, job_id: str) -> Response:
    """`done` of `total` steps; `message` says in a sentence how it stands."""
    return await answer(request, job_id)


@router.post("/jobs/{job_id}/cancel", summary="Cancel a job", **answers(_EXAMPLE, 404, 409))
async def cancel_job(request: Request, job_id: str) -> Response:
    """At once, or after the step that is running. What is done stays done."""
    await change(request, "job.cancel", job_id, jobs.cancel, runtime_of(request).clock(), job_id)
    return await answer(request, job_id)


@router.post("/jobs/{job_id}/retry", summary="Try a job again", **answers(_EXAMPLE, 404, 409))
async def retry_job(request: Request, job_id: str) -> Response:
    """A job that failed or was cancelled goes on where it stopped; one that waits goes on at once."""
    await change(request, "job.retry", job_id, jobs.retry, now_of(request), job_id)
    return await answer(request, job_id)


async def answer(request: Request, job_id: str, status: int = 200) -> Response:
    return single("job", await runtime_of(request).database.read(jobs.get_job, job_id), status)
