"""What everybody may fetch: files first, for their speed."""

from fenfa.web.public import calendar, downloads, icons, ios, latest, page, preferences, qr, udid

ROUTES = (
    *downloads.ROUTES,
    *ios.ROUTES,
    *icons.ROUTES,
    *page.ROUTES,
    *latest.ROUTES,
    *preferences.ROUTES,
    *qr.ROUTES,
    *udid.ROUTES,
    *calendar.ROUTES,
)
