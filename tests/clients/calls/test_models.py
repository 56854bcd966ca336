from __future__ import annotations

import httpx2
import pytest

from brightfield_client import UnexpectedReply

CARD = {
    "id": "tiny",
    "version": "1",
    "task": "classify",
    "state": "loaded",
    "licence": "MIT",
    "labels": [{"name": "cat", "color": [1, 2, 3]}, "dog"],
    "memory": 5,
}


@pytest.mark.parametrize("body", [[CARD], {"models": [CARD], "faults": []}])
def test_all_models(client, fake, body):
    fake.reply = lambda _: httpx2.Response(200, json=body)
    (model,) = client.models()
    assert (model.id, model.state, model.labels) == ("tiny", "loaded", ("cat", "dog"))
    assert model.raw["memory"] == 5
    assert "<td>tiny</td>" in model._repr_html_()


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("model", ("GET", "/models/a%2Fb")),
        ("load_model", ("POST", "/models/a%2Fb/load")),
        ("unload_model", ("POST", "/models/a%2Fb/unload")),
    ],
)
def test_one_model(client, fake, method, sent):
    fake.reply = lambda _: httpx2.Response(200, json=CARD)
    assert getattr(client, method)("a/b").id == "tiny"
    assert (fake.last.method, fake.last.url.raw_path.decode()) == sent


def test_layers(client, fake):
    layers = [{"name": "stem", "output_shape": [1, 64, 112, 112]}, {"name": "logits"}]
    fake.reply = lambda _: httpx2.Response(200, json={"layers": layers})
    stem, logits = client.layers("tiny")
    assert (stem.name, stem.shape) == ("stem", (1, 64, 112, 112))
    assert logits.shape is None


@pytest.mark.parametrize("body", [{}, {"models": [{}]}, {"models": [3]}, 3])
def test_replies_of_another_kind(client, fake, body):
    fake.reply = lambda _: httpx2.Response(200, json=body)
    with pytest.raises(UnexpectedReply):
        client.models()
