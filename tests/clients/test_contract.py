"""The client against the real service, over a socket."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brightfield_client import (
    AsyncClient,
    BadRequestError,
    Client,
    ItemError,
    NotFoundError,
    UnprocessableError,
)
from brightfield_client.cli import main


@pytest.fixture(scope="module")
def client(service_url):
    with Client(service_url) as made:
        yield made


@pytest.fixture(scope="module")
def photo() -> Path:
    data = pytest.importorskip("skimage").data
    return Path(data.__file__).parent / "chelsea.png"


@pytest.fixture(scope="module")
def pixels(photo) -> np.ndarray:
    with Image.open(photo) as picture:
        return np.array(picture)


def test_every_kind_of_input_gives_the_same_answer(client, photo, pixels):
    torch = pytest.importorskip("torch")
    picture = Image.fromarray(pixels)
    stored = client.put_image(photo)
    sources = [photo, photo.read_bytes(), io.BytesIO(photo.read_bytes()), picture, pixels, stored]
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    answers = [client.classify(source, top_k=3) for source in [*sources, stored.id, tensor]]
    first = answers[0]
    assert "cat" in first.top.label.lower()
    for answer in answers[1:]:
        assert [p.class_id for p in answer] == [p.class_id for p in first]
        np.testing.assert_allclose([p.score for p in answer], [p.score for p in first], atol=1e-4)


def test_one_bad_image_does_not_fail_its_neighbours(client, photo, pixels):
    batch = client.classify([photo, b"\x89PNG\r\n\x1a\ncut", pixels])
    assert [isinstance(item, ItemError) for item in batch] == [False, True, False]
    assert len(client.classify([photo])) == 1
    with pytest.raises(BadRequestError):
        batch.raise_for_item()


def test_errors_say_what_to_do(client, photo):
    with pytest.raises(UnprocessableError, match="top_k") as caught:
        client.classify(photo, topk=3)
    assert (caught.value.code, caught.value.retryable) == ("unknown_parameter", False)
    assert caught.value.request_id
    with pytest.raises(NotFoundError):
        client.classify(photo, model="nothing-like-it")


def test_models_and_layers(client):
    default = client.classify(np.zeros((64, 64, 3), np.uint8)).model.id
    assert default in {model.id for model in client.models()}
    model = client.model(default)
    assert (model.task, len(model.labels)) == ("classify", 1000)
    assert client.layers(default)[-1].shape is not None
    assert client.live()
    assert client.ready()
    assert client.doctor(None)
    assert "# TYPE" in client.metrics_text()


def test_embeddings(client, photo):
    plain, unit = client.embed(photo), client.embed(photo, normalize=True)
    assert plain.vector.shape == (plain.dim,)
    expected = plain.vector / np.linalg.norm(plain.vector)
    np.testing.assert_allclose(unit.vector, expected, atol=1e-5)


def test_a_saliency_map_as_json_and_as_array(client, photo, pixels):
    answer = client.saliency(photo, method="gradient", space="image")
    assert answer.map.shape == pixels.shape[:2]
    assert answer.map.min() >= 0
    same = client.saliency(photo, method="gradient", format="npy").array()
    np.testing.assert_allclose(same, answer.map, rtol=1e-3, atol=1e-6)
    assert np.asarray(answer.overlay(photo)).shape == pixels.shape


def test_occlusion_as_a_job(client, photo):
    told = []
    job = client.submit("occlusion", photo, window=112, stride=112)
    job.wait(progress=lambda done, total: told.append((done, total)), timeout=100)
    answer = job.result()
    assert job.state == "succeeded"
    assert answer.scores.shape == (1, answer.grid.rows, answer.grid.cols)
    assert told[-1][0] == told[-1][1]
    assert client.job(job.id).result().scores.tolist() == answer.scores.tolist()
    hidden = client.occlusion(photo, hide=(0, 0, 200, 200), window=112, stride=112).what_if
    np.testing.assert_allclose(
        np.subtract(hidden.before, hidden.after), hidden.difference, atol=1e-4
    )


def test_asyncio(service_url, photo):
    async def ask():
        async with AsyncClient(service_url) as client:
            items = [item async for item in client.map([photo, "missing.png"], progress=False)]
            job = await client.submit("saliency", photo, method="gradient")
            return items, await job.result(timeout=100)

    (good, bad), saliency = asyncio.run(ask())
    assert (good.ok, type(bad.error)) == (True, FileNotFoundError)
    assert saliency.method == "gradient"


def test_the_command_line(service_url, photo, pixels, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BRIGHTFIELD_URL", service_url)
    assert main(["classify", str(photo), "--top-k", "1"]) == 0
    assert "cat" in capsys.readouterr().out.lower()
    out = tmp_path / "over.png"
    assert main(["explain", str(photo), "--out", str(out)]) == 0
    with Image.open(out) as over:
        assert np.asarray(over).shape == pixels.shape
    assert main(["doctor"]) == 0


@pytest.mark.slow
def test_the_command_line_without_a_service(photo, tmp_path, monkeypatch, capsys):
    pytest.importorskip("brightfield.api.app")
    monkeypatch.setenv("BRIGHTFIELD_DATA", str(tmp_path))
    monkeypatch.setenv("BRIGHTFIELD_DEVICE", "cpu")
    assert main(["classify", str(photo), "--local", "--top-k", "1"]) == 0
    assert "cat" in capsys.readouterr().out.lower()
