"""The settings page: sections saved whole or not at all, secrets that stay inside, what the start fixed, the storage's test."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fenfa.config import Config, setting_rows
from fenfa.services.settings import setting_names
from fenfa.web.admin.settings import SECTIONS, fixed_settings
from tests.support.client import ADMIN, ON_DISK, AppClient, running
from tests.web.api.bad_texts import GOOD_LINES
from tests.web.api.test_settings import EVERYTHING, P8, SECRETS

PATH = "/admin/settings"
HOME = {**ADMIN, "Sec-Fetch-Site": "same-origin"}


def save(client: AppClient, section: str, **fields: str) -> httpx.Response:
    return client.post(PATH, headers=HOME, data={"section": section, **fields})


def stored(client: AppClient) -> dict[str, Any]:
    return dict(client.admin("GET", "/admin/api/settings"))


def actions(client: AppClient) -> list[str]:
    return [action for (action,) in client.rows("SELECT action FROM audit ORDER BY seq")]


def test_every_setting_has_a_place() -> None:
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(setting_names())


def test_every_field_is_on_the_page_with_its_value(client: AppClient) -> None:
    client.admin("PUT", "/admin/api/settings", json=EVERYTHING)
    page = client.get(PATH, headers=ADMIN).text
    for name in setting_names():
        assert f'name="{name}"' in page
    for name, value in EVERYTHING.items():
        if isinstance(value, str) and name not in (*SECRETS, "organization", "storage_type"):
            assert value in page
    assert "https://dl.example.com\nhttps://dl2.example.com:8443" in page


def test_a_section_is_saved_and_says_so(client: AppClient) -> None:
    answer = save(
        client,
        "general",
        organization="Example Ltd",
        primary_domain="https://get.example.com/",
        secondary_domains="https://a.example\r\n\r\n https://b.example ",
        upload_domain="",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?saved=general#general")
    found = stored(client)
    assert (found["organization"], found["primary_domain"]) == ("Example Ltd", "https://get.example.com")
    assert found["secondary_domains"] == ["https://a.example", "https://b.example"]
    assert actions(client) == ["settings.update"]
    page = client.get(f"{PATH}?saved=general", headers=ADMIN).text
    assert page.count("Saved.") == 1
    assert "Saved." in page.partition('id="general"')[2].partition('id="storage"')[0]


def test_what_nobody_touched_stays_with_the_configuration(tmp_path: Path) -> None:
    """Else a save of the name would freeze the domain, and FENFA_PRIMARY_DOMAIN would count no more."""
    with running(tmp_path / "data", primary_domain="https://one.example", organization="One") as client:
        fields = {"primary_domain": "https://one.example", "secondary_domains": "", "upload_domain": ""}
        assert save(client, "general", organization="Two", **fields).status_code == 303
        assert client.rows("SELECT name FROM settings") == [("organization",)]
        assert save(client, "general", organization="Two", **fields).status_code == 303
        assert actions(client) == ["settings.update"]


def test_wrong_values_are_told_beside_their_fields_and_nothing_is_changed(client: AppClient) -> None:
    answer = save(
        client, "general", organization="New", primary_domain="get.example.com", upload_domain="ftp://up.example"
    )
    assert answer.status_code == 400
    assert answer.text.count('aria-invalid="true"') == 2
    for name in ("primary_domain", "upload_domain"):
        assert f'id="{name}-problem" role="alert">Must be a URL such as' in answer.text
    assert 'value="get.example.com"' in answer.text
    assert 'value="New"' in answer.text
    assert (stored(client)["organization"], actions(client)) == ("Fenfa Distribution", [])


def test_wrong_values_are_told_in_chinese(client: AppClient) -> None:
    data = {"section": "general", "primary_domain": "get.example.com"}
    answer = client.post(PATH, headers={**HOME, "Accept-Language": "zh-CN"}, data=data)
    assert "必须是" in answer.text
    assert "Must be" not in answer.text


@pytest.mark.parametrize("section", ["", "nonsense", "general "])
def test_an_unknown_section_is_refused(client: AppClient, section: str) -> None:
    answer = save(client, section, organization="New")
    assert answer.status_code == 400
    assert answer.text.startswith("<!doctype html>")
    assert stored(client)["organization"] == "Fenfa Distribution"


def test_a_section_changes_nothing_of_another(client: AppClient) -> None:
    assert save(client, "apple", organization="New", apple_key_id="ABC123DEF4").status_code == 303
    assert (stored(client)["organization"], stored(client)["apple_key_id"]) == ("Fenfa Distribution", "ABC123DEF4")


def test_secrets_go_in_and_never_come_out(client: AppClient) -> None:
    save(
        client, "storage", storage_type="local", s3_bucket="my-bucket", s3_access_key="AKIA1", s3_secret_key="hidden/+="
    )
    save(
        client, "apple", apple_key_id="ABC123DEF4", apple_issuer_id=EVERYTHING["apple_issuer_id"], apple_private_key=P8
    )
    assert (stored(client)["s3_configured"], stored(client)["apple_configured"]) == (True, True)
    pages = (
        client.get(PATH, headers=ADMIN).text + save(client, "storage", s3_bucket="X", s3_secret_key="wrong key").text
    )
    for secret in ("AKIA1", "hidden/+=", P8.split("\n")[1], "wrong key"):
        assert secret not in pages
    assert "Leave it empty to keep it." in pages


@ON_DISK
def test_an_empty_secret_keeps_it_and_the_box_takes_it_away(client: AppClient) -> None:
    save(client, "storage", s3_bucket="my-bucket", s3_access_key="AKIA1", s3_secret_key="hidden")
    save(client, "storage", s3_access_key="", s3_secret_key=" ")
    assert stored(client)["s3_configured"] is True
    save(client, "storage", s3_access_key="", s3_secret_key="", remove_s3_secret_key="1")
    assert stored(client)["s3_configured"] is False
    assert client.rows("SELECT count(*) FROM settings WHERE name = 's3_access_key'") == [(1,)]


def test_what_the_start_fixed_is_shown_without_its_secrets(tmp_path: Path) -> None:
    settings = {"admin_token": "a-token-of-our-own", "max_upload_bytes": "12345"}
    with running(tmp_path / "data", **settings) as client:
        page = client.get(PATH, headers={"X-Auth-Token": "a-token-of-our-own"}).text
    assert "a-token-of-our-own" not in page
    fixed = page.partition('id="fixed-title"')[2]
    for text in ("<code>FENFA_MAX_UPLOAD_BYTES</code>", "<code>12345</code>", "<code>FENFA_ADMIN_TOKENS</code>"):
        assert text in fixed
    assert "FENFA_ORGANIZATION" not in fixed


def test_no_secret_of_the_start_is_on_the_page() -> None:
    """Every setting that names itself a token, key or password, or may hold one, is marked as a secret or holds a path."""
    secret = {row.name for row in setting_rows() if row.metadata["secret"]}
    assert secret == {"database_url", "upload_tokens", "admin_tokens", "secret_key", "s3_access_key", "s3_secret_key"}
    suspects = {row.name for row in setting_rows() if re.search("token|key|password|secret|database_url", row.name)}
    assert suspects - secret == {"udid_sign_key"}
    given = {name: ("hidden-one",) if name.endswith("tokens") else "hidden-one" for name in secret}
    config = replace(Config(), **given, given=frozenset(given))  # type: ignore[arg-type]  # of mixed types
    shown = [one for one in fixed_settings(config) if one.is_secret]
    assert [(one.value, one.is_given) for one in shown] == [("", True)] * 4


def test_the_storage_is_tried_out(client: AppClient) -> None:
    answer = client.post(f"{PATH}/try-storage", headers=HOME)
    assert answer.status_code == 200
    for step in ("Written: ", "Read: ", "Read in part: ", "Deleted: "):
        assert step in answer.text
    assert client.files() == []
    assert actions(client) == ["storage.try"]


@ON_DISK
def test_a_store_that_does_not_work_says_so(client: AppClient) -> None:
    uploads = Path(client.runtime.config.data_dir) / "uploads"
    uploads.rmdir()
    uploads.write_text("no folder")
    answer = client.post(f"{PATH}/try-storage", headers=HOME)
    assert answer.status_code == 200
    assert "Written: The store does not work" in answer.text
    assert "Read: " not in answer.text


@pytest.mark.parametrize("path", [PATH, f"{PATH}/try-storage"])
def test_another_site_changes_nothing(client: AppClient, path: str) -> None:
    login = client.post("/admin/login", data={"token": "dev-admin-token"}, headers={"Sec-Fetch-Site": "same-origin"})
    cookie = {"Cookie": login.headers["set-cookie"].partition(";")[0], "Sec-Fetch-Site": "cross-site"}
    answer = client.post(path, headers=cookie, data={"section": "general", "organization": "Forged"})
    assert answer.status_code == 403
    assert (stored(client)["organization"], actions(client)) == ("Fenfa Distribution", [])


@pytest.mark.parametrize("text", GOOD_LINES)
def test_texts_are_only_texts(client: AppClient, text: str) -> None:
    assert save(client, "general", organization=text).status_code == 303
    page = client.get(PATH, headers=ADMIN).text
    assert "<script>alert" not in page
    assert stored(client)["organization"] == text.strip()
