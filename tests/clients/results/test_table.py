"""What answers that are tables or sequences have in common."""

from __future__ import annotations

import csv
import json

import httpx2
import pytest

from .test_values import RESULTS

NAMES = {"Activations": "activations", "Classification": "classify", "Detections": "detect"}
NAMES |= {"Patches": "patches", "Segmentation": "segment"}


@pytest.fixture
def asked(client, fake, enveloped):
    def ask(name):
        reply = enveloped(RESULTS[name], NAMES[name])
        fake.reply = lambda _: httpx2.Response(200, json=reply)
        return getattr(client, NAMES[name])(b"x")

    return ask


@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_whose_items_are_the_rows(asked, name):
    answer = asked(name)
    frame = answer.to_pandas()
    assert len(answer) == len(list(answer)) == len(frame) == 1
    assert answer[0] == next(iter(answer)) and answer[-1] == answer[0]
    assert list(answer[1:]) == []
    first = next(iter(frame))
    assert frame[first][0] == getattr(answer[0], first)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"Classification"}))
def test_the_file_and_the_frame_have_the_same_columns(asked, name, tmp_path):
    answer = asked(name)
    with answer.save(tmp_path / "a.csv").open(newline="") as lines:
        (row,) = csv.DictReader(lines)
    frame = answer.to_pandas()
    assert list(row) == list(frame)
    assert float(row["xmax"]) == frame["xmax"][0] == answer[0].box.xmax


@pytest.mark.parametrize("name", sorted({*NAMES} - {"Classification"}))
def test_every_answer_that_is_saved_can_be_json(asked, name, tmp_path):
    answer = asked(name)
    assert json.loads(answer.save(tmp_path / "a.JSON").read_text()) == answer.to_dict()
    with pytest.raises(ValueError, match=rf"^{name} is saved as .*\.json, not as '\.gif'"):
        answer.save(tmp_path / "a.gif")
