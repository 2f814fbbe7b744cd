"""Registering one device with Apple now, while somebody waits for the answer."""

from starlette.requests import Request

from fenfa.apple.devices import AppleDevice
from fenfa.services import registering, registrations
from fenfa.services.records import Record
from fenfa.web.deps import change, now_of, runtime_of
from fenfa.web.threads import in_thread


async def register_now(request: Request, device: Record, team_id: str = "") -> list[AppleDevice]:
    """With this team, or else with those of the device's products, each noted as soon as Apple has said yes. Again is harmless."""
    runtime, device_id, found = runtime_of(request), str(device["id"]), []
    for one in [team_id] if team_id else await runtime.database.read(registrations.teams_of, device_id):
        registered = await in_thread(registering.register_one, runtime, one, device)
        unit = registrations.keep
        await change(request, "device.register-apple", device_id, unit, now_of(request), one, device_id, registered)
        found.append(registered)
    return found
