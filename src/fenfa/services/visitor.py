"""What device a visitor holds, from Client Hints and User-Agent: what the product page puts first.

Browsers say less and less: Safari's system version stands still at 18_6 since Safari 26 (its own version moves on), Chrome calls
every Android "10" and every Linux "x86_64", every Mac is an Intel one, and an iPad says that it is a Mac. `fenfa_touch`, a cookie
of ours, is how live.js tells of the last. What everybody says alike is left empty here.
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
    ("WeCom", re.compile(r"wxwork/")),
    ("WeChat", re.compile(r"MicroMessenger/")),
    ("QQ", re.compile(r"\bQQ/")),
    ("Weibo", re.compile(r"Weibo")),
    ("DingTalk", re.compile(r"DingTalk")),
    ("Feishu", re.compile(r"Lark/|Feishu")),
    ("Alipay", re.compile(r"AlipayClient")),
    ("Xiaohongshu", re.compile(r"xhsdiscover")),
    ("Slack", re.compile(r"Slack")),
    ("Teams", re.compile(r"TeamsMobile")),
    ("Messenger", re.compile(r"MessengerForiOS|Orca-Android")),
    ("Instagram", re.compile(r"Instagram")),
    ("Facebook", re.compile(r"FBAN/|FBAV/|FB_IAB")),
    ("LINE", re.compile(r"\bLine/")),
    ("KakaoTalk", re.compile(r"KAKAOTALK")),
    ("LinkedIn", re.compile(r"LinkedInApp")),
    ("Telegram", re.compile(r"Telegram")),
    ("X", re.compile(r"Twitter")),
    ("TikTok", re.compile(r"musical_ly|BytedanceWebview|TikTok")),
    ("Snapchat", re.compile(r"Snapchat")),
    ("Google", re.compile(r"\bGSA/")),
)
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/|Opera|\bOPT/")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/")),
    ("Mi Browser", re.compile(r"MiuiBrowser/")),
    ("Huawei Browser", re.compile(r"HuaweiBrowser/")),
    ("UC Browser", re.compile(r"UCBrowser/")),
    ("QQ Browser", re.compile(r"QQBrowser/")),
    ("Firefox", re.compile(r"Firefox/|FxiOS/")),
    ("Chrome", re.compile(r"Chrome/|CriOS/|Chromium/")),
    ("Safari", re.compile(r"Safari/")),
)
_WEB_VIEW = re.compile(r"; wv\)|(?:iPhone|iPad|iPod)(?!.*(?:Safari|CriOS|FxiOS|EdgiOS)/)")
_IOS_VERSION = re.compile(r"\bOS (\d{1,2})_(\d{1,2})")
_SAFARI_VERSION = re.compile(r"\bVersion/(\d{1,2})\.(\d{1,2}).*Safari/")
_ANDROID_VERSION = re.compile(r"\bAndroid (\d{1,2}(?:\.\d{1,2})?)")
_HINTED_VERSION = re.compile(r"\d{1,2}(?:\.\d{1,2})?")
_FROZEN_IOS, _FROZEN_ANDROID = (18, 6), "10"
_PACKAGES = (("deb", re.compile(r"Ubuntu|Debian|Mint")), ("rpm", re.compile(r"Fedora|SUSE|Red Hat")))
_ARCHES = (
    ("arm64", re.compile(r"aarch64|arm64", re.IGNORECASE)),
    ("x64", re.compile(r"x86_64|Win64|x64|WOW64|amd64", re.IGNORECASE)),
)


class Hints(NamedTuple):
    """The values of Sec-CH-UA-Platform, -Platform-Version, -Arch and -Bitness, quotes included. Only Chromium sends them."""

    platform: str = ""
    platform_version: str = ""
    arch: str = ""
    bitness: str = ""


class Visitor(NamedTuple):
    """Empty where it is not known. `family` is iPhone or iPad; `app` is the app whose built-in browser this is, `?` if it does
    not say which; `packages` is what this Linux installs, deb or rpm."""

    platform: Platform | None = None
    family: str = ""
    arch: str = ""
    browser: str = ""
    app: str = ""
    os_version: str = ""
    packages: str = ""


UNKNOWN = Visitor()
_SILENT = Hints()


@lru_cache(maxsize=4096)
def recognise(agent: str, hints: Hints = _SILENT, has_touch: bool = False) -> Visitor:
    hints = Hints(*(value.strip('"') for value in hints))
    platform = _platform(agent, hints.platform, has_touch)
    return Visitor(
        platform,
        _family(agent) if platform == Platform.IOS else "",
        _arch(agent, platform, hints),
        _named(agent, _BROWSERS),
        _named(agent, _IN_APP) or ("?" if _WEB_VIEW.search(agent) else ""),
        _version(agent, platform, hints.platform_version),
        _named(agent, _PACKAGES) if platform == Platform.LINUX else "",
    )


def _platform(agent: str, hinted: str, has_touch: bool) -> Platform | None:
    found = _HINTED.get(hinted) or next((platform for pattern, platform in _AGENTS if pattern.search(agent)), None)
    return Platform.IOS if found == Platform.MACOS and has_touch else found


def _family(agent: str) -> str:
    return "iPhone" if re.search(r"iPhone|iPod", agent) else "iPad"


def _arch(agent: str, platform: Platform | None, hints: Hints) -> str:
    if hints.arch:
        wide = {"arm": "arm64", "x86": "x64"}.get(hints.arch, "")
        return wide if hints.bitness != "32" else {"arm": "arm", "x86": "x86"}.get(hints.arch, "")
    is_false = platform == Platform.MACOS or (platform == Platform.LINUX and "Chrome/" in agent)
    return "" if is_false else _named(agent, _ARCHES)


def _version(agent: str, platform: Platform | None, hinted: str) -> str:
    found = _HINTED_VERSION.match(hinted)
    told = found[0] if found else ""
    if platform == Platform.IOS:
        return _ios_version(agent)
    if platform == Platform.ANDROID:
        return _android_version(agent, told.removesuffix(".0"))
    return told if platform == Platform.MACOS else ""


def _ios_version(agent: str) -> str:
    """Safari's own version is the system's. Other browsers name the system, which stands still."""
    if safari := _SAFARI_VERSION.search(agent):
        return f"{int(safari[1])}.{int(safari[2])}"
    system = _IOS_VERSION.search(agent)
    version = (int(system[1]), int(system[2])) if system else _FROZEN_IOS
    return f"{version[0]}.{version[1]}" if version < _FROZEN_IOS else ""


def _android_version(agent: str, told: str) -> str:
    found = _ANDROID_VERSION.search(agent)
    said = found[1] if found else ""
    return told if said == _FROZEN_ANDROID else said


def _named(agent: str, names: tuple[tuple[str, re.Pattern[str]], ...]) -> str:
    return next((name for name, pattern in names if pattern.search(agent)), "")
