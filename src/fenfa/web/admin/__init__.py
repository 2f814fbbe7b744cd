"""The admin panel, one module a page."""

from fenfa.web.admin import login, overview

ROUTES = (*login.ROUTES, *overview.ROUTES)
