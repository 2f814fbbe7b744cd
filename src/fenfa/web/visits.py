"""Turns a request into an event: address truncated, visitor hashed, ready for the buffer."""

from typing import Any

from starlette.requests import Request

from fenfa.runtime import Runtime
from fenfa.services.records import Record, stamp
from fenfa.services.traffic import Event, network_of, visitor_of
from fenfa.vocabulary import EventType
from fenfa.web.security import client_address

_MAX_AGENT = 400


def event_of(
    request: Request,
    runtime: Runtime,
    kind: EventType,
    record: Record,
    *,
    extra: dict[str, Any] | None = None,
    is_part: bool = False,
) -> Event:
    """`record` names product_id, app_id, variant_id and release_id as far as they are known."""
    address = client_address(request.scope, runtime.config.trusted_proxies)
    agent = request.headers.get("user-agent", "")
    return made_event(runtime, kind, record, address, agent, extra=extra or {}, is_part=is_part)


def made_event(
    runtime: Runtime,
    kind: EventType,
    record: Record,
    address: str,
    agent: str,
    *,
    extra: dict[str, Any],
    is_part: bool = False,
) -> Event:
    ts, agent = stamp(runtime.clock()), agent[:_MAX_AGENT]
    if not agent.isprintable():
        agent = "".join(c for c in agent if c.isprintable())
    return Event(
        ts=ts,
        type=kind,
        product_id=record["product_id"],
        app_id=record["app_id"],
        variant_id=record["variant_id"],
        release_id=record["release_id"],
        ip=network_of(address),
        ua=agent,
        visitor=visitor_of(runtime.keys.visitors, ts[:10], address, agent),
        extra=extra,
        is_part=is_part,
    )
