from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest
from starlette.datastructures import Headers, QueryParams

from brightfield.api.kept_requests import KeptRequests
from brightfield.api.reading.received import Received, received_from
from brightfield.outages import StoreFull

FORM = (
    b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n\x89\nPNG\r\n'
    b'--x\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n3\r\n--x--\r\n'
)


def received(**headers: str) -> Received:
    named = Headers({"Content-Type": "multipart/form-data; boundary=x", **headers})
    return asyncio.run(received_from(QueryParams("a=1&a=%20&b=%C3%A9"), named, FORM, "req_1"))


def test_a_request_comes_back_as_it_was_without_who_asked(tmp_path: Path) -> None:
    kept, given = KeptRequests(tmp_path / "jobs"), received(accept="image/png")
    kept.put("job_1", received(accept="image/png", authorization="Bearer secret"))
    assert kept.ids() == {"job_1"}
    assert b"secret" not in (tmp_path / "jobs" / "job_1.request").read_bytes()
    assert asyncio.run(kept.again("job_1")) == given
    assert given.form.files[0].content == b"\x89\nPNG" and given.form.texts == (("top_k", "3"),)
    kept.drop("job_1")
    kept.drop("job_1")
    assert kept.ids() == set()


def test_what_ends_the_process_each_time_is_not_begun_for_ever(tmp_path: Path) -> None:
    kept = KeptRequests(tmp_path)
    kept.put("job_1", received())
    for _ in range(2):
        assert asyncio.run(kept.again("job_1")) is not None
    assert asyncio.run(kept.again("job_1")) is None


def test_a_full_disk_refuses_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreFull, match="free some space"):
        KeptRequests(tmp_path).put("job_1", received())
    assert list(tmp_path.iterdir()) == []
