"""The parent process: holds the listening socket, starts the workers, replaces the dead and passes the end on.

It imports next to nothing, because it stays in memory for as long as the server runs; `serve` in server.py becomes it with
`execv`. Workers are forked from here, so they need nothing pickled, and they share this one socket: a worker that dies
takes no queued connection with it.
"""

import json
import logging
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass

log = logging.getLogger("fenfa.supervisor")

NEVER_STARTED = 3
"""Exit code of a worker whose application could not start."""
STEADY = 10.0
"""Seconds after which a worker counts as well, so that its next death is not part of a row of deaths."""
LONGEST_WAIT = 30
TIDY = 10
"""Seconds that a worker gets after the drain for its application's shutdown."""

_WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM}


@dataclass(frozen=True)
class Options:
    """What a server process needs to know. Travels as JSON in the command line, so it holds no secrets."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    server: str = "granian"
    drain: float = 60.0
    request_log: bool = True
    factory: str = "fenfa.web.app:create_app"

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class Worker:
    number: int
    pid: int
    born: float
    deaths: int = 0


class Supervisor:
    def __init__(self, options: Options, listener: int) -> None:
        self.options, self.listener = options, listener
        self.workers: dict[int, Worker] = {}
        self.waiting: list[tuple[float, int, int]] = []  # (when, worker number, deaths in a row)
        self.stopping = False
        self.exit_code = 0
        self.lifeline, self.held = os.pipe()  # the workers see its end when this process is gone

    def run(self) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        for number in range(1, self.options.workers + 1):
            self.start(number)
        while self.workers or (self.waiting and not self.stopping):
            self.handle(signal.sigwait(_WATCHED))
        return self.exit_code

    def handle(self, caught: int) -> None:
        if caught == signal.SIGCHLD:
            self.reap()
        elif caught == signal.SIGALRM:
            self.ring()
        elif self.stopping:
            self.exit_code = 1
            self.signal_all(signal.SIGKILL)
        else:
            self.stop()

    def start(self, number: int, deaths: int = 0) -> None:
        pid = os.fork()
        if not pid:
            self.become_worker(number)
        self.workers[pid] = Worker(number, pid, time.monotonic(), deaths)

    def become_worker(self, number: int) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C reaches the whole group; only the parent acts on it
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.close(self.held)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED - {signal.SIGTERM})
        code = NEVER_STARTED
        try:
            from fenfa.web.worker import work  # not before the fork: the parent stays lean

            code = work(self.options, self.listener, number, self.lifeline)
        except BaseException:
            logging.getLogger("fenfa.worker").critical("worker failed", exc_info=True)
        finally:
            os._exit(code)

    def stop(self, exit_code: int = 0) -> None:
        self.stopping, self.exit_code = True, exit_code
        os.close(self.listener)
        self.signal_all(signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, self.options.drain + TIDY)

    def ring(self) -> None:
        """The alarm means: the drain is over, or the dead may be replaced."""
        if self.stopping:
            log.error("workers did not stop in time and are killed")
            self.exit_code = 1
            self.signal_all(signal.SIGKILL)
            return
        now = time.monotonic()
        due, self.waiting = (
            [one for one in self.waiting if one[0] <= now],
            [one for one in self.waiting if one[0] > now],
        )
        for _, number, deaths in due:
            self.start(number, deaths)
        self.set_alarm()

    def reap(self) -> None:
        while self.workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            worker = self.workers.pop(pid, None)
            if worker and not self.stopping:
                self.replace(worker, os.waitstatus_to_exitcode(status))

    def replace(self, worker: Worker, code: int) -> None:
        lived = time.monotonic() - worker.born
        deaths = 0 if lived > STEADY else worker.deaths + 1
        if code == NEVER_STARTED and worker.deaths == 0 and lived <= STEADY:
            self.stop(exit_code=1)  # it said why; a second try would say the same
            return
        log.error("worker %d ended with %d and is replaced", worker.number, code)
        delay = 0 if deaths <= 1 else min(2.0 ** (deaths - 2), LONGEST_WAIT)
        self.waiting.append((time.monotonic() + delay, worker.number, deaths))
        self.set_alarm()

    def set_alarm(self) -> None:
        if self.waiting:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, min(self.waiting)[0] - time.monotonic()))

    def signal_all(self, number: int) -> None:
        for pid in self.workers:
            os.kill(pid, number)


def main() -> int:
    from fenfa.web import logs

    logs.configure()
    options, listener = Options(**json.loads(sys.argv[1])), int(sys.argv[2])
    return Supervisor(options, listener).run()


if __name__ == "__main__":
    sys.exit(main())
