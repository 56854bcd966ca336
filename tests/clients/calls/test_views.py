"""Stored images are looked at through the client by their ids."""

from __future__ import annotations

import io

import httpx2
import numpy as np


def test_an_image_is_described_shown_and_counted_by_its_id(client, fake):
    fake.reply = lambda _: httpx2.Response(200, json={"width": 3})
    assert client.image("sha256:00", z=1)["width"] == 3
    assert fake.last.url.raw_path.decode() == "/images/sha256%3A00?z=1"
    client.histogram("sha256:00", bins=1)
    assert fake.last.url.raw_path.decode() == "/images/sha256%3A00/histogram?bins=1"


def test_a_view_is_a_picture_or_its_values(client, fake):
    values = io.BytesIO()
    np.save(values, np.arange(6, dtype=np.uint16).reshape(2, 3))
    fake.reply = lambda _: httpx2.Response(200, content=values.getvalue())
    view = client.view("sha256:00", format="npy", region=(1, 2, 3, 2), channels=(0, 2))
    assert np.load(io.BytesIO(view.content)).dtype == np.uint16
    asked = dict(httpx2.QueryParams(fake.last.url.query))
    assert asked == {"format": "npy", "region": "1,2,3,2", "channels": "0,2"}
