"""The JSON API, one module a noun."""

from fenfa.web.api import (
    apple,
    catalog,
    device_lists,
    devices,
    events,
    exports,
    health,
    jobs,
    products,
    releases,
    settings,
    tokens,
    uploads,
    variants,
)

ROUTERS = (
    health.router,
    catalog.router,
    events.public_router,
    uploads.upload_router,
    uploads.admin_router,
    products.router,
    products.icon_router,
    variants.router,
    releases.router,
    events.admin_router,
    devices.router,
    device_lists.import_router,
    apple.router,
    settings.router,
    tokens.router,
    jobs.router,
    exports.router,
    device_lists.export_router,
)
