"""nginx with one worker and sendfile: the limit for everything that is served."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.client import HOST
from bench.plan import BenchError
from bench.processes import Tree, free_port, stop

CONFIGURATION = """\
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen {host}:{port};
        root {root};
    }}
}}
"""


class Nginx:
    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.tree = Tree(pid)
        self.url = f"http://{HOST}:{port}"


@contextmanager
def nginx(directory: Path, root: Path) -> Iterator[Nginx]:
    """Serve the files in `root`; configuration and logs go to `directory`."""
    port = free_port()
    configuration = directory / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # else root's worker becomes nobody and cannot read the files
    configuration.write_text(CONFIGURATION.format(user=user, directory=directory, host=HOST, port=port, root=root))
    log = directory / "error.log"
    process = subprocess.Popen(["nginx", "-p", directory, "-e", log, "-c", configuration], start_new_session=True)
    try:
        _wait_for(process, directory / "nginx.pid", log)
        yield Nginx(port, process.pid)
    finally:
        stop(process)


def _wait_for(process: subprocess.Popen[bytes], pid_file: Path, log: Path) -> None:
    """nginx writes its pid after it listens, and the worker follows at once."""
    deadline = time.monotonic() + 10
    while not (pid_file.exists() and Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"nginx did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.01)
