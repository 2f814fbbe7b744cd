"""What device a visitor holds, from Client Hints and User-Agent: what the product page puts first.

Browsers say less and less: Safari's system version stands still at 18_6 since Safari 26 (its own version moves on), Chrome calls
every Android "10", and an iPad says that it is a Mac. `fenfa_touch`, a cookie of ours, is how live.js tells of the last.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from fenfa.vocabulary import Platform

TOUCH_COOKIE = "fenfa_touch"
_HINTED = {
    "iOS": Platform.IOS,
    "Android": Platform.ANDROID,
    "macOS": Platform.MACOS,
    "Windows": Platform.WINDOWS,
    "Linux": Platform.LINUX,
    "Chrome OS": Platform.LINUX,
}
_AGENTS = (
    (re.compile(r"iPhone|iPad|iPod"), Platform.IOS),
    (re.compile(r"Android"), Platform.ANDROID),
    (re.compile(r"Windows NT"), Platform.WINDOWS),
    (re.compile(r"Macintosh|Mac OS X"), Platform.MACOS),
    (re.compile(r"Linux|X11|CrOS"), Platform.LINUX),
)
_IN_APP = (
    ("WeChat", re.compile(r"MicroMessenger/")),
    ("QQ", re.compile(r"\bQQ/")),
    ("Weibo", re.compile(r"Weibo")),
    ("DingTalk", re.compile(r"DingTalk")),
    ("Feishu", re.compile(r"Lark/|Feishu")),
    ("Slack", re.compile(r"Slack")),
    ("Facebook", re.compile(r"FBAN/|FBAV/|FB_IAB")),
    ("Instagram", re.compile(r"Instagram")),
    ("LINE", re.compile(r"\bLine/")),
    ("LinkedIn", re.compile(r"LinkedInApp")),
    ("X", re.compile(r"Twitter")),
    ("TikTok", re.compile(r"musical_ly|BytedanceWebview|TikTok")),
    ("Snapchat", re.compile(r"Snapchat")),
)
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/|Opera")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/")),
    ("Firefox", re.compile(r"Firefox/|FxiOS/")),
    ("Chrome", re.compile(r"Chrome/|CriOS/|Chromium/")),
    ("Safari", re.compile(r"Safari/")),
)
_WEB_VIEW = re.compile(r"; wv\)|(?:iPhone|iPad|iPod)(?!.*(?:Safari|CriOS|FxiOS|EdgiOS)/)")
_IOS_VERSION = re.compile(r"\bOS (\d+)_(\d+)")
_SAFARI_VERSION = re.compile(r"\bVersion/(\d+)\.(\d+)")
_ARCHES = (
    ("arm64", re.compile(r"aarch64|arm64|ARM64", re.IGNORECASE)),
    ("x64", re.compile(r"x86_64|Win64|x64|WOW64|amd64", re.IGNORECASE)),
)


class Visitor(NamedTuple):
    """Empty where it is not known. `family` is iPhone or iPad, `os_version` is told for iOS alone; `app` is the app whose
    built-in browser this is, `?` if it does not say which."""

    platform: Platform | None = None
    family: str = ""
    arch: str = ""
    browser: str = ""
    app: str = ""
    os_version: str = ""


@lru_cache(maxsize=4096)
def recognise(agent: str, hinted_platform: str = "", hinted_arch: str = "", has_touch: bool = False) -> Visitor:
    """`hinted_…` are the values of Sec-CH-UA-Platform and Sec-CH-UA-Arch, quotes included."""
    platform = _platform(agent, hinted_platform.strip('"'), has_touch)
    return Visitor(
        platform,
        _family(agent) if platform == Platform.IOS else "",
        _arch(agent, platform, hinted_arch.strip('"')),
        next((name for name, pattern in _BROWSERS if pattern.search(agent)), ""),
        next((name for name, pattern in _IN_APP if pattern.search(agent)), "?" if _WEB_VIEW.search(agent) else ""),
        _ios_version(agent) if platform == Platform.IOS else "",
    )


def _platform(agent: str, hinted: str, has_touch: bool) -> Platform | None:
    found = _HINTED.get(hinted) or next((platform for pattern, platform in _AGENTS if pattern.search(agent)), None)
    return Platform.IOS if found == Platform.MACOS and has_touch else found


def _family(agent: str) -> str:
    return "iPhone" if re.search(r"iPhone|iPod", agent) else "iPad"


def _arch(agent: str, platform: Platform | None, hinted: str) -> str:
    if hinted:
        return {"arm": "arm64", "x86": "x64"}.get(hinted, "")
    if platform == Platform.MACOS:
        return ""  # every Mac says Intel
    return next((name for name, pattern in _ARCHES if pattern.search(agent)), "")


def _ios_version(agent: str) -> str:
    said = [found for pattern in (_IOS_VERSION, _SAFARI_VERSION) if (found := pattern.search(agent))]
    numbers = max(((int(found[1]), int(found[2])) for found in said), default=None)
    return f"{numbers[0]}.{numbers[1]}" if numbers else ""
