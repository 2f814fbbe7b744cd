"""Which device a visitor holds, told from what real browsers send."""

import pytest

from fenfa.services.visitor import Hints, Visitor, recognise
from fenfa.vocabulary import Platform
from fenfa.web.face import face_of

IOS, ANDROID, MACOS, WINDOWS, LINUX = Platform
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS {} like Mac OS X) " + SAFARI
MAC, PIXEL = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "Mozilla/5.0 (Linux; Android 10; K)"
PAD = f"{MAC} {SAFARI} Version/18.5 Safari/605.1.15"
EDGE = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
X11 = "Mozilla/5.0 (X11; {}; rv:143.0) Gecko/20100101 Firefox/143.0"

IOS_VISITORS = {  # agent → version, browser, app
    IPHONE.format("17_4_1") + " Version/17.4.1 Mobile/15E148 Safari/604.1": ("17.4", "Safari", ""),
    IPHONE.format("18_6") + " Version/26.1 Mobile/15E148 Safari/604.1": ("26.1", "Safari", ""),
    IPHONE.format("16_3") + " CriOS/140.0 Mobile/15E148 Safari/604.1": ("16.3", "Chrome", ""),
    IPHONE.format("18_7") + " CriOS/140.0 Mobile/15E148 Safari/604.1": ("", "Chrome", ""),
    IPHONE.format("17_0") + " FxiOS/143.0 Mobile/15E148 Safari/605.1.15": ("17.0", "Firefox", ""),
    IPHONE.format("17_4") + " Mobile/15E148 MicroMessenger/8.0.47 NetType/WIFI": ("17.4", "", "WeChat"),
    IPHONE.format("17_4") + " Mobile/15E148 wxwork/4.1 MicroMessenger/7.0.1": ("17.4", "", "WeCom"),
    IPHONE.format("17_4") + " Mobile/21E219 [FBAN/FBIOS;FBAV/450]": ("17.4", "", "Facebook"),
    IPHONE.format("17_4") + " Mobile/15E148 Safari Line/13.2.0": ("17.4", "", "LINE"),
    IPHONE.format("17_4") + " Mobile/15E148 Slack/24.05": ("17.4", "", "Slack"),
    IPHONE.format("17_4") + " GSA/300.0 Mobile/15E148 Safari/604.1": ("17.4", "Safari", "Google"),
    IPHONE.format("17_4") + " Mobile/15E148": ("17.4", "", "?"),
}


@pytest.mark.parametrize("agent", IOS_VISITORS)
def test_iphones(agent: str) -> None:
    version, browser, app = IOS_VISITORS[agent]
    assert recognise(agent) == Visitor(IOS, "iPhone", "", browser, app, version)


@pytest.mark.parametrize(
    ("agent", "hints", "version", "browser", "app"),
    [
        (f"{PIXEL} {CHROME} Chrome/140.0.0.0 Mobile Safari/537.36", Hints(), "", "Chrome", ""),
        (f"{PIXEL} {CHROME} Chrome/140.0", Hints('"Android"', '"15.0.0"'), "15", "Chrome", ""),
        (f"Mozilla/5.0 (Linux; Android 7.1.1; Nexus 6) {CHROME} Chrome/90.0 Mobile", Hints(), "7.1", "Chrome", ""),
        ("Mozilla/5.0 (Android 14; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0", Hints(), "14", "Firefox", ""),
        (f"{PIXEL} {CHROME} SamsungBrowser/28.0 Chrome/130.0", Hints(), "", "Samsung Internet", ""),
        (f"{PIXEL} {CHROME} Chrome/116.0 XiaoMi/MiuiBrowser/18", Hints(), "", "Mi Browser", ""),
        (
            f"Mozilla/5.0 (Linux; Android 13; V2; wv) {CHROME} Version/4.0 Chrome/116.0 MicroMessenger/8.0",
            *(Hints(), "13", "Chrome", "WeChat"),
        ),
        (f"Mozilla/5.0 (Linux; Android 13; V2; wv) {CHROME} Chrome/116.0 Mobile", Hints(), "13", "Chrome", "?"),
    ],
)
def test_android_phones(agent: str, hints: Hints, version: str, browser: str, app: str) -> None:
    assert recognise(agent, hints) == Visitor(ANDROID, "", "", browser, app, version)


@pytest.mark.parametrize(
    ("agent", "hints", "expected"),
    [
        (PAD, Hints(), Visitor(MACOS, browser="Safari")),
        (
            f"{MAC} {CHROME} Chrome/140.0.0.0",
            Hints('"macOS"', '"15.6.1"', '"arm"', '"64"'),
            Visitor(MACOS, "", "arm64", "Chrome", os_version="15.6"),
        ),
        (f"{MAC} {CHROME} Chrome/140.0", Hints('"macOS"', "", '"x86"', '"64"'), Visitor(MACOS, "", "x64", "Chrome")),
        (EDGE, Hints('"Windows"'), Visitor(WINDOWS, "", "x64", "Edge")),
        (EDGE, Hints('"Windows"', '"15.0.0"', '"arm"', '"64"'), Visitor(WINDOWS, "", "arm64", "Edge")),
        (EDGE, Hints('"Windows"', '"10.0.0"', '"x86"', '"32"'), Visitor(WINDOWS, "", "x86", "Edge")),
        (X11.format("Ubuntu; Linux x86_64"), Hints(), Visitor(LINUX, "", "x64", "Firefox", packages="deb")),
        (X11.format("Fedora; Linux x86_64"), Hints(), Visitor(LINUX, "", "x64", "Firefox", packages="rpm")),
        (X11.format("Linux aarch64"), Hints(), Visitor(LINUX, "", "arm64", "Firefox")),
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Chrome/140.0", Hints(), Visitor(LINUX, "", "", "Chrome")),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Chrome/140.0", Hints(), Visitor(LINUX, "", "", "Chrome")),
        ("curl/8.5.0", Hints(), Visitor()),
        ("", Hints(), Visitor()),
        ("Mozilla", Hints('"macOS"', '"<script>"', '"x\x00"', '"128"'), Visitor(MACOS)),
        ("Mozilla", Hints('"Plan 9"'), Visitor()),
    ],
)
def test_computers_and_programs(agent: str, hints: Hints, expected: Visitor) -> None:
    assert recognise(agent, hints) == expected


def test_an_ipad_is_a_mac_until_the_cookie_says_otherwise() -> None:
    old = f"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) {SAFARI} Version/12.1 Mobile/15E148 Safari/604.1"
    assert recognise(old) == Visitor(IOS, "iPad", "", "Safari", "", "12.1")
    assert recognise(PAD, has_touch=True) == Visitor(IOS, "iPad", "", "Safari", "", "18.5")
    assert recognise(EDGE, has_touch=True).platform == WINDOWS
    assert face_of({"user-agent": PAD, "cookie": "fenfa_touch=1"}).visitor.family == "iPad"


def test_every_difference_is_in_the_key() -> None:
    faces = [face_of({"user-agent": agent}) for agent in IOS_VISITORS]
    assert len({face.key for face in faces}) == len({face.visitor for face in faces}) == len(IOS_VISITORS)
    assert face_of({"user-agent": PAD}).key != face_of({"user-agent": PAD, "cookie": "fenfa_touch=1"}).key


def test_computers_differ_by_what_they_install_alone() -> None:
    keys = {face_of({"user-agent": agent}).key for agent in (EDGE, EDGE.replace("Edg/", "OPR/"), EDGE[:80])}
    assert len(keys) == 1
