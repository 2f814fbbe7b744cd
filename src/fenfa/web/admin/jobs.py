"""Jobs: what runs in the background, how far it is, and an end or another try."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fenfa.errors import Conflict
from fenfa.services import devices, jobs, registering
from fenfa.services.records import Page as Slice
from fenfa.services.records import Record
from fenfa.vocabulary import JobState
from fenfa.web.admin.panel import Page, back_to, link_of, page_of, panel_route, show
from fenfa.web.deps import change, now_of, runtime_of
from fenfa.web.forms import problem_of
from fenfa.web.i18n import marked

PATH = "/admin/jobs"
KINDS = {
    "register-with-apple": marked("Register devices with Apple"),
    "read-apple-lists": marked("Read Apple's lists of devices"),
    "import-from-apple": marked("Import devices from Apple"),
    "forget-events": marked("Remove old events"),
}
STATES = {
    JobState.QUEUED: marked("waits"),
    JobState.RUNNING: marked("runs"),
    JobState.DONE: marked("done"),
    JobState.FAILED: marked("failed"),
    JobState.CANCELLED: marked("cancelled"),
}
_OPEN = (JobState.QUEUED, JobState.RUNNING)
_MOST_REFUSED = 1000


async def jobs_page(request: Request) -> Response:
    page = page_of(request)
    listed = await runtime_of(request).database.read(jobs.list_jobs, page)
    shown = [_shown(job) for job in listed.items]
    values: Record = {"jobs": shown, "is_busy": any(job["is_open"] for job in shown), "link": link_of(request)}
    return await show(request, "admin/jobs.html", **values, listed={**vars(listed), "page": page})


async def job_page(request: Request) -> Response:
    return await _show(request)


async def cancel(request: Request) -> Response:
    job_id = request.path_params["job_id"]
    try:
        await change(request, "job.cancel", job_id, jobs.cancel, runtime_of(request).clock(), job_id)
    except Conflict as error:
        return await _show(request, problem_of(request, error))
    return back_to(f"{PATH}/{job_id}", "cancelled")


async def retry(request: Request) -> Response:
    job_id = request.path_params["job_id"]
    try:
        await change(request, "job.retry", job_id, jobs.retry, now_of(request), job_id)
    except Conflict as error:
        return await _show(request, problem_of(request, error))
    return back_to(f"{PATH}/{job_id}", "queued")


async def _show(request: Request, problem: str = "") -> Response:
    job, refused = await runtime_of(request).database.read(_whole, request.path_params["job_id"])
    values = {"job": _shown(job), "refused": refused, "problem": problem}
    return await show(request, "admin/job.html", 409 if problem else 200, **values)


def _whole(connection: Any, job_id: str) -> tuple[Record, list[Record]]:
    """The job, and the devices that Apple refused in it, each with its `reason`."""
    job = jobs.get_job(connection, job_id)
    reasons = registering.refusals(jobs.memory_of(connection, job_id))
    query = devices.devices_query(device_ids=list(reasons))
    found = devices.list_devices(connection, query, Slice(_MOST_REFUSED)).items if reasons else []
    return job, [device | {"reason": reasons[device["id"]]} for device in found]


def _shown(job: Record) -> Record:
    return job | {
        "title": KINDS.get(job["kind"], job["kind"]),
        "state_name": STATES[JobState(job["state"])],
        "said": jobs.said_by(job),
        "is_open": job["state"] in _OPEN,
        "can_retry": job["state"] in (JobState.FAILED, JobState.CANCELLED),
    }


PAGE = Page(
    PATH,
    marked("Jobs"),
    "pulse",
    "j",
    (
        panel_route(PATH, jobs_page),
        panel_route(f"{PATH}/{{job_id}}", job_page),
        panel_route(f"{PATH}/{{job_id}}/cancel", cancel, "POST"),
        panel_route(f"{PATH}/{{job_id}}/retry", retry, "POST"),
    ),
    in_menu=False,
)
