"""App Store Connect, as far as devices go: list, find, register.

Source: App Store Connect API, "Devices". JSON:API; lists come in pages of at most 200.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from fenfa.apple.devices import AppleDevice, normal_udid
from fenfa.apple.wire import Wire
from fenfa.errors import AppleRefused, UpstreamFailed

_PAGE = "200"
_MOST_PAGES = 100
_LONGEST_NAME = 50
_PATH = "/v1/devices"


class AppStoreConnect:
    """One team's account. All of it raises `AppleRefused`, `AppleBusy` or `UpstreamFailed`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @property
    def requests_left(self) -> int | None:
        return self._wire.requests_left

    def close(self) -> None:
        self._wire.close()

    def pages(self) -> Iterator[list[AppleDevice]]:
        """All devices of the team, a page at a time."""
        document = self._wire.ask("GET", _PATH, {"limit": _PAGE})
        for _ in range(_MOST_PAGES):
            yield _devices(document)
            following = _table(document, "links").get("next")
            if not isinstance(following, str) or not following:
                return
            document = self._wire.ask("GET", following)
        raise UpstreamFailed("Apple's list of devices has no end; try again later")

    def check(self) -> None:
        """Nothing, if the key is good."""
        self._wire.ask("GET", _PATH, {"limit": "1"})

    def find(self, udid: str) -> AppleDevice | None:
        """Also a device that was disabled. Apple keeps older UDIDs in the letters that they were typed in."""
        document = self._wire.ask("GET", _PATH, {"filter[udid]": f"{udid},{udid.lower()}", "limit": _PAGE})
        return next((device for device in _devices(document) if device.udid == udid), None)

    def register(self, name: str, udid: str) -> AppleDevice:
        """Registers an iPhone, iPad, iPod, watch or Apple TV; one that is registered already is found instead, so that this
        can be repeated, also after an answer that never came."""
        attributes = {"name": name[:_LONGEST_NAME].strip() or udid, "platform": "IOS", "udid": udid}
        try:
            document = self._wire.ask("POST", _PATH, body={"data": {"type": "devices", "attributes": attributes}})
        except AppleRefused as error:
            found = self.find(udid) if error.reason in ("device", "duplicate", "slots") else None
            if found is None:
                raise
            return found
        return _device(_table(document, "data"))


def _devices(document: dict[str, Any]) -> list[AppleDevice]:
    rows = document.get("data")
    if not isinstance(rows, list):
        raise UpstreamFailed("Apple's answer cannot be read; try again later")
    return [_device(row) for row in rows if isinstance(row, dict)]


def _device(row: dict[str, Any]) -> AppleDevice:
    attributes = _table(row, "attributes")
    names = ("name", "platform", "status", "model")
    texts = {name: _text(attributes, name) for name in names}
    udid = _text(attributes, "udid")
    return AppleDevice(
        id=_text(row, "id"),
        udid=normal_udid(udid) or udid,
        device_class=_text(attributes, "deviceClass"),
        added_date=_moment(_text(attributes, "addedDate")),
        **texts,
    )


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _text(values: dict[str, Any], name: str) -> str:
    """A line without what steers a terminal, at most 255 letters; empty for what is no text."""
    found = values.get(name)
    return "".join(char for char in found if char.isprintable())[:255] if isinstance(found, str) else ""


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
