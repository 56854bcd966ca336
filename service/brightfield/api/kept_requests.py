"""Requests of jobs, kept on disk until the job is over, so that it survives the process."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, QueryParams

from brightfield.api.reading.received import Received, received_from
from brightfield.store import faults

_MOST_RUNS = 3
"""So often a job is begun: one that ended the process each time must not end it for ever."""

# What says who asks is of no use to the job, and doesn't belong on disk.
_SECRET = ("authorization", "cookie", "proxy-authorization")


class KeptRequests:
    """One file per job in a folder: a line of JSON, and then the body as it came."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, job_id: str, received: Received) -> None:
        """Keep a request; it is on disk when this returns. Raises `StoreUnavailable`."""
        headers = [pair for pair in received.headers.items() if pair[0].lower() not in _SECRET]
        head = {
            "query": str(received.query),
            "headers": headers,
            "request_id": received.request_id,
            "runs": 1,
        }
        self._write(job_id, head, received.body)

    async def again(self, job_id: str) -> Received | None:
        """The request of a job that begins once more; None if it has begun too often."""
        head, body = self._read(job_id)
        if head["runs"] >= _MOST_RUNS:
            return None
        self._write(job_id, {**head, "runs": head["runs"] + 1}, body)
        raw = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in head["headers"]]
        query = QueryParams(head["query"])
        return await received_from(query, Headers(raw=raw), body, head["request_id"])

    def drop(self, job_id: str) -> None:
        """Forget a request; the job is over."""
        self._file(job_id).unlink(missing_ok=True)

    def ids(self) -> set[str]:
        """The jobs whose requests are kept."""
        return {file.stem for file in self._folder.glob("*.request")}

    def _file(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.request"

    def _read(self, job_id: str) -> tuple[dict[str, Any], bytes]:
        line, _, body = self._file(job_id).read_bytes().partition(b"\n")
        return json.loads(line), body

    def _write(self, job_id: str, head: dict[str, Any], body: bytes) -> None:
        draft = self._file(job_id).with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(json.dumps(head).encode() + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._file(job_id))
        except OSError as fault:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise faults.of_disk(fault) from fault
