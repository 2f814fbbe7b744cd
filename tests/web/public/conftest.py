"""A published iOS product with everything in it that the public must not see, and a Linux one beside it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.client import ADMIN, AppClient
from tests.support.packages import make_ipa

UDIDS = ("00008110-000A1D0E3C38801E", "00008110-000A1D0E3C38801F")
CERTIFICATE = "Apple Distribution: Example Ltd"


@dataclass(frozen=True)
class Seeded:
    product: str
    variant: str
    app: str
    release: str
    sha256: str
    ipa: bytes

    def routes(self) -> list[str]:
        """Every public address of it."""
        return [
            *(
                "/products/example",
                f"/products/{self.product}",
                f"/products/example?r={self.release}",
                f"/apps/{self.app}",
            ),
            *("/api/products/example", f"/api/products/{self.product}", "/api/products/slug/example"),
            *(f"/api/apps/{self.app}", f"/icon/products/{self.product}", f"/icon/{self.app}", f"/icon/{self.product}"),
            *(f"/d/{self.release}", f"/ios/{self.release}/manifest.plist"),
        ]


@pytest.fixture
def seeded(client: AppClient, tmp_path: Path) -> Seeded:
    ipa = make_ipa(tmp_path / "App.ipa", identifier="com.example.app", name="Example", version="1.2.0", build="120")
    files = {"app_file": ("App.ipa", ipa.read_bytes())}
    client.address = "203.0.113.77"
    headers = client_headers(client)
    data = client.post("/smart-upload", headers=headers, data={"create": "1"}, files=files).json()["data"]
    client.address = "127.0.0.1"
    app, release = data["app"], data["release"]
    return Seeded(app["product_id"], app["variant_id"], app["id"], release["id"], release["sha256"], ipa.read_bytes())


def client_headers(client: AppClient) -> dict[str, str]:
    client.address = "127.0.0.1"
    headers = client.post("/admin/api/tokens", headers=ADMIN, json={"name": "t", "scope": "admin"}).json()["data"][
        "secret"
    ]
    client.address = "203.0.113.77"
    return {"X-Auth-Token": headers}
