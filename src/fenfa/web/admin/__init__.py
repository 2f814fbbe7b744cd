"""The admin panel: HTML pages, one module a page. The menu is drawn from PAGES."""

from fenfa.web.admin import (
    about,
    apple,
    dashboard,
    device,
    devices,
    events,
    exports,
    imports,
    jobs,
    login,
    products,
    registration,
    releases,
    settings,
    statistics,
    tokens,
    upload,
    variants,
)
from fenfa.web.admin.panel import Page

PAGES: tuple[Page, ...] = (
    dashboard.PAGE,
    products.PAGE,
    devices.PAGE,
    events.PAGE,
    statistics.PAGE,
    settings.PAGE,
    tokens.PAGE,
    exports.PAGE,
    apple.PAGE,
    jobs.PAGE,
    about.PAGE,
)

ROUTES = (
    *login.ROUTES,
    *upload.ROUTES,
    *(route for page in PAGES for route in page.routes),
    *variants.ROUTES,
    *releases.ROUTES,
    *registration.ROUTES,
    *imports.ROUTES,
    *device.ROUTES,
)
