from __future__ import annotations

import csv

import httpx2
import numpy as np
import pytest

from brightfield_client import Box, UnexpectedReply

MAPS = np.arange(12, dtype=np.float32).reshape(2, 2, 3)


def unit(number, top, mean=1.0):
    return {
        "unit": number,
        "max": top,
        "mean": mean,
        "place": [1, 2],
        "position": {"x": 5.5, "y": 3.5},
        "box": {"xmin": 1.0, "ymin": 2.0, "xmax": 8.0, "ymax": 9.0},
    }


@pytest.fixture
def answer(client, fake, enveloped, encoded):
    result = {
        "layer": "conv",
        "units": [unit(7, 5.0), unit(2, 11.0), unit(3, None, None)],
        "maps": encoded(MAPS),
        "receptive_field": {"height": 7, "width": 7, "everywhere": False},
    }
    fake.reply = lambda _: httpx2.Response(200, json=enveloped(result, "activations"))
    return client.activations(b"x", layer="conv", units=[7, 2, 3])


def test_maps_and_units(answer, fake):
    assert dict(fake.last.url.params) == {"layer": "conv", "units": "7,2,3"}
    assert fake.last.url.path == "/activations"
    assert np.array_equal(answer.maps, MAPS)
    assert [found.unit for found in answer] == [7, 2, 3]
    first = answer.units[0]
    assert (first.max, first.place, first.position) == (5.0, (1, 2), (5.5, 3.5))
    assert first.box == Box(1, 2, 8, 9)
    assert [found.unit for found in answer.strongest()] == [2, 7]
    assert answer.receptive_field["height"] == 7
    assert "<td>2</td>" in answer._repr_html_()


def test_saving(answer, fake, tmp_path):
    assert np.array_equal(np.load(answer.save(tmp_path / "a.npy")), MAPS)
    with answer.save(tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[1]["unit"], rows[1]["max"], rows[1]["xmax"]) == ("2", "11.0", "8.0")
    fake.reply = lambda _: httpx2.Response(
        200, content=b"sheet", headers={"Content-Type": "image/png"}
    )
    assert answer.save(tmp_path / "a.png").read_bytes() == b"sheet"
    assert fake.last.url.params["format"] == "overlay"
    with pytest.raises(ValueError, match=r"\.npy, \.csv"):
        answer.save(tmp_path / "a.gif")


def test_another_reply(client, fake, enveloped):
    fake.reply = lambda _: httpx2.Response(200, json=enveloped({"layer": "conv"}, "activations"))
    with pytest.raises(UnexpectedReply, match="activations"):
        client.activations(b"x")
