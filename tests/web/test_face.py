"""Language and theme: found, kept, and part of what a page is."""

import pytest

from fenfa.web.face import Face, face_of
from fenfa.web.i18n import LANGUAGES, find_language, preferred_language, readable_day, readable_size
from fenfa.web.urls import own_path
from tests.support.client import AppClient

ENGLISH, CHINESE = LANGUAGES


@pytest.mark.parametrize(
    ("accept", "code"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("de-DE,de;q=0.9", "en"),
        ("de, zh;q=0.5, en;q=0.1", "zh"),
        ("en;q=0.2, zh-Hant-TW;q=0.7", "zh"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=many", "en"),
        ("*", "en"),
    ],
)
def test_language_by_header(accept: str, code: str) -> None:
    assert preferred_language(accept).code == code


def test_cookie_wins_and_unknown_values_do_not_count() -> None:
    assert face_of({"cookie": "fenfa_language=zh; fenfa_theme=dark"}) == Face(CHINESE, "dark")
    assert face_of({"cookie": "fenfa_language=xx; fenfa_theme=pink", "accept-language": "zh"}) == Face(CHINESE)
    assert find_language("") is None


def test_choice_sticks_and_leads_back(client: AppClient) -> None:
    answer = client.post("/preferences", data={"language": "zh", "theme": "dark", "back": "/admin/login"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/login")
    page = client.get("/admin/login", headers={"cookie": "fenfa_language=zh; fenfa_theme=dark"}).text
    assert 'lang="zh-CN" data-theme="dark"' in page


@pytest.mark.parametrize("goal", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb", "/a\\b"])
def test_back_stays_on_this_site(goal: str) -> None:
    assert own_path(goal, "/") == "/"


def test_product_page_differs_by_face_and_says_so(client: AppClient) -> None:
    client.make_release()
    pages = {
        face: [client.get("/products/myapp", headers=face_headers) for _ in range(2)][-1]
        for face, face_headers in {
            "plain": {},
            "chinese": {"accept-language": "zh-CN"},
            "dark": {"cookie": "fenfa_theme=dark"},
        }.items()
    }
    assert len({page.headers["etag"] for page in pages.values()}) == 3
    assert 'lang="zh-CN"' in pages["chinese"].text
    assert 'data-theme="dark"' in pages["dark"].text
    assert all("accept-language" in page.headers["vary"] for page in pages.values())


def test_sizes_and_days_in_both_languages() -> None:
    assert [readable_size(n) for n in (0, 1023, 1536, 150 * 1024, 5 * 1024**4)] == [
        *("0 B", "1023 B", "1.5 KB", "150 KB", "5.0 TB")
    ]
    assert readable_day("2026-11-25T07:18:52.000Z", ENGLISH) == "Nov 25, 2026"
    assert readable_day("2026-11-25T07:18:52.000Z", CHINESE) == "2026年11月25日"
