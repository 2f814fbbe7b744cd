"""User agents, read for people."""

import pytest

from fenfa.services.agents import Agent, read_agent, sum_programs, sum_systems

SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1"
WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 MicroMessenger/8.0"
REDUCED = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        (SAFARI, Agent("iOS", "18.5", "Safari")),
        (REDUCED, Agent("Android", "", "Chrome")),
        ("Mozilla/5.0 (Linux; Android 14; SM-S921B) Chrome/120.0 Mobile Safari/537.36", Agent("Android", "14", "Chrome")),
        ("Mozilla/5.0 (Linux; Android 14; A; wv) Version/4.0 Chrome/120.0", Agent("Android", "14", "", in_app=True)),
        (WECHAT, Agent("iOS", "17.0", "WeChat", in_app=True)),
        ("com.apple.appstored/1.0 iOS/17.4.1 model/iPhone14,5 build/21E236", Agent("iOS", "17.4", "", is_installer=True)),
        ("itunesstored/1.0 iOS/12.1 model/iPhone9,3", Agent("iOS", "12.1", "", is_installer=True)),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36", Agent("Windows", "", "Chrome")),
        ("curl/8.5.0", Agent(program="curl")),
        ("python-httpx", Agent(program="python-httpx")),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://example.com)", Agent(program="Googlebot")),
        ("Mozilla/5.0", Agent()),
        ("<script>alert(1)</script>", Agent()),
        ("", Agent()),
    ],
)  # fmt: skip
def test_read(text: str, agent: Agent) -> None:
    assert read_agent(text) == agent


def test_sums_are_sorted_by_downloads() -> None:
    counts = [("curl/8.5.0", 1, 0), (SAFARI, 2, 1), (SAFARI.replace("18", "26"), 3, 0), ("curl/8.4.0", 1, 0)]
    rows = [
        read_agent(ua)._asdict()
        | {"version": read_agent(ua).major, "downloads": downloads, "visits": visits, "clicks": 0}
        for ua, downloads, visits in counts
    ]
    systems = [(one["system"], one["version"], one["downloads"], one["visits"]) for one in sum_systems(rows)]
    assert systems == [("iOS", "26", 3, 0), ("iOS", "18", 2, 1), ("", "", 2, 0)]
    assert [(one["program"], one["downloads"]) for one in sum_programs(rows)] == [("Safari", 5), ("curl", 2)]
