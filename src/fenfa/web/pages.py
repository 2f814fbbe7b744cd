"""HTML pages from Jinja2 templates, in the visitor's language."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from fenfa import __version__
from fenfa.errors import FenfaError, Sentence
from fenfa.services.doctor import least_system
from fenfa.vocabulary import Platform
from fenfa.web import i18n
from fenfa.web.assets import asset
from fenfa.web.face import Face, face_of
from fenfa.web.i18n import LANGUAGES, Language
from fenfa.web.markdown import render_markdown
from fenfa.web.qr import qr_svg
from fenfa.web.recognition import recognised


@cache
def environment(language: Language) -> Environment:
    """One for each language, so that a template finds its texts without knowing who asks."""
    made = Environment(
        loader=PackageLoader("fenfa.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    texts = i18n.translations(language)
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        texts.gettext, texts.ngettext, newstyle=True, pgettext=texts.pgettext, npgettext=texts.npgettext
    )
    made.filters |= {
        "size": lambda size: i18n.readable_size(size, language),
        "number": lambda number: i18n.readable_number(number, language),
        "day": lambda stamp: i18n.readable_day(stamp, language),
        "moment": lambda stamp: i18n.readable_moment(stamp, language),
        "translated": lambda text: translated(text, language),
        "capital": lambda text: text[:1].upper() + text[1:],
        "android": lambda level: least_system(level, Platform.ANDROID),
        "qr": qr_svg,
        "markdown": render_markdown,
    }
    made.globals |= {"version": __version__, "languages": LANGUAGES, "asset": asset}
    return made


def render_text(template: str, face: Face, **values: Any) -> str:
    return environment(face.language).get_template(template).render(face=face, **values)


def render(
    request: Request, template: str, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> HTMLResponse:
    text = render_text(template, face_of(request.headers), path=request.url.path, **values)
    return HTMLResponse(text, status, headers={"cache-control": "no-store", **(headers or {})})


def error_text(error: FenfaError, language: Language) -> str:
    """What the error says, in the visitor's language where the catalogue has it."""
    return translated(Sentence(error.template, **error.values), language)


def translated(text: str, language: Language) -> str:
    """For texts that come from elsewhere than the template, whose `_()` takes a percent sign for a place to fill in."""
    if not isinstance(text, Sentence) or not text.values:
        return _translated_whole(text, language)
    values = {name: translated(v, language) if isinstance(v, Sentence) else v for name, v in text.values.items()}
    return i18n.translations(language).gettext(text.template).format(**values)


def _translated_whole(text: str, language: Language) -> str:
    if not text or language == i18n.ENGLISH:  # under "" stands the catalogue's own header
        return str(text)
    known = i18n.translations(language).gettext(str(text))
    if known != text:
        return known
    return recognised(text, language, lambda part: _translated_whole(part, language)) or str(text)
