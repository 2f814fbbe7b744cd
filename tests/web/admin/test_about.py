"""The about page: what is true of this server, and the licences of everything that it runs on."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from fenfa import __version__
from fenfa.web.licences import installed_licences
from tests.support.client import ADMIN, ON_DISK, AppClient

PATH = "/admin/about"


def test_a_fresh_server_is_well(client: AppClient) -> None:
    page = client.get(PATH, headers=ADMIN).text
    assert f"Fenfa {__version__}" in page
    assert "up to date" in page
    assert "cannot be written to" not in page


def test_what_is_here_is_counted(client: AppClient) -> None:
    client.make_release(b"x" * 2048)
    page = client.get(PATH, headers=ADMIN).text
    counts = dict(re.findall(r"<dt>(\w+)</dt><dd>(\d+)</dd>", page))
    assert counts == {"Products": "1", "Variants": "1", "Releases": "1", "Devices": "0", "Events": "0"}
    assert "2.0 KB" in page


@ON_DISK
def test_a_store_that_cannot_be_written_to_is_told(client: AppClient) -> None:
    uploads = Path(client.runtime.config.data_dir) / "uploads"
    uploads.rmdir()
    uploads.write_text("no folder")
    page = client.get(PATH, headers=ADMIN)
    assert page.status_code == 200
    assert "cannot be written to" in page.text
    assert "Needs attention" in page.text


def test_a_database_of_another_version_is_told(client: AppClient) -> None:
    client.sql("UPDATE alembic_version SET version_num = '0001'")
    page = client.get(PATH, headers=ADMIN).text
    assert "of another version" in page
    assert "Needs attention" in page


def test_every_package_that_we_require_is_named_with_its_terms(client: AppClient) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() for line in project["dependencies"]}
    found = {licence.name.lower(): licence for licence in installed_licences()}
    assert wanted <= set(found)
    assert "fenfa" not in found
    page = client.get(PATH, headers=ADMIN).text
    for name in wanted:
        assert found[name].version == distribution(name).version
        assert f"<td>{found[name].name}</td>" in page
    assert [licence.name for licence in installed_licences() if not licence.terms] == []
