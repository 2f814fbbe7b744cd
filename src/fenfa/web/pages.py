"""HTML pages from Jinja2 templates."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from fenfa import __version__

UNITS = ("B", "KB", "MB", "GB", "TB")


@cache
def environment() -> Environment:
    made = Environment(loader=PackageLoader("fenfa.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.lstrip_blocks = True
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    made.filters["size"] = readable_size
    made.filters["day"] = lambda stamp: stamp[:10]
    made.globals["version"] = __version__
    return made


def render_text(template: str, **values: Any) -> str:
    return environment().get_template(template).render(**values)


def render(
    request: Request, template: str, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> HTMLResponse:
    text = render_text(template, path=request.url.path, **values)
    return HTMLResponse(text, status, headers={"cache-control": "no-store", **(headers or {})})


def readable_size(size: float) -> str:
    """1536 → `1.5 KB`, in steps of 1024."""
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.0f} {UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {UNITS[unit]}"
