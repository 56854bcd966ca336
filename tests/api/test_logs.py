"""What a log shows: one form for all, and nothing raw of what came from outside."""

from __future__ import annotations

import json
import logging
import threading
import unicodedata
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from brightfield.api import logs
from brightfield.api.log_text import one_line
from brightfield.api.logs import configure, request_id
from brightfield.runtime.context_threads import ContextThreads
from brightfield.runtime.worker_pool import WorkerPool
from brightfield.settings import Settings

EVIL = "a\r\n12:00:00 info    GET /admin 200\x1b[2J\x07\x7f\x85\u2028\u202e\u200b\ud800\ufeff\ue000"
UNSAFE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
log = logging.getLogger("brightfield.test")


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """What has been logged, as it reaches standard error."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, threading.excepthook)
    token = request_id.set("req_1")

    def read(form: str, level: str = "info") -> Any:
        configure(Settings(log_format=form, log_level=level))
        capsys.readouterr()
        return lambda: capsys.readouterr().err

    yield read
    request_id.reset(token)
    root.handlers, root.level, threading.excepthook = before
    logging.captureWarnings(capture=False)


def test_every_unsafe_character_is_escaped_and_no_other() -> None:
    for code in range(0x110000):
        character = chr(code)
        kind = unicodedata.category(character)
        if kind in UNSAFE and kind != "Cn":  # what is assigned later depends on Python's version
            assert one_line(character) != character, hex(code)
        if kind not in UNSAFE and code < 0xE0000:
            assert one_line(character) == character, hex(code)


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_from_outside_is_raw(form: str, lines: Any) -> None:
    read = lines(form)

    def fail() -> None:
        try:
            raise ValueError(EVIL)
        except ValueError as fault:
            raise RuntimeError(EVIL) from fault

    log.info("GET %s %d", EVIL, 200, extra={"model": EVIL})
    logging.getLogger("uvicorn.error").warning("%s", EVIL)
    logging.getLogger("some.library").warning(EVIL)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(EVIL, stacklevel=1)
    try:
        fail()
    except RuntimeError as fault:
        fault.add_note(EVIL)
        log.exception("%s failed", EVIL)
    text = read()
    assert "12:00:00" in text
    assert not [c for c in text if unicodedata.category(c) in UNSAFE and c != "\n"]
    for line in text.splitlines():
        assert not line.startswith("12:00:00"), line
        assert "GET /admin" not in line or "a\\r\\n12:00:00" in line or "a\\\\r\\\\n12" in line


def test_json_is_json_line_by_line_and_loses_nothing(lines: Any) -> None:
    read = lines("json")
    log.info("%s", EVIL, extra={"model": EVIL})
    (entry,) = map(json.loads, read().splitlines())
    assert (entry["message"], entry["model"], entry["request_id"]) == (EVIL, EVIL, "req_1")


def test_a_traceback_names_places_and_causes(lines: Any) -> None:
    read = lines("text")
    try:
        try:
            json.loads("{")
        except ValueError as fault:
            raise ExceptionGroup("several", [KeyError("one"), fault]) from fault
    except ExceptionGroup:
        log.exception("it failed")
    text = read()
    first, *rest = text.splitlines()
    assert first.endswith("it failed request_id=req_1") and all(line[:2] == "  " for line in rest)
    assert 'File "' in text and "decoder.py" in text and "direct cause" in text
    assert "JSONDecodeError: Expecting" in text and "| KeyError: 'one'" in text


@pytest.mark.parametrize(("level", "shown"), [("info", False), ("debug", True)])
def test_what_a_reader_of_files_says_is_for_debugging(level: str, shown: bool, lines: Any) -> None:
    read = lines("text", level)
    logging.getLogger("tifffile").warning("incorrect count")
    logging.getLogger("PIL.Image").error("bad chunk")
    text = read()
    assert (text.count("debug") == 2) == shown and ("count" in text) == shown


def test_lines_of_other_threads_name_the_request(lines: Any) -> None:
    read = lines("text")
    pool, threads = WorkerPool(1, "decode"), ContextThreads(1)
    said = threading.Event()

    def say() -> None:
        logging.getLogger("library").warning("here")
        said.set()

    pool.do(say)
    assert said.wait(5)
    threads.submit(say).result(5)
    pool.close(5)
    threads.shutdown()
    assert read().count("here request_id=req_1") == 2


def test_a_thread_that_ends_by_a_fault_is_a_line(lines: Any) -> None:
    read = lines("json")

    def end() -> None:
        raise ValueError(EVIL)

    thread = threading.Thread(target=end, name="short")
    thread.start()
    thread.join()
    (entry,) = map(json.loads, read().splitlines())
    assert entry["logger"] == logs.__name__ and "ValueError" in entry["exception"]
