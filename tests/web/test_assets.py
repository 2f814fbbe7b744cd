"""Our own style sheets and scripts: small, kept by browsers, packed for those who unpack."""

import gzip

from fenfa.web.assets import FOLDER, asset
from tests.support.client import AppClient

MOST_LINES = 300


def test_scripts_stay_short() -> None:
    assert sum(len(file.read_text().splitlines()) for file in FOLDER.glob("*.js")) <= MOST_LINES


def test_what_is_asked_for_by_its_hash_is_kept_for_good(client: AppClient) -> None:
    for name in sorted(file.name for file in FOLDER.iterdir()):
        kept = client.get(asset(name), headers={"Accept-Encoding": "gzip"})
        assert kept.content == (FOLDER / name).read_bytes()
        assert "immutable" in kept.headers["cache-control"]
        plain = client.get(f"/static/{name}", headers={"Accept-Encoding": "identity"})
        assert plain.headers["cache-control"] == "no-cache"
        assert "content-encoding" not in plain.headers


def test_packed_is_smaller(client: AppClient) -> None:
    packed = client.get(asset("fenfa.css"), headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(gzip.compress((FOLDER / "fenfa.css").read_bytes())) + 100
