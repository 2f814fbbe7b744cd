"""The admin panel: HTML pages, one module a page. The menu is drawn from PAGES."""

from fenfa.web.admin import dashboard, events, login, products, releases, statistics, variants
from fenfa.web.admin.panel import Page

PAGES: tuple[Page, ...] = (dashboard.PAGE, products.PAGE, events.PAGE, statistics.PAGE)

ROUTES = (
    *login.ROUTES,
    *(route for page in PAGES for route in page.routes),
    *variants.ROUTES,
    *releases.ROUTES,
)
