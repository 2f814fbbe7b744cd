"""Logs: one JSON object a line on stderr, or a line for people when stderr is a terminal.

Only the fields in `FIELDS` are ever written, paths go without their query, and `redact` is a second net under every text,
tracebacks too: no token and no device identifier reaches a log.
"""

import logging
import re
import sys
import time
import traceback
from json import dumps
from typing import Any

from fenfa.errors import Unavailable

FIELDS = ("method", "path", "route", "status", "ms", "bytes", "request_id", "worker", "error")

_TOKEN = re.compile(r"fnf_\w+")
_HEADER = re.compile(
    r"""((?:x-auth-token|(?:proxy-)?authorization)["']?\s*[:=,]\s*(?:b(?=["']))?["']?)(?:(bearer|basic|token)\s+)?[^\s"',;}\])]+""",
    re.IGNORECASE,
)
_UDID = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16})(?![0-9A-Za-z])")

_SUSPECT = re.compile(r"fnf_|[0-9A-Fa-f]{16}|[Aa][Uu][Tt][Hh]")


def redact(text: str) -> str:
    if not _SUSPECT.search(text):
        return text
    text = _TOKEN.sub("fnf_[token]", text)
    text = _HEADER.sub(r"\1[redacted]", text)
    return _UDID.sub("[udid]", text)


def configure(worker: int = 0, level: int = logging.INFO) -> None:
    """Send every logger of the process, Granian's and uvicorn's included, through one handler on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(People() if sys.stderr.isatty() else Lines(worker))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("fenfa").setLevel(level)
    logging.captureWarnings(True)


class Lines(logging.Formatter):
    """A record as one JSON object a line."""

    def __init__(self, worker: int = 0) -> None:
        super().__init__()
        self._worker = {"worker": worker} if worker else {}

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "ts": timestamp(record.created),
            "level": record.levelname.lower(),
            "event": redact(record.getMessage()),
        }
        return dumps({**line, **self._worker, **fields(record)}, ensure_ascii=False)


class People(logging.Formatter):
    """The same for a terminal: the time, what happened, the fields, and a traceback on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        found = fields(record)
        error = found.pop("error", "")
        told = [time.strftime("%H:%M:%S", time.localtime(record.created)), record.levelname.lower().ljust(8)]
        told += [redact(record.getMessage()), *(f"{name}={value}" for name, value in found.items())]
        return " ".join(told) + (f"\n{error.rstrip()}" if error else "")


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """The allow-listed extras of a record, redacted; an exception becomes `error`."""
    found = {name: record.__dict__[name] for name in FIELDS if name in record.__dict__}
    if record.exc_info and record.exc_info[1]:
        found["error"] = _told(record.exc_info[1])
    return {name: redact(value) if isinstance(value, str) else value for name, value in found.items()}


def _told(error: BaseException) -> str:
    """A traceback, but for an engine that is away: every request meets that, and its causes say all, in a line."""
    if not isinstance(error, Unavailable):
        return "".join(traceback.format_exception(error))
    causes: list[BaseException] = [error]
    while causes[-1].__cause__:
        causes.append(causes[-1].__cause__)
    return "; because ".join(f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}" for cause in causes)


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


_last_second = (0, "")


def _second(whole: int) -> str:
    global _last_second
    if _last_second[0] != whole:
        _last_second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
    return _last_second[1]
