from __future__ import annotations

import math

import httpx2
import numpy as np


def test_a_vector(client, fake, enveloped):
    result = {"dim": 3, "layer": "pool", "embedding": [0.5, None, -2], "normalized": True}
    fake.reply = lambda _: httpx2.Response(200, json=enveloped(result, "embed"))
    answer = client.embed(b"x", layer="pool", normalize=True)
    assert dict(fake.last.url.params) == {"layer": "pool", "normalize": "true"}
    assert answer.vector.dtype == np.float32
    assert math.isnan(answer.vector[1])
    assert (answer.dim, answer.layer, answer.normalized) == (3, "pool", True)
    assert np.asarray(answer, dtype=float)[2] == -2
    assert "pool" in answer._repr_html_()
