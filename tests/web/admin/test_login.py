"""The one-time link; the login with a token is in tests/web/test_security.py."""

import pytest

from fenfa.services.sessions import make_link
from fenfa.web.security import PLAIN_COOKIE, SECURE_COOKIE
from tests.support.client import AppClient

HOME = {"Sec-Fetch-Site": "same-origin"}


def link(client: AppClient) -> str:
    return client.runtime.database.write_now(make_link, client.clock())


def test_link_shows_a_button_and_logs_in_once(client: AppClient) -> None:
    code = link(client)
    for _ in range(3):  # whoever looks at the link, uses nothing up
        page = client.get(f"/admin/login?code={code}")
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
        assert f'value="{code}"' in page.text
    answer = client.post("/admin/login", data={"code": code, "next": "/admin?x=1"}, headers=HOME)
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin?x=1")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert client.get("/admin", headers={"Cookie": cookie}).status_code == 200
    again = client.post("/admin/login", data={"code": code}, headers=HOME)
    assert again.status_code == 401
    assert "was used or is over" in again.text


def test_link_of_another_site_logs_nobody_in(client: AppClient) -> None:
    answer = client.post("/admin/login", data={"code": link(client)}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_wrong_code_is_refused_in_the_visitors_language(client: AppClient) -> None:
    answer = client.post("/admin/login", data={"code": "nonsense"}, headers={**HOME, "Accept-Language": "zh-CN"})
    assert answer.status_code == 401
    assert "链接" in answer.text


def test_head_and_prefetch_use_nothing_up(client: AppClient) -> None:
    code = link(client)
    for method, headers in (("HEAD", {}), ("GET", {"Sec-Purpose": "prefetch"}), ("GET", {"Purpose": "prefetch"})):
        answer = client.request(method, f"/admin/login?code={code}", headers=headers)
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert client.post("/admin/login", data={"code": code}, headers=HOME).status_code == 303


def test_link_is_good_once_also_for_two_at_the_same_moment(client: AppClient) -> None:
    post = ("POST", "/admin/login", {"data": {"code": link(client)}, "headers": HOME})
    assert sorted(answer.status_code for answer in client.together(*[post] * 5)) == [303, 401, 401, 401, 401]
    assert client.rows("SELECT count(*) FROM sessions") == [(1,)]


def test_link_is_over_after_ten_minutes(client: AppClient) -> None:
    code = link(client)
    client.clock.move(minutes=11)
    assert client.post("/admin/login", data={"code": code}, headers=HOME).status_code == 401


def test_link_works_for_a_guest_of_the_network_and_binds_the_cookie_to_https(client: AppClient) -> None:
    client.address = "192.168.1.77"
    plain = client.post("/admin/login", data={"code": link(client)}, headers=HOME).headers["set-cookie"]
    assert plain.startswith(f"{PLAIN_COOKIE}=")
    assert "secure" not in plain.lower()
    client.address = "127.0.0.1"
    headers = {**HOME, "X-Forwarded-Proto": "https"}
    bound = client.post("/admin/login", data={"code": link(client)}, headers=headers).headers["set-cookie"]
    assert bound.startswith(f"{SECURE_COOKIE}=")
    assert "; secure" in bound.lower()


def test_guessing_codes_is_throttled_as_guessing_tokens_is(client: AppClient) -> None:
    for number in range(10):
        wrong = {"code": "nonsense"} if number % 2 else {"token": "nonsense"}
        assert client.post("/admin/login", data=wrong, headers=HOME).status_code == 401
    code = link(client)
    answer = client.post("/admin/login", data={"code": code}, headers={**HOME, "Accept-Language": "zh-CN"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (429, False)
    assert "秒后再试" in answer.text
    client.clock.move(minutes=6)
    assert client.post("/admin/login", data={"code": code}, headers=HOME).status_code == 303


@pytest.mark.parametrize("sent", ["code", "token"])
def test_a_login_ends_the_session_that_the_browser_had(client: AppClient, sent: str) -> None:
    """A cookie that somebody else put there, or still knows, is worth nothing after it."""
    first = client.post("/admin/login", data={"code": link(client)}, headers=HOME).headers["set-cookie"]
    secret = link(client) if sent == "code" else "dev-admin-token"
    again = client.post("/admin/login", data={sent: secret}, headers={**HOME, "Cookie": first.partition(";")[0]})
    assert again.status_code == 303
    assert client.get("/admin", headers={"Cookie": first}).status_code == 303
    assert client.get("/admin", headers={"Cookie": again.headers["set-cookie"]}).status_code == 200


def test_a_cookie_chosen_by_somebody_else_is_never_taken_over(client: AppClient) -> None:
    planted = {"Cookie": f"{PLAIN_COOKIE}=planted"}
    answer = client.post("/admin/login", data={"code": link(client)}, headers={**HOME, **planted})
    assert "planted" not in answer.headers["set-cookie"]
    assert client.get("/admin", headers=planted).status_code == 303


def test_session_is_noted_once_a_minute(client: AppClient) -> None:
    answer = client.post("/admin/login", data={"code": link(client)}, headers=HOME)
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    seen = []
    for _ in range(3):
        client.get("/admin", headers=cookie)
        seen.append(client.rows("SELECT seen_at FROM sessions"))
        client.clock.move(seconds=40)
    assert seen[0] == seen[1] != seen[2]
