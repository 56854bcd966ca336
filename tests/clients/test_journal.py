from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from brightfield_client.journal import Journal


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"1")
    return path


def test_what_is_done_is_known_again_but_not_for_other_questions(tmp_path, image):
    file = tmp_path / "done.jsonl"
    journal = Journal(file, "classify", {"top_k": 1})
    journal.succeeded(journal.key(image), {"id": "r"})
    again = Journal(file, "classify", {"top_k": 1})
    assert again.envelope(again.key(image)) == {"id": "r"}
    for task, parameters in (("embed", {"top_k": 1}), ("classify", {"top_k": 2})):
        other = Journal(file, task, parameters)
        assert other.envelope(other.key(image)) is None


def test_a_changed_image_is_asked_anew(tmp_path, image):
    journal = Journal(tmp_path / "done.jsonl", "classify", {})
    before = journal.key(image)
    os.utime(image, ns=(0, 1))
    assert journal.key(image) != before


def test_a_cut_line_loses_only_itself(tmp_path, image):
    file = tmp_path / "done.jsonl"
    journal = Journal(file, "classify", {})
    key = journal.key(image)
    journal.succeeded("first|" + key, {"id": "1"})
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 2])
    journal = Journal(file, "classify", {})
    journal.succeeded(key, {"id": "2"})
    again = Journal(file, "classify", {})
    assert [again.envelope(k) for k in ("first|" + key, key)] == [{"id": "1"}, {"id": "2"}]


def test_threads_do_not_mix_their_lines(tmp_path):
    file = tmp_path / "done.jsonl"
    journal = Journal(file, "classify", {})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: journal.failed(str(n), OSError("é" * 5000)), range(64)))
    keys = {json.loads(line)["key"] for line in file.read_text("utf-8").splitlines()}
    assert keys == {str(n) for n in range(64)}
