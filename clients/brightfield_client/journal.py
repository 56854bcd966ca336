"""Answers kept line by line, so that a broken-off run can go on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Journal:
    """A file of JSON lines: one for each image that is done.

    A line is written in one piece by the system's append, so that several threads, or several
    programs, do not mix theirs. What a crash cut short isn't JSON and is skipped when reading.
    An image counts as done when path, size and time of the file, the endpoint and its parameters
    are the same; so a changed image or another model is asked anew.
    """

    def __init__(self, path: str | os.PathLike[str], task: str, parameters: Mapping[str, Any]):
        self._path = Path(path)
        request = json.dumps([task, parameters], sort_keys=True, default=str)
        self._request = hashlib.sha256(request.encode()).hexdigest()[:16]
        self._lock = threading.Lock()
        self._done = self._read()

    def key(self, source: Any) -> str:
        """What an image is known by. Raises `TypeError` for what isn't a file."""
        if not isinstance(source, str | os.PathLike):
            raise TypeError("resume= needs paths; an image in memory has no name to be known by.")
        path = Path(source).expanduser()
        stat = path.stat()
        return f"{path}|{stat.st_size}|{stat.st_mtime_ns}|{self._request}"

    def envelope(self, key: str) -> Mapping[str, Any] | None:
        """The answer of a former run; None when the image is still to be asked."""
        return self._done.get(key)

    def succeeded(self, key: str, envelope: Mapping[str, Any]) -> None:
        self._append({"key": key, "envelope": dict(envelope)})

    def failed(self, key: str, error: Exception) -> None:
        """Note an error, for readers of the file; the next run asks again."""
        self._append({"key": key, "error": str(error)})

    def _read(self) -> dict[str, Mapping[str, Any]]:
        done: dict[str, Mapping[str, Any]] = {}
        if not self._path.exists():
            return done
        with self._path.open("rb") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                    if "envelope" in entry and entry["key"].endswith(self._request):
                        done[entry["key"]] = entry["envelope"]
                except (ValueError, TypeError, KeyError, AttributeError):
                    continue  # cut short
        return done

    def _append(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(file).st_size
                cut = size > 0 and os.pread(file, 1, size - 1) != b"\n"
                os.write(file, b"\n" + line if cut else line)
            finally:
                os.close(file)
