"""What a newcomer meets first: which models can answer, and pictures that say what they show."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from .conftest import COFFEE, png


def opened(client: TestClient, address: str) -> Image.Image:
    reply = client.post(address, content=png(COFFEE))
    assert reply.status_code == 200, reply.text
    return Image.open(io.BytesIO(reply.content))


def test_models_without_their_weights_are_not_fetched_and_listed_last(client: TestClient) -> None:
    states = {m["id"]: m["state"] for m in client.get("/models").json()["models"]}
    assert states["vgg16"] == "not_fetched" and states["imagenet-lite0"] != "not_fetched"
    flags = [state == "not_fetched" for state in states.values()]
    assert flags == sorted(flags)
    assert client.get("/models/vgg16").json()["state"] == "not_fetched"


def test_the_classes_of_an_image_are_drawn_as_bars(client: TestClient) -> None:
    plain = opened(client, "/classify?top_k=3&format=overlay")
    told = opened(client, "/classify?top_k=3&format=overlay&legend=true")
    assert plain.width == told.width and plain.height < told.height
    refused = client.post("/classify?format=overlay&alpha=0.5", content=png(COFFEE))
    assert refused.status_code == 422 and "no use for alpha" in refused.text


def test_a_neurons_picture_is_cut_to_what_it_sees(client: TestClient) -> None:
    asked = "/saliency?method=guided_backprop&layer=blocks.2&neuron=8,28,28&format=overlay"
    whole, part = opened(client, asked), opened(client, f"{asked}&zoom=true")
    assert whole.size == (600, 400) and abs(max(part.size) - 512) < 128
    few = np.asarray(part)[1:, 1:]
    assert len(np.unique(few.reshape(-1, 3), axis=0)) < 3000  # pixels became squares


def test_filters_have_their_numbers_and_a_scale_below_them(client: TestClient) -> None:
    address = "/models/imagenet-lite0/filters?format=png"
    plain, told = (
        Image.open(io.BytesIO(client.get(each).content))
        for each in (address, f"{address}&legend=true")
    )
    assert plain.width > 600 and told.width > 600
    assert told.height > plain.height + 4 * 16 + 40  # four rows with a line each, and the legend
    assert client.get("/models/imagenet-lite0/filters?legend=true").status_code == 422
