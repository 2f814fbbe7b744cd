"""What we hand out for deploying, held against the code and asked of the tools that will read it. No image is built here."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fenfa import __version__
from fenfa.config import load_config, setting_rows
from tests.support.nginx import NGINX, ROOT, free_port, write_configuration
from tests.web.routes import TABLE

COMPOSED = ("compose.yaml", "compose.scale.yaml")
KUBERNETES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
PINNED = re.compile(r"[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)*")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FILES = [ROOT / "Dockerfile", *(ROOT / name for name in COMPOSED)]
FILES += [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / name).read_text()))


def objects() -> dict[str, dict[str, Any]]:
    """Kubernetes' objects by kind."""
    return {one["kind"]: one for path in KUBERNETES for one in yaml.safe_load_all(path.read_text())}


def container() -> dict[str, Any]:
    (one,) = objects()["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(one)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_that_is_named_exists(path: Path) -> None:
    known = {f.metadata["variable"] for f in setting_rows()} | {"FENFA_ADMIN_TOKEN", "FENFA_UPLOAD_TOKEN"}
    assert set(re.findall(r"\bFENFA_[A-Z0-9_]+", path.read_text())) <= known


def images() -> Iterator[str]:
    yield from re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for name in COMPOSED:
        yield from (service["image"] for service in read(name)["services"].values())
    yield container()["image"]


def test_images_are_named_by_version_and_ours_by_this_one() -> None:
    for image in images():
        assert PINNED.fullmatch(image), image
        assert not image.startswith("fenfa:") or image == f"fenfa:{__version__}"


def test_the_image_is_installed_as_make_installs() -> None:
    """The same lock with its hashes, then the project alone."""
    makefile = (ROOT / "Makefile").read_text()
    for words in ("--require-hashes -r requirements/serve.lock", "--no-deps --no-build-isolation"):
        assert words in makefile
        assert words in DOCKERFILE
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {word for words in copied for word in words.split()} == sent
    assert all((ROOT / name).exists() for name in sent)


def test_the_image_runs_as_nobody_special_and_ends_well() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER fenfa$", last, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in last
    (port,) = re.findall(r"^EXPOSE (\d+)$", last, re.MULTILINE)
    assert f"FENFA_PORT={port}" in last
    assert "uid " + str(container_user()) in last


def container_user() -> int:
    return int(objects()["Deployment"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"])


def test_health_is_asked_at_routes_that_exist() -> None:
    asked = [probe["httpGet"]["path"] for name, probe in container().items() if name.endswith("Probe")]
    asked += re.findall(r"'(/[a-z]+)'", DOCKERFILE) + re.findall(r"health_uri (\S+)", caddyfile())
    assert {"/healthz", "/readyz"} <= set(asked)
    assert {("GET", path) for path in asked} <= set(TABLE)


def caddyfile() -> str:
    return (ROOT / "deploy/caddy/Caddyfile").read_text()


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_services_fit_together(name: str) -> None:
    composed = read(name)
    services = composed["services"]
    ours = {key: one for key, one in services.items() if one["image"].startswith("fenfa:")}
    assert services["caddy"]["environment"]["UPSTREAMS"].split() == [f"{key}:8000" for key in ours]
    (network,) = (one["subnet"] for one in composed["networks"]["default"]["ipam"]["config"])
    for one in services.values():
        mounted = {volume.partition(":")[0] for volume in one.get("volumes", [])}
        assert all(
            (ROOT / source).exists() if source[0] == "." else source in composed["volumes"] for source in mounted
        )
        assert set(one.get("depends_on", [])) <= set(services)
    for one in ours.values():
        config = load_config(
            None, {key: re.sub(r"\$\{.*?\}", "ab" * 32, text) for key, text in one["environment"].items()}
        )
        assert network in config.trusted_proxies
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]


def test_what_compose_asks_for_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.scale.yaml").read_text()))
    assert set(re.findall(r"^(\w+)=", (ROOT / "deploy/scale.env.example").read_text(), re.MULTILINE)) == asked


def test_kubernetes_objects_fit_together() -> None:
    found, pod = objects(), objects()["Deployment"]["spec"]["template"]
    for selector in (
        found["Deployment"]["spec"]["selector"]["matchLabels"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        found["Service"]["spec"]["selector"],
    ):
        assert selector.items() <= pod["metadata"]["labels"].items()
    (port,) = container()["ports"]
    assert str(port["containerPort"]) in re.findall(r"FENFA_PORT=(\d+)", DOCKERFILE)
    assert found["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert {one["secretRef"]["name"] for one in container()["envFrom"]} == {found["Secret"]["metadata"]["name"]}
    mounts = {one["name"] for one in container()["volumeMounts"]}
    assert mounts == {one["name"] for one in pod["spec"]["volumes"]}


def test_nginx_takes_our_configuration(tmp_path: Path) -> None:
    ours = re.sub(r"(?m)^    ssl_.*\n", "", (ROOT / "deploy/nginx/fenfa.conf").read_text()).replace(" ssl http2;", ";")
    ours = re.sub(r"listen (\[::\]:)?\d+", lambda _: f"listen 127.0.0.1:{free_port()}", ours)  # it binds them
    configuration = write_configuration(tmp_path, ours)
    done = subprocess.run(
        [NGINX, "-t", "-p", str(tmp_path), "-c", str(configuration), "-e", str(tmp_path / "error.log")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_systemd_takes_our_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    unit = (ROOT / "deploy/systemd/fenfa.service").read_text().replace("/srv/fenfa/bin/fenfa serve", "/bin/true")
    file = tmp_path / "fenfa.service"
    file.write_text(unit)
    done = subprocess.run([analyze, "verify", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "fenfa.service" in line]) == (0, [])
