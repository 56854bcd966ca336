"""Whatever becomes of a request, nothing large is left of it for the garbage collector."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import tifffile
from PIL import Image

from brightfield.api.app import create_app
from brightfield.settings import Settings

from ..toys.engines import NOT_DENSE
from .unreachable import Caller, Reply, leftovers, running

RNG = np.random.default_rng(0)


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 255, (400, 500, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _five_channels() -> bytes:
    buffer = io.BytesIO()
    planes = RNG.integers(0, 2**16, (5, 300, 300), dtype=np.uint16)
    tifffile.imwrite(buffer, planes, metadata={"axes": "CYX"})
    return buffer.getvalue()


IMAGE, UNFIT = _png(), _five_channels()
JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=X"}

Case = Callable[[Caller], Awaitable[Any]]


def copied(data: bytes) -> Callable[[], bytes]:
    """Each time bytes of its own, as if they had been received."""
    return lambda: bytes(bytearray(data))


def post(path: str, data: bytes = IMAGE, **query: Any) -> Case:
    """An image as the body."""
    return lambda caller: caller.ask("POST", path, copied(data), **{"model": "bare", **query})


def post_json(path: str, content: Callable[[], Any], verb: str = "POST") -> Case:
    return lambda caller: caller.ask(verb, path, lambda: orjson.dumps(content()), headers=JSON)


def sent(data: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(data).decode()}


def form(*files: bytes) -> bytes:
    head = b'--X\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return b"".join(head + file + b"\r\n" for file in files) + b"--X--\r\n"


def post_form(path: str, *files: bytes, **query: Any) -> Case:
    return lambda caller: caller.ask("POST", path, lambda: form(*files), headers=FORM, **query)


def job(path: str, data: bytes = IMAGE, *, cancel: bool = False, **query: Any) -> Case:
    """The end of a job."""

    async def ask(caller: Caller) -> Reply:
        wanted = {"Prefer": "respond-async"}
        values = {"model": "bare", **query}
        accepted = await caller.ask("POST", path, copied(data), headers=wanted, **values)
        place = f"/jobs/{accepted.json()['id']}"
        if cancel:
            await asyncio.sleep(0.05)
            await caller.ask("DELETE", place)
        state = "queued"
        while state in ("queued", "running"):
            await asyncio.sleep(0.01)
            state = (await caller.ask("GET", place)).json()["state"]
        return await caller.ask("GET", f"{place}/result")

    return ask


def held(*, leave: bool) -> Case:
    """While the lane is busy the client hangs up, or its deadline passes."""

    async def ask(caller: Caller) -> Reply:
        resident = await asyncio.wrap_future(caller.app.state.engine.registry.load("bare"))
        gate, left = threading.Event(), asyncio.Event()
        busy = resident.call(lambda: gate.wait(30))
        hang_up = left if leave else None
        headers = {} if leave else {"X-Request-Timeout": "0.2"}
        asked = asyncio.create_task(
            caller.ask(
                "POST", "/classify", copied(IMAGE), headers=headers, leave=hang_up, model="bare"
            )
        )
        await asyncio.sleep(0.2)
        left.set()
        reply = await asked
        gate.set()
        await asyncio.wrap_future(busy)
        return reply

    return ask


def predictions(truth: str) -> dict[str, Any]:
    rows = 2000
    scores = [[0.3, 0.7]] * rows
    labels = ["a", "b"]
    return {"task": "classification", "labels": labels, "truth": [truth] * rows, "scores": scores}


def new_vectors() -> dict[str, Any]:
    values = RNG.normal(size=(400, 64)).astype(np.float32)
    data = base64.b64encode(values.tobytes()).decode()
    return {"vectors": {"data": data, "dtype": "float32", "shape": list(values.shape)}}


CASES: dict[str, tuple[Case, int]] = {
    "answered": (post("/classify"), 200),
    "refused": (post("/classify", UNFIT), 422),
    "undecodable": (post("/classify", IMAGE[:-5000]), 400),
    "no such parameter": (post("/classify", modle="bare"), 422),
    "no such model": (post("/classify", model="bear"), 404),
    "failed in the model": (post("/classify", model="fragile"), 503),
    "hung up": (held(leave=True), 499),
    "too late": (held(leave=False), 504),
    "several": (post_form("/classify", IMAGE, UNFIT, IMAGE, model="bare"), 207),
    "as JSON": (
        post_json("/classify", lambda: {"images": [sent(IMAGE)] * 2, "model": "bare"}), 200,
    ),
    "broken JSON": (
        lambda caller: caller.ask("POST", "/classify", lambda: b"[" * 9 + IMAGE, headers=JSON), 400,
    ),
    "features": (post("/embed"), 200),
    "activations": (post("/activations", layer="0"), 200),
    "patches": (post_form("/patches", IMAGE, IMAGE, UNFIT, model="bare", layer="0"), 207),
    "gradient": (post("/saliency", method="gradient", checks="true"), 200),
    "integrated gradients": (post("/saliency", method="integrated_gradients", steps=4), 200),
    "Grad-CAM": (post("/saliency", method="grad_cam", format="overlay"), 200),
    "relevance": (post("/saliency", method="lrp", checks="true"), 200),
    "guided": (post("/saliency", method="guided_backprop"), 200),
    "a reference": (
        post_json(
            "/saliency",
            lambda: {"image": sent(IMAGE), "reference": sent(IMAGE), "model": "bare"},
        ),
        200,
    ),
    "an unfit reference": (
        post_json(
            "/saliency",
            lambda: {"image": sent(IMAGE), "reference": sent(UNFIT), "model": "bare"},
        ),
        422,
    ),
    "occlusion": (post("/occlusion", window=8, stride=8), 200),
    "RISE": (post("/occlusion", method="rise", masks=20), 200),
    "regions": (post("/occlusion", method="kernel_shap", rows=2, columns=2), 200),
    "no such target": (post("/occlusion", target="nonsense"), 422),
    "windows": (post("/classify", window=24, stride=100), 200),
    "tiles": (post("/superresolve", model="repeat-x2", format="png"), 200),
    "detections": (post("/detect", model="bright"), 200),
    "a job": (job("/classify"), 200),
    "a refused job": (job("/classify", UNFIT), 422),
    "a failed job": (job("/classify", model="fragile"), 503),
    "a cancelled job": (job("/occlusion", cancel=True, method="rise", masks=20000), 409),
    "an evaluation": (post_json("/metrics", lambda: predictions("a")), 200),
    "a wrong evaluation": (post_json("/metrics", lambda: predictions("c")), 422),
    "an upload": (lambda caller: caller.ask("PUT", "/images", copied(IMAGE)), 200),
    "added images": (post_form("/collections/images/items", IMAGE, UNFIT), 207),
    "added vectors": (post_json("/collections/vectors/items", new_vectors), 200),
    "clusters": (post_json("/collections/vectors/clusters", lambda: {"k": 3}), 200),
    "a map": (post_json("/collections/vectors/projection", lambda: {"method": "pca"}), 200),
}  # fmt: skip


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def caller(
    loop: asyncio.Runner, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    settings = Settings(
        data=tmp_path_factory.mktemp("data"),
        models=str(models),
        device="cpu",
        threads=1,
        trust_model_code=True,
        allowed_hosts="testserver",
        default_models=f"classify=bare,{NOT_DENSE}",
    )
    context = running(create_app(settings))
    caller = loop.run(context.__aenter__())
    for name, properties in (("images", {"model": "bare"}), ("vectors", {"dim": 64})):
        loop.run(post_json(f"/collections/{name}", lambda p=properties: p, "PUT")(caller))
    yield caller
    loop.run(context.__aexit__(None, None, None))


QUICK = {"answered", "refused", "failed in the model", "hung up", "gradient", "a failed job"}


@pytest.mark.parametrize(
    "case",
    [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CASES],
)
def test_nothing_large_is_left_to_the_collector(
    loop: asyncio.Runner, caller: Caller, case: str
) -> None:
    ask, status = CASES[case]

    async def twice() -> list[str]:
        assert (await ask(caller)).status == status
        with leftovers() as left:
            assert (await ask(caller)).status == status
            await asyncio.sleep(0.05)  # threads put away what they have done
        return left.found

    assert loop.run(twice()) == []
