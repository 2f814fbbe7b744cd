"""The documentation is complete and true: every setting, route, verb and format has its line, and every link leads somewhere."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from fenfa.cli import VERBS
from fenfa.config import setting_rows
from fenfa.feeds import FEEDS
from fenfa.inspectors import INSPECTORS
from fenfa.vocabulary import CONTENT_TYPES, EventType, Platform, Scope
from fenfa.web.api import ROUTERS
from fenfa.web.app import create_app
from fenfa.web.errors import STATUS

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
SKIPPED = {"data", "dist", "build", "results", "screenshots", "__pycache__"}
TEXT = {".md", ".py", ".toml", ".lock", ".html", ".css", ".js", ".svg", ".mako", ".po", ".yaml", ".yml", ".json", ""}


def project_files() -> Iterator[Path]:
    """Everything that belongs to the project, a git checkout or not."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        is_hidden = any(part.startswith(".") and part != ".ci" for part in parts)
        if path.is_file() and not is_hidden and not SKIPPED & set(parts):
            yield path


MARKDOWN = [path for path in project_files() if path.suffix == ".md"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def reference(page: str) -> str:
    return (REFERENCE / f"{page}.md").read_text(encoding="utf-8")


def test_generated_pages_are_as_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "tools" / "make-reference"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("setting", setting_rows(), ids=lambda setting: setting.name)
def test_setting_is_documented(setting: object) -> None:
    metadata = setting.metadata  # type: ignore[attr-defined]  # a dataclass field, which pytest passes as an object
    assert f"| `{metadata['key']}` | `{metadata['variable']}` |" in reference("settings")
    assert metadata["help"] in reference("settings")


def json_routes() -> Iterator[APIRoute]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute), route
            yield route


def test_every_json_route_is_documented() -> None:
    page = reference("api")
    for route in json_routes():
        for method in route.methods or ():
            assert f"| `{method} {route.path}` |" in page
        assert route.summary, f"{route.path} does not say what it does"
        assert route.tags, f"{route.path} is in no group"


def test_every_page_is_documented() -> None:
    page = reference("api")
    paths = {route.path for route in create_app().routes if isinstance(route, Route | Mount)}
    assert "/products/{slug}" in paths
    for path in paths - {route.path for route in json_routes()}:
        assert f"| `{path}` |" in page


@pytest.mark.parametrize("code", STATUS)
def test_error_code_is_documented(code: str) -> None:
    assert f"| {STATUS[code]} | `{code}` |" in reference("api")


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_verb_is_documented(verb: object) -> None:
    name = verb.name  # type: ignore[attr-defined]  # as above
    assert f"## fenfa {name}\n" in reference("cli")


def test_every_format_is_documented() -> None:
    page = reference("formats")
    for kind, media_type in CONTENT_TYPES.items():
        assert f"| `.{kind}` | `{media_type}` |" in page
    for inspector in INSPECTORS:
        assert f"| {inspector.reads} | {inspector.leaves} |" in page, inspector.format
    for feed in FEEDS:
        assert f"| `{feed.name}` |" in page


def test_closed_words_are_in_the_glossary() -> None:
    page = reference("glossary")
    for word in (*EventType, *Platform, *Scope):
        assert re.search(rf"\b{word}\b", page), word


# links and commands


def links_of(path: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)


def anchors_of(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", MARKDOWN, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in links_of(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{link} leads nowhere"
        assert ROOT in (file, *file.parents), f"{link} leads out of the project"
        if anchor:
            assert anchor in anchors_of(file), f"{link}: no such heading"


@pytest.mark.parametrize("page", MARKDOWN, ids=name_of)
def test_named_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```.*?^```|`[^`\n]+`", text, re.DOTALL | re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", code, re.MULTILINE)) <= targets
    verbs = {verb.name for verb in VERBS}
    assert set(re.findall(r"(?:^|`|bin/)fenfa ([a-z-]+)", code, re.MULTILINE)) <= verbs
    for tool in re.findall(r"`(tools/[\w-]+)", code):
        assert (ROOT / tool).exists(), tool


@pytest.mark.parametrize("page", MARKDOWN, ids=name_of)
def test_named_variables_exist(page: Path) -> None:
    known = reference("settings") + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for variable in re.findall(r"\bFENFA_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")):
        assert variable in known or name_of(page) == "docs/reference/benchmarks.md", variable


# guides in Chinese

GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))


def outline(path: Path) -> tuple[list[str], list[str]]:
    """The levels of a page's headings, and its code without the comments, which are translated."""
    text = path.read_text(encoding="utf-8")
    fence = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
    code = [re.sub(r"(^|\s)\s*# .*", "", block) for block in fence.findall(text)]
    return re.findall(r"^(#+) ", fence.sub("", text), re.MULTILINE), code


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_guide_has_its_chinese_sibling(guide: Path) -> None:
    sibling = guide.parent / "zh" / guide.name
    assert f"[简体中文](zh/{guide.name})" in guide.read_text(encoding="utf-8").partition("\n")[0]
    assert f"[English](../{guide.name})" in sibling.read_text(encoding="utf-8").partition("\n")[0]
    assert outline(sibling) == outline(guide)


# what must not be in a file of the project; the words are put together here so that this file holds none of them

HOSTS = tuple(
    ".".join(parts)
    for parts in (
        *(("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("npmjs", "com")),
        *(("docker", "io"), ("ghcr", "io"), ("quay", "io"), ("crates", "io"), ("proxy", "golang", "org")),
        *(("deb", "debian", "org"), ("archive", "ubuntu", "com"), ("conda", "anaconda", "org")),
    )
)
WORKPLACE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\w.…])/" + r"work/",
        "/opt/" + "wheels",
        "/opt/" + "pypi",
        r"\b(the|a|an|another|my|our|other|each|by) help" + r"ers?\b",
        r"\b(this|that|next|last|another|earlier|later|previous|my|our|coding|work) ses" + r"sions?\b",
        r"\bissues " + r"(show|list|close)\b",
    )
)


def test_files_name_no_workplace_and_no_registry() -> None:
    found = {
        name_of(path): words for path in project_files() if path.suffix in TEXT and (words := forbidden_words(path))
    }
    assert found == {}


def forbidden_words(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []  # a test's binary fixture
    return [host for host in HOSTS if host in text] + [m[0] for p in WORKPLACE if (m := p.search(text))]


# lock files


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.lock")), ids=name_of)
def test_lock_pins_with_hashes_and_without_addresses(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[\w.\[\],-]+==[\w.!+]+ ", line), line[:80]
        assert "--hash=sha256:" in line, line[:80]
    assert "://" not in text
    assert "index-url" not in text
    assert "find-links" not in text


def test_locks_agree() -> None:
    """What serving needs has the same version in both, so that the checks check what is served."""
    serve, dev = (
        set(re.findall(r"^[\w.\[\],-]+==\S+", (ROOT / "requirements" / f"{name}.lock").read_text(), re.M))
        for name in ("serve", "dev")
    )
    assert serve <= dev
