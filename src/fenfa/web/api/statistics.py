"""Statistics of products, variants and releases."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from fenfa.services import products, releases, statistics, variants
from fenfa.services.agents import sum_programs, sum_systems
from fenfa.services.records import Record
from fenfa.services.statistics import Report, Span, Subject
from fenfa.services.tallies import MEASURES
from fenfa.vocabulary import Scope
from fenfa.web import examples
from fenfa.web.deps import guarded, runtime_of, urls_of
from fenfa.web.envelope import ok
from fenfa.web.examples import answers
from fenfa.web.fields import Day
from fenfa.web.spans import last_days, span_of
from fenfa.web.threads import in_thread
from fenfa.web.urls import Urls
from fenfa.web.views import product_view, release_view, variant_view

router = APIRouter(prefix="/admin/api", tags=["Statistics"], route_class=guarded(Scope.ADMIN))
_PLACE = {
    **{f"{noun}_id": f"{noun}_id" for noun in ("product", "variant", "release")},
    "platform": "variant_platform",
    "arch": "variant_arch",
    "version": "release_version",
    "build": "release_build",
    "channel": "release_channel",
    **{name: name for name in MEASURES.values()},
}


def days_asked(
    request: Request,
    start: Annotated[Day, Query(alias="from", description="first day, YYYY-MM-DD; 30 days unless given")] = "",
    end: Annotated[Day, Query(alias="to", description="last day, YYYY-MM-DD; today unless given")] = "",
) -> Span:
    return span_of(start, end, runtime_of(request).clock().date())


Days = Annotated[Span, Depends(days_asked)]


@router.get(
    "/products/{product_id}/stats",
    summary="Statistics of a product",
    **answers(examples.REPORT | {"product": examples.PRODUCT}, 400, 404),
)
async def product_stats(request: Request, product_id: str, span: Days) -> Response:
    """Counted by day, system, browser or program, and release; the country is never known."""
    return await _report(request, Subject(product_id=product_id), span, _product)


@router.get(
    "/releases/{release_id}/stats",
    summary="Statistics of a release",
    **answers(examples.REPORT | {"product": examples.PRODUCT, "release": examples.RELEASE}, 400, 404),
)
async def release_stats(request: Request, release_id: str, span: Days) -> Response:
    return await _report(request, Subject(release_id=release_id), span, _release)


@router.get("/variants/{variant_id}/stats", summary="Statistics of a variant", **answers(examples.STATS, 400, 404))
async def variant_stats(
    request: Request, variant_id: str, days: Annotated[int, Query(ge=1, le=366, description="how many days back")] = 30
) -> Response:
    """`unique_devices` tells devices of one day apart; the key behind it changes daily. `totals` are of all time."""
    runtime = runtime_of(request)
    span, urls = last_days(runtime.clock().date(), days), await urls_of(request)
    return ok(await in_thread(runtime.database.read_now, _variant, variant_id, span, urls))


async def _report(request: Request, subject: Subject, span: Span, about: Callable[..., Record]) -> Response:
    database, urls = runtime_of(request).database, await urls_of(request)

    def read(connection: Any) -> Record:
        described = about(connection, subject, urls)
        return described | _report_view(statistics.make_report(connection, subject, span), span)

    return ok(await in_thread(database.read_now, read))


def _report_view(report: Report, span: Span) -> Record:
    return {
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        "totals": statistics.sum_days(report.days),
        "totals_before": statistics.sum_days(report.before),
        "daily": report.days,
        "systems": sum_systems(report.agents),
        "programs": sum_programs(report.agents),
        "places": [_place_view(place) for place in sorted(report.places, key=_by_downloads)],
    }


def _place_view(place: Record) -> Record:
    """Null: nobody knows any more, or it is a visit to the page of a variant without a release."""
    return {name: place[column] for name, column in _PLACE.items()}


def _by_downloads(place: Record) -> tuple[Any, ...]:
    return -place["downloads"], -place["visits"], place["variant_id"], place["release_id"]


def _product(connection: Any, subject: Subject, urls: Urls) -> Record:
    return {"product": product_view(products.get_product(connection, subject.product_id), urls)}


def _release(connection: Any, subject: Subject, urls: Urls) -> Record:
    release = releases.get_release(connection, subject.release_id)
    return _product(connection, Subject(release["product_id"]), urls) | {"release": release_view(release)}


def _variant(connection: Any, variant_id: str, span: Span, urls: Urls) -> Record:
    variant = variants.get_variant(connection, variant_id)
    return {
        **_product(connection, Subject(variant["product_id"]), urls),
        "variant": variant_view(variant),
        "releases": [release_view(r) for r in releases.list_releases(connection, [variant_id])],
        "totals": statistics.count_totals(connection, variant_id),
        "daily": statistics.count_by_day(connection, Subject(variant_id=variant_id), span),
    }
