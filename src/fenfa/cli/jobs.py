"""`fenfa jobs`: what runs in the background of this installation."""

import json
from typing import Annotated, Any

import typer

from fenfa.cli import new_app, printable
from fenfa.cli.here import ConfigFile, open_here
from fenfa.services import jobs
from fenfa.services.records import Page, stamp
from fenfa.vocabulary import JobState

app = new_app(help="List, show, cancel and retry background jobs.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JobId = Annotated[str, typer.Argument(help="job_…, as `fenfa jobs list` shows it.")]


@app.command(name="list")
def list_all(
    state: Annotated[JobState | None, typer.Option(help="Only these.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """List the jobs, newest first.

    \b
    Examples:
      fenfa jobs list
      fenfa jobs list --state failed --json
    """
    for job in open_here(config).database.read_now(jobs.list_jobs, Page(limit=1000), state).items:
        print(json.dumps(job) if as_json else printable(_line(job)))


@app.command()
def show(job_id: JobId, as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Show one job."""
    job = open_here(config).database.read_now(jobs.get_job, job_id)
    if as_json:
        print(json.dumps(job))
    else:
        for name, value in job.items():
            print(printable(f"{name}: {json.dumps(value) if isinstance(value, dict) else value}"))


@app.command()
def cancel(job_id: JobId, config: ConfigFile = None) -> None:
    """End a job at once, or after the step that is running. What is done stays done."""
    runtime = open_here(config)
    runtime.database.write_now(jobs.cancel, runtime.clock(), job_id)
    print(f"cancelled {job_id}")


@app.command()
def retry(job_id: JobId, config: ConfigFile = None) -> None:
    """Let a job that failed or was cancelled go on where it stopped; the running server takes it up."""
    runtime = open_here(config)
    runtime.database.write_now(jobs.retry, stamp(runtime.clock()), job_id)
    print(f"queued {job_id}")


def _line(job: dict[str, Any]) -> str:
    steps = f"{job['done']}/{job['total']}" if job["total"] else "-"
    return f"{job['id']}  {job['state']}  {steps}  {job['kind']}  {job['created_at']}  {job['message']}"
