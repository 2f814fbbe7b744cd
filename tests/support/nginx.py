"""The real nginx, run on the configuration that we hand out: only its addresses and folders are another machine's."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.server import wait_for

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin") or "nginx"
ROOT = Path(__file__).parents[2]
_AROUND = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/fenfa.conf;
}}
"""


def write_configuration(folder: Path, ours: str) -> Path:
    user = "user root;" if os.geteuid() == 0 else ""  # else root's worker becomes nobody and cannot read the files
    (folder / "fenfa.conf").write_text(ours)
    (folder / "nginx.conf").write_text(_AROUND.format(user=user, folder=folder))
    return folder / "nginx.conf"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def running_nginx(folder: Path, ours: str, port: int) -> Iterator[str]:
    """Its address, once it answers."""
    command = [NGINX, "-p", str(folder), "-c", str(write_configuration(folder, ours)), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command)
    try:
        wait_for(lambda: _listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool | None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return None
