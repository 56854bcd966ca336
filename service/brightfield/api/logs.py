"""Log lines as text or JSON, each with the id of the request that it belongs to.

One handler takes the lines of every library, so all have one form and nothing that came from
outside (a path, an id, the name of a file, the text of a fault) reaches the log as it came.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from brightfield.api.log_text import one_line, traceback_lines
from brightfield.settings import Settings

log = logging.getLogger(__name__)

request_id: ContextVar[str] = ContextVar("request_id", default="")

_PLAIN = set(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",  # uvicorn's own wording for terminals
}
# What these say of a file, its reader is told by the answer: warnings, or an error.
_TALKATIVE = ("tifffile", "PIL")


class JsonFormatter(logging.Formatter):
    """One JSON object per line, in ASCII; what a caller passes as `extra` becomes members."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry: dict[str, Any] = {
            "time": moment,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info and record.exc_info[1]:
            entry["exception"] = "\n".join(traceback_lines(record.exc_info[1]))
        return json.dumps(entry, default=str).replace("\x7f", "\\u007f")


class TextFormatter(logging.Formatter):
    """`time level message [request id] key=value ...`, for people.

    The lines of a traceback are indented: none can be taken for a line of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        text = "".join(f" {key}={value}" for key, value in _extra(record).items())
        line = one_line(f"{moment} {record.levelname.lower():7} {record.getMessage()}{text}")
        if record.exc_info and record.exc_info[1]:
            line += "".join(f"\n  {each}" for each in traceback_lines(record.exc_info[1]))
        return line


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    found = {
        key: value
        for key, value in record.__dict__.items()
        if key not in _PLAIN and not key.startswith("_")  # a library's own
    }
    if current := request_id.get():
        found.setdefault("request_id", current)
    return found


class _Handler(logging.StreamHandler[TextIO]):
    """Where all lines go; what the talkative libraries say, only where somebody debugs."""

    def __init__(self, level: int) -> None:
        super().__init__(sys.stderr)
        self._debugs = level <= logging.DEBUG

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] in _TALKATIVE:
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
            if not self._debugs:
                return False
        return super().filter(record)


def configure(settings: Settings) -> None:
    """Send every line, the libraries' and Python's warnings too, to standard error in one form."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    handler = _Handler(level)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, _Handler)]
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))  # of libraries no more than their warnings
    for name in ("brightfield", "uvicorn"):
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)
    logging.getLogger("uvicorn.access").disabled = True  # the service writes its own
    threading.excepthook = _note_thread
    sys.unraisablehook = _note_unraisable


def _note_thread(end: threading.ExceptHookArgs) -> None:
    name = end.thread.name if end.thread else "unknown"
    log.critical("the thread %s ended by a fault", name, exc_info=end.exc_value)


def _note_unraisable(what: Any) -> None:
    log.error("%s", what.err_msg or "a fault that nobody can catch", exc_info=what.exc_value)
