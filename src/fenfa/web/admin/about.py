"""About: which version this is, whether it is well, what it holds, and whose work is inside."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from fenfa.errors import Unavailable, UpstreamFailed
from fenfa.runtime import Runtime
from fenfa.services.health import Schema, read_schema
from fenfa.services.inventory import count_everything
from fenfa.services.space import Space, measure_space
from fenfa.web.admin.panel import Page, panel_route, show
from fenfa.web.deps import runtime_of
from fenfa.web.i18n import marked
from fenfa.web.licences import installed_licences
from fenfa.web.threads import in_far_thread, in_thread


@dataclass(frozen=True)
class Health:
    """`storage_works`: a write and a delete succeeded just now. The database works where this could be read at all."""

    database: str
    storage_works: bool
    space: Space
    schema: Schema

    @property
    def is_well(self) -> bool:
        return self.storage_works and self.schema.is_current and not self.space.is_low


async def about_page(request: Request) -> Response:
    runtime = runtime_of(request)
    return await show(
        request,
        "admin/about.html",
        health=await examine(runtime),
        counts=await runtime.database.read(count_everything),
        licences=await in_thread(installed_licences),
    )


async def examine(runtime: Runtime) -> Health:
    database, folder = runtime.database, runtime.staging.folder
    space = await database.read(measure_space, folder, runtime.config.min_free_bytes)
    works = await in_far_thread(_works, runtime)
    kind = "SQLite" if database.inline else "PostgreSQL"
    return Health(kind, works, space, await database.read(read_schema))


def _works(runtime: Runtime) -> bool:
    try:
        runtime.storage.current().probe()
    except (Unavailable, UpstreamFailed):
        return False
    return True


PAGE = Page("/admin/about", marked("About"), "info", "i", (panel_route("/admin/about", about_page),), in_menu=False)
