"""POST /collections/{name}/tcav, with a network whose concepts are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from brightfield.settings import Settings

from .conftest import npy
from .test_jobs import ASYNC, finished

CARD = """id = "tints"
version = "{version}"
task = "classify"
licence = "none"
labels = [{{ name = "red" }}, {{ name = "blue" }}]

[architecture]
name = "python:model.py:Tints"

[input]
size = [6, 6]
pixels = "raw"
"""
# The layer `tint` is the image; red's score rises with its first channel wherever that is positive,
# falls with the third, and has nothing to do with the second.
CODE = """import torch


class Tints(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tint = torch.nn.Identity()
        self.blind = torch.nn.Identity()

    def forward(self, x):
        self.blind(x.detach())
        means = self.tint(x).mean((2, 3))
        red = means[:, 0].square() - means[:, 2]
        return torch.stack([red, means[:, 2].square() - means[:, 0]], 1)
"""
RNG = np.random.default_rng(4)


def image(**channels: float) -> np.ndarray:
    pixels = RNG.normal(size=(3, 6, 6)).astype(np.float32)
    for place, name in enumerate(("red", "green", "blue")):
        pixels[place] += channels.get(name, 0)
    return pixels


REDS = [("file", npy(image(red=3))) for _ in range(12)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tints"
    folder.mkdir()
    (folder / "card.toml").write_text(CARD.format(version=1))
    (folder / "model.py").write_text(CODE)
    return folder


@pytest.fixture(scope="module")
def tints(lab: Path, settings_of: Callable[..., Settings]) -> Iterator[TestClient]:
    from brightfield.api.app import create_app

    settings = settings_of(
        models=str(lab.parent), trust_model_code=True,
        default_models="classify=tints,detect=tints,segment=tints,superresolve=tints",
    )  # fmt: skip
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        client.put("/collections/tints", json={"layer": "tint", "keep_images": True})
        for tint in ("red", "green", "blue", "none"):
            count = 60 if tint == "none" else 25
            files = [("file", npy(image(**{tint: 2.0}))) for _ in range(count)]
            form = {"metadata": json.dumps({"tint": tint})}
            assert client.post("/collections/tints/items", files=files, data=form).is_success
        yield client


def ask(client: TestClient, tint: str, target: str = "red", **more: Any) -> Any:
    asked = {"target": target, "concept": {"tint": tint}, "random": {"tint": "none"}, **more}
    options = {key: v if isinstance(v, str) else json.dumps(v) for key, v in asked.items()}
    return client.post("/collections/tints/tcav", files=REDS, data=options)


@pytest.mark.parametrize(
    ("tint", "target", "score", "significant"),
    [("red", "red", 1, True), ("blue", "red", 0, True), ("red", "blue", 0, True),
     ("green", "red", None, False)],
)  # fmt: skip
def test_a_concept_is_found_where_the_class_depends_on_it(
    tints: TestClient, tint: str, target: str, score: float | None, significant: bool
) -> None:
    reply = ask(tints, tint, target)
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert (found["layer"], found["n"], found["runs"], found["size"]) == ("tint", 12, 30, 25)
    assert found["target"] == {"label": target, "class_id": ("red", "blue").index(target)}
    assert (found["concept"]["items"], found["random"]["items"]) == (25, 60)
    assert found["significant"] == significant
    codes = {each["code"] for each in found["warnings"]}
    assert bool(codes & {"not_significant", "like_random_sets"}) != significant
    if score is not None:
        assert found["concept"]["score"] == pytest.approx(score, abs=0.02)
        assert found["concept"]["accuracy"] > 0.9 > found["random"]["accuracy"]
        sign = 1 if score else -1
        assert all(each["derivative"] * sign > 0 for each in found["inputs"])


def test_the_derivative_is_that_of_the_score(tints: TestClient) -> None:
    """Along red alone d score / d mean = 2 mean; the concept's vectors lie near that axis."""
    found = ask(tints, "red").json()
    means = [float(np.load(_file(data))[0].mean()) for _, data in REDS]
    ours = [each["derivative"] for each in found["inputs"]]
    np.testing.assert_allclose(ours, 2 * np.array(means), rtol=0.1)


def _file(data: bytes) -> Any:
    import io

    return io.BytesIO(data)


def test_items_of_the_collection_are_asked_about_by_a_filter(tints: TestClient) -> None:
    body = {"target": "0", "concept": {"tint": "red"}, "inputs": {"tint": "blue"}, "runs": 5}
    found = tints.post("/collections/tints/tcav", json=body).json()
    assert found["n"] == 25 and found["random"]["items"] == 110
    assert len({each["id"] for each in found["inputs"]}) == 25


def test_it_runs_as_a_job_with_progress(tints: TestClient) -> None:
    body = {"target": "red", "concept": {"tint": "red"}, "inputs": {"tint": "red"}, "runs": 3}
    job = tints.post("/collections/tints/tcav", json=body, headers=ASYNC).json()
    over = finished(tints, job["id"])
    assert over["state"] == "succeeded" and over["progress"]["total"] == 28
    assert tints.get(f"/jobs/{job['id']}/result").json()["n"] == 25


def test_one_bad_image_never_fails_its_neighbours(tints: TestClient) -> None:
    options = {"target": "red", "concept": '{"tint": "red"}'}
    files = [("file", b"no image"), *REDS]
    reply = tints.post("/collections/tints/tcav", files=files, data=options)
    found = reply.json()
    assert reply.status_code == 207 and found["n"] == 12
    assert found["inputs"][0]["error"]["code"] == "unknown_format"
    assert "images_left_out" in [each["code"] for each in found["warnings"]]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"target": "green"}, 422, "no class 'green'"),
        ({"target": "top"}, 422, "names one class"),
        ({"concept": {"tint": "pink"}}, 409, "too few items"),
        ({"size": 40}, 409, "Sets of 40 need 40 items of the concept and 80 others"),
        ({"random": {"tint": "red"}}, 409, "Sets of 6 need"),
        ({"inputs": {"tint": "red"}}, 422, "one of both"),
        ({"model": "imagenet-lite0"}, 422, "is of the model tints"),
        ({"runs": 1}, 422, "greater than or equal to 2"),
        ({"concept": "striped"}, 422, "a filter is JSON"),
    ],
)
def test_what_has_no_meaning_is_refused(
    tints: TestClient, asked: dict[str, Any], status: int, said: str
) -> None:
    reply = ask(tints, asked.pop("tint", "red"), **asked)
    assert reply.status_code == status, reply.text
    assert said in reply.text


