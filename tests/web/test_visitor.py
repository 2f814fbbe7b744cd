"""Which device a visitor holds."""

import pytest

from fenfa.vocabulary import Platform
from fenfa.web.visitor import Visitor, recognise

_IOS = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
_PAD = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"
_PIXEL = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
IOS, ANDROID, MACOS, WINDOWS, LINUX = Platform


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (_IOS + "Version/18.5 Mobile/15E148 Safari/604.1", (IOS, "iPhone", "", "Safari", "", "18.5")),
        (
            _IOS.replace("18_5", "18_6") + "Version/26.1 Mobile/15E148 Safari/604.1",
            (IOS, "iPhone", "", "Safari", "", "26.1"),
        ),
        (_IOS + "CriOS/140.0.0.0 Mobile/15E148 Safari/604.1", (IOS, "iPhone", "", "Chrome", "", "18.5")),
        (_IOS + "Mobile/15E148 MicroMessenger/8.0.50 NetType/WIFI", (IOS, "iPhone", "", "", "WeChat", "18.5")),
        (_IOS + "Mobile/15E148 [FBAN/FBIOS;FBAV/440.0]", (IOS, "iPhone", "", "", "Facebook", "18.5")),
        (_IOS + "Mobile/15E148 Safari Line/13.0.0", (IOS, "iPhone", "", "", "LINE", "18.5")),
        (_IOS + "Mobile/15E148", (IOS, "iPhone", "", "", "?", "18.5")),
        (_PIXEL + "Chrome/140.0.0.0 Mobile Safari/537.36", (ANDROID, "", "", "Chrome", "", "")),
        (
            _PIXEL + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            (ANDROID, "", "", "Samsung Internet", "", ""),
        ),
        (_PIXEL.replace("; K", "; K; wv") + "Version/4.0 Chrome/140.0 Mobile", (ANDROID, "", "", "Chrome", "?", "")),
        ("Mozilla/5.0 (Android 15; Mobile; rv:141.0) Gecko/141.0 Firefox/141.0", (ANDROID, "", "", "Firefox", "", "")),
        (_PAD, (MACOS, "", "", "Safari", "", "")),
        (_WINDOWS, (WINDOWS, "", "x64", "Chrome", "", "")),
        (_WINDOWS + " Edg/140.0.0.0", (WINDOWS, "", "x64", "Edge", "", "")),
        (
            "Mozilla/5.0 (X11; Linux aarch64; rv:141.0) Gecko/20100101 Firefox/141.0",
            (LINUX, "", "arm64", "Firefox", "", ""),
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/140.0.0.0 Safari/537.36",
            (LINUX, "", "x64", "Chrome", "", ""),
        ),
        ("curl/8.5.0", (None, "", "", "", "", "")),
        ("", (None, "", "", "", "", "")),
    ],
)
def test_by_user_agent(agent: str, expected: tuple[Platform | None, str, str, str, str, str]) -> None:
    assert recognise(agent) == Visitor(*expected)


def test_hints_win_and_touch_makes_a_mac_an_ipad() -> None:
    assert recognise(_WINDOWS, '"Windows"', '"arm"').arch == "arm64"
    assert recognise("", '"macOS"', '"x86"') == Visitor(MACOS, "", "x64")
    pad = recognise(_PAD, has_touch=True)
    assert (pad.platform, pad.family) == (IOS, "iPad")
    assert recognise(_WINDOWS, has_touch=True).platform == WINDOWS
