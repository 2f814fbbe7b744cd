"""What the tests of the panel's pages ask of HTML: who says what beside which field."""

import re
from html.parser import HTMLParser

import httpx

from tests.support.client import ADMIN, AppClient

_VOID = ("input", "img", "br", "link", "meta", "path", "hr")


class Page(HTMLParser):
    """A page of the panel: `text` as people read it, `fields` by name with their values, `problems` by the field's id."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
        self.status = answer.status_code
        self.fields: dict[str, str] = {}
        self.problems: dict[str, str] = {}
        self.links: list[str] = []
        self.forms: list[str] = []
        self._words: list[str] = []
        self._inside: list[tuple[str, dict[str, str]]] = []
        self._select = ""
        self.feed(answer.text)
        self.close()
        self.text = re.sub(r"\s+", " ", " ".join(self._words)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._inside.append((tag, values))
        if tag in ("input", "textarea") and values.get("type") != "checkbox":
            self.fields[values["name"]] = values.get("value", "")
        elif tag == "select":
            self._select = values["name"]
        elif tag == "option" and ("selected" in values or self._select not in self.fields):
            self.fields[self._select] = values["value"]
        elif tag == "a":
            self.links.append(values.get("href", ""))
        elif tag == "form":
            self.forms.append(values.get("action", ""))

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        tag, values = self._inside[-1] if self._inside else ("", {})
        if tag == "textarea":
            self.fields[values["name"]] += data.removeprefix("\n")
        elif values.get("class") == "problem":
            self.problems[values["id"].removesuffix("-problem")] = data


def get(client: AppClient, path: str) -> Page:
    return Page(client.get(path, headers=ADMIN))


def post(client: AppClient, path: str, **fields: str) -> httpx.Response:
    """As a browser without scripts sends the form."""
    return client.post(path, headers=ADMIN, data=fields)


def refused(client: AppClient, path: str, **fields: str) -> Page:
    """The page again, with what is wrong."""
    page = Page(post(client, path, **fields))
    assert page.status == 400
    return page


def audited(client: AppClient) -> list[tuple[str, str]]:
    """(action, target) of every change, oldest first."""
    return [(action, target) for action, target in client.rows("SELECT action, target FROM audit ORDER BY seq")]
