"""The one-time link; the login with a token is in tests/web/test_security.py."""

from fenfa.services.sessions import make_link
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


def test_session_is_noted_once_a_minute(client: AppClient) -> None:
    answer = client.post("/admin/login", data={"code": link(client)}, headers=HOME)
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    seen = []
    for _ in range(3):
        client.get("/admin", headers=cookie)
        seen.append(client.rows("SELECT seen_at FROM sessions"))
        client.clock.move(seconds=40)
    assert seen[0] == seen[1] != seen[2]