def test_collections_that_have_no_directions_are_refused(tints: TestClient) -> None:
    for name, definition, said in (
        ("alone", {"dim": 3}, "has no model"),
        ("unit", {"layer": "tint", "normalize": True}, "have length 1"),
        ("blind", {"layer": "blind"}, "has no gradient"),
    ):
        tints.put(f"/collections/{name}", json=definition)
        vectors = RNG.normal(size=(40, 3)).tolist()
        metadata = [{"tint": "red" if place < 10 else "none"} for place in range(40)]
        ids = [str(place) for place in range(40)]
        body = {"vectors": vectors, "ids": ids, "metadata": metadata}
        assert tints.post(f"/collections/{name}/items", json=body).is_success
        options = {"target": "red", "concept": '{"tint": "red"}'}
        reply = tints.post(f"/collections/{name}/tcav", files=REDS, data=options)
        assert reply.status_code == 422 and said in reply.text


def test_a_changed_model_is_refused(tints: TestClient, lab: Path) -> None:
    (lab / "card.toml").write_text(CARD.format(version=2))
    tints.post("/models/tints/load?anew=true")
    reply = ask(tints, "red")
    assert (reply.status_code, reply.json()["code"]) == (409, "model_changed")
    (lab / "card.toml").write_text(CARD.format(version=1))
    tints.post("/models/tints/load?anew=true")
