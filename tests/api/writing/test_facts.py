"""Binary replies say what they are about, and formats refuse what they have no use for."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from starlette.testclient import TestClient

from ..conftest import CHELSEA, png

CAT = png(CHELSEA[:120, :160])
ASKED = "/saliency?method=gradient&target=282&region=0,0,120,120"


def test_a_picture_says_what_it_shows_in_headers_text_and_legend(client: TestClient) -> None:
    files = {"file": ("Katze µ.png", CAT)}
    plain = client.post(f"{ASKED}&format=overlay", files=files)
    legend = client.post(f"{ASKED}&format=overlay&legend=true", files=files)
    assert plain.headers["x-method"] == "gradient" and plain.headers["x-target"] == "tiger cat"
    assert plain.headers["x-region"] == "0,0,120,120"
    low, high = map(float, plain.headers["x-scale"].split(","))
    assert low == 0 < high
    with (
        Image.open(io.BytesIO(plain.content)) as small,
        Image.open(io.BytesIO(legend.content)) as large,
    ):
        said = small.text  # type: ignore[attr-defined]
        assert said["File"] == "Katze µ.png" and said["Target"] == "tiger cat"
        assert large.height > small.height == 120
        assert large.crop((0, 0, *small.size)).tobytes() == small.tobytes()


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("/saliency?alpha=0.3", "overlay"),
        ("/saliency?format=png&offset=1,2", "no format"),
        ("/saliency?format=npy&legend=true", "png or overlay"),
        ("/saliency?format=overlay&space=input", "json or npy or tiff"),
        ("/classify?format=csv&space=image", "no format"),
        ("/classify?window=64&format=npy&paint=class", "png or overlay"),
    ],
)
def test_a_parameter_that_a_format_cannot_use_is_refused(
    client: TestClient, asked: str, named: str
) -> None:
    reply = client.post(asked, content=CAT)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_parameter")
    assert named in reply.json()["detail"]


def test_classes_that_are_cut_are_counted(client: TestClient) -> None:
    reply = client.post("/classify?top_k=2&threshold=0", content=CAT).json()
    (note,) = reply["warnings"]
    assert note["code"] == "classes_cut" and "1000 classes" in note["detail"]
