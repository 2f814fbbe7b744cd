"""The exports page: its forms ask for what the exports take."""

from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from tests.support.client import ADMIN, AppClient

PATH = "/admin/exports"


class Forms(HTMLParser):
    """The fields of each GET form with the values that an untouched one sends, by the form's action."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self._fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "form" and given.get("method") == "get":
            self._fields = self.found.setdefault(given["action"] or "", {})
        elif tag in ("input", "select") and given.get("name"):
            self._fields[given["name"] or ""] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = {}


@pytest.fixture
def forms(client: AppClient) -> dict[str, dict[str, str]]:
    return Forms(client.get(PATH, headers=ADMIN).text).found


def test_every_export_has_a_form_with_its_filters(forms: dict[str, dict[str, str]]) -> None:
    assert {action.rpartition("/")[2]: set(fields) for action, fields in forms.items()} == {
        "releases.csv": {"product_id", "platform", "from", "to"},
        "events.csv": {"type", "product_id", "platform", "from", "to"},
        "ios_devices.csv": {"variant_id", "from", "to"},
    }


def test_an_untouched_form_exports_everything(client: AppClient, forms: dict[str, dict[str, str]]) -> None:
    """A browser sends the fields that nobody filled in as well."""
    client.make_release()
    for action, fields in forms.items():
        answer = client.get(f"{action}?{urlencode(fields)}", headers=ADMIN)
        assert answer.status_code == 200, action
        assert answer.text == client.get(action, headers=ADMIN).text
    assert len(client.get("/admin/exports/releases.csv?platform=", headers=ADMIN).text.splitlines()) == 2


def test_filters_narrow(client: AppClient) -> None:
    client.make_release()
    for query, lines in (("platform=linux", 2), ("platform=ios", 1), ("to=2026-11-01", 1), ("from=2026-11-02", 2)):
        assert len(client.get(f"/admin/exports/releases.csv?{query}", headers=ADMIN).text.splitlines()) == lines, query


@pytest.mark.parametrize("query", ["type=sale", "platform=amiga", "from=yesterday"])
def test_values_that_cannot_be_are_refused(client: AppClient, query: str) -> None:
    assert client.get(f"/admin/exports/events.csv?{query}", headers=ADMIN).status_code == 400


def test_products_and_ios_variants_are_offered(client: AppClient) -> None:
    product = client.make_product("Weather <b>")
    variant = client.make_variant(product["id"], "ios", identifier="com.example.weather")
    page = client.get(PATH, headers=ADMIN).text
    assert f'<option value="{product["id"]}">Weather &lt;b&gt;</option>' in page
    assert f'<option value="{variant["id"]}">Weather &lt;b&gt; · com.example.weather</option>' in page
