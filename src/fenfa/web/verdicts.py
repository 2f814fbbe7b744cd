"""Whether devices can install a build, for people: the doctor's reasons in words."""

from typing import Any

from fenfa.services.doctor import ADVICE, Obstacle
from fenfa.services.installability import Verdict
from fenfa.web.i18n import marked

REASONS = {
    Obstacle.OTHER_PLATFORM: marked("the build is for another platform"),
    Obstacle.SIMULATOR: marked("the build is for Apple's simulator"),
    Obstacle.STORE_SIGNED: marked("the build is signed for the App Store, which alone installs it"),
    Obstacle.PROFILE_EXPIRED: marked("the build's provisioning profile has expired"),
    Obstacle.CERTIFICATE_EXPIRED: marked("the certificate that signed the build has expired"),
    Obstacle.OTHER_FAMILY: marked("the build is for another kind of device"),
    Obstacle.OTHER_PROCESSOR: marked("the build is for another processor"),
    Obstacle.SYSTEM_TOO_OLD: marked("the device's system is older than the build needs"),
    Obstacle.NOT_LISTED: marked("the build's provisioning profile does not list the device"),
    Obstacle.NOT_BY_TAP: marked("no device installs a file of this type as it is"),
    Obstacle.NO_HTTPS: marked("installing on iOS takes https, and links of this server begin with http"),
    Obstacle.NO_PROFILE: marked("no provisioning profile was found in the build"),
    Obstacle.UNKNOWN_DEVICE: marked("the build is for listed devices, and this one is not known"),
}


def coverage_view(verdicts: list[Verdict]) -> dict[str, Any]:
    """How many can install it, and for those that cannot, the gravest reason: `{total, count, others: [{device, reason}]}`."""
    others = [one for one in verdicts if not one.is_installable]
    told = [{"device": one.device, "reason": REASONS[one.obstacles[0]]} for one in others]
    return {"total": len(verdicts), "count": len(verdicts) - len(others), "others": told}


def verdict_view(verdict: Verdict) -> dict[str, Any]:
    named = {name: verdict.device[name] for name in ("id", "udid", "device_name", "model", "model_name", "os_version")}
    told = [{"code": one, "blocks": one not in ADVICE, "message": REASONS[one]} for one in verdict.obstacles]
    return {"device": named, "installable": verdict.is_installable, "reasons": told}
