"""Starting the server: take the port, then become the supervisor, which forks the workers."""

import errno
import os
import socket
import sys
from typing import NoReturn

from fenfa.errors import BadInput, Conflict
from fenfa.inspectors.forkserver import READERS
from fenfa.web.supervisor import Options

BACKLOG = 4096


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. Raises Conflict when the port is taken and BadInput when the address is not of this machine.

    Without SO_REUSEPORT, or two servers would share one port and nobody would notice."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Conflict(f"port {port} on {host} is taken; stop the other program or choose another --port") from None
        raise BadInput(f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0) or error}") from None
    # accepted connections inherit it; without it a small file waits 40 ms between its head and its body
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(options: Options, listener: socket.socket | None = None) -> NoReturn:
    """Replace this process by the supervisor. Everything that the start needed, such as migrations, leaves memory."""
    listener = listener or listen(options.host, options.port)
    READERS.close()  # whoever finished interrupted uploads may have started it
    descriptor = listener.detach()
    os.set_inheritable(descriptor, True)
    command = [sys.executable, "-P", "-m", "fenfa.web.supervisor", options.to_json(), str(descriptor)]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, no shell wanted
