from __future__ import annotations

import httpx2
import numpy as np
import pytest

from brightfield_client import UnexpectedReply

WEIGHTS = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)


def test_the_weights(client, fake, encoded, tmp_path):
    body = {
        "model": "tiny", "layer": "conv1", "type": "Conv2d", "total": [64, 3], "first": [2, 0],
        "groups": 1, "weights": encoded(WEIGHTS), "ranges": [11.0, None],
    }  # fmt: skip
    fake.reply = lambda _: httpx2.Response(200, json=body)
    found = client.filters("a/b", layer="conv1", first=2, count=2)
    assert fake.last.url.raw_path.decode() == "/models/a%2Fb/filters?layer=conv1&first=2&count=2"
    assert np.array_equal(found.weights, WEIGHTS)
    assert (found.total, found.first, len(found)) == ((64, 3), (2, 0), 2)
    assert found.ranges[0] == 11 and np.isnan(found.ranges[1])
    assert np.array_equal(np.load(found.save(tmp_path / "f.npy")), WEIGHTS)


def test_a_picture(client, fake):
    fake.reply = lambda _: httpx2.Response(
        200, content=b"png", headers={"Content-Type": "image/png"}
    )
    assert client.filters("tiny", format="png").content == b"png"


def test_another_reply(client, fake):
    fake.reply = lambda _: httpx2.Response(200, json={"layer": "conv1"})
    with pytest.raises(UnexpectedReply):
        client.filters("tiny")
