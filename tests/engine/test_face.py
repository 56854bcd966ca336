"""The engine asked from a program, without HTTP and without an event loop."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from brightfield import Engine, Selection, Settings, Ticket, View, explain, tasks
from brightfield.engine.image_bytes import image_bytes
from brightfield.engine.look_options import LookOptions
from brightfield.errors import Cancelled, InvalidRegion, TruncatedImage, UnknownModel
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.outages import ServiceStopping

from ..toys.engines import NOT_DENSE, noise, png

PIXELS = noise(30, 40)


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path, models=str(models), device="cpu", threads=1, trust_model_code=True,
        default_models=f"classify=bare,{NOT_DENSE}",
    )  # fmt: skip


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    with Engine(settings) as engine:
        yield engine


def predictions(answer: Any) -> Any:
    return answer.result.predictions


def test_it_answers_within_with_and_leaves_no_thread(settings: Settings) -> None:
    before = set(threading.enumerate())
    engine = Engine(settings)
    assert set(threading.enumerate()) == before
    with engine:
        assert len(predictions(engine.ask(tasks.Classify(top_k=2), PIXELS))) == 2
        assert set(threading.enumerate()) > before
    assert set(threading.enumerate()) <= before
    with pytest.raises(ServiceStopping, match="closed"):
        engine.ask(tasks.Classify(), PIXELS)


def test_the_same_within_async_with(settings: Settings, engine: Engine) -> None:
    before = set(threading.enumerate())

    async def asked() -> Any:
        async with Engine(settings) as other:
            together = (other.answer(tasks.Classify(), PIXELS) for _ in range(3))
            return [predictions(answer) for answer in await asyncio.gather(*together)]

    expected = predictions(engine.ask(tasks.Classify(), PIXELS))
    assert asyncio.run(asked()) == [expected] * 3
    lanes = [t for t in threading.enumerate() if t not in before and t.name.startswith("lane")]
    assert len(lanes) <= 1  # that of the engine which is still open


def test_an_image_may_come_in_any_form(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(png(PIXELS))
    forms = [PIXELS, path, str(path), png(PIXELS), bytearray(png(PIXELS)), Image.fromarray(PIXELS)]
    results = [engine.ask(tasks.Classify(), form).result for form in forms]
    assert results == [results[0]] * len(forms)
    with pytest.raises(TypeError, match="not float"):
        engine.ask(tasks.Classify(), 1.5)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        engine.ask(tasks.Classify(), "absent.png")
    with pytest.raises(TruncatedImage):
        engine.ask(tasks.Classify(), png(PIXELS)[:-300])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_images_of_pillow_keep_what_they_show(mode: str) -> None:
    grey = Image.fromarray(PIXELS[..., 0])
    shown = grey.convert("I").convert(mode) if mode == "I;16" else grey.convert(mode)
    found = decode(image_bytes(shown), limits=Limits(10**6)).pixels
    plain = mode in ("I", "F", "I;16", "1", "L")
    expected = np.asarray(shown) if plain else np.asarray(shown.convert("RGB"))
    if mode == "1":
        expected = expected * np.uint8(255)
    np.testing.assert_array_equal(np.squeeze(found), np.squeeze(expected))


def test_how_to_look_is_said_by_keywords_or_by_a_view(engine: Engine) -> None:
    by_keywords = engine.ask(tasks.Classify(), PIXELS, model="single", region=(4, 2, 20, 10))
    view = View(model="single", region=(4, 2, 20, 10))
    by_view = engine.ask(tasks.Classify(), PIXELS, view)
    cut = engine.ask(tasks.Classify(), PIXELS[2:12, 4:24], model="single")
    assert by_keywords.card.id == by_view.card.id == "single"
    assert by_keywords.result == by_view.result == cut.result
    both = engine.ask(tasks.Classify(), PIXELS, view, region=(0, 0, 40, 30))
    assert (both.card.id, both.result) == (
        "single", engine.ask(tasks.Classify(), PIXELS, model="single").result
    )  # fmt: skip
    stack = np.stack([PIXELS[..., 0], PIXELS[..., 1]])
    plane = engine.ask(tasks.Classify(), stack, axes="ZYX", z=1)
    assert plane.result == engine.ask(tasks.Classify(), PIXELS[..., 1]).result
    with pytest.raises(TypeError, match="unknown option modle; known: axes"):
        engine.ask(tasks.Classify(), PIXELS, modle="single")  # type: ignore[call-arg]
    with pytest.raises(InvalidRegion):
        engine.ask(tasks.Classify(), PIXELS, region=(30, 0, 20, 5))
    with pytest.raises(UnknownModel):
        engine.ask(tasks.Classify(), PIXELS, model="bear")


def test_the_keywords_are_the_fields_of_view_and_selection() -> None:
    assert LookOptions.__annotations__.keys() == {*View.model_fields, *Selection.model_fields}


def test_explanations_and_references(engine: Engine) -> None:
    steps: list[int] = []
    answer = engine.ask(
        explain.SmoothGrad(samples=2), PIXELS, progress=lambda step: steps.append(step.done)
    )
    assert steps[-1] == 2
    assert answer.overlay().shape == (30, 40, 3)
    similar = engine.ask(
        explain.GradientSaliency(reference_layer="0"), PIXELS, attachments={"reference": PIXELS}
    )
    assert similar.result.payload("image")["score"] == pytest.approx(1)
    with pytest.raises(TruncatedImage, match="`reference`: "):
        engine.ask(
            explain.GradientSaliency(), PIXELS, attachments={"reference": png(PIXELS)[:-300]}
        )


def test_several_images_are_asked_about_together(engine: Engine) -> None:
    reads = 0

    def read() -> bytes:
        nonlocal reads
        reads += 1
        return png(PIXELS)

    answer = engine.ask_together(tasks.FindPatches(k=1, most=1, layer="0"), [PIXELS, read])
    assert len(answer.images) == 2 and reads > 0
    with pytest.raises(TypeError, match="Classify can't be answered here"):
        engine.ask_together(tasks.Classify(), [PIXELS])
    with pytest.raises(TypeError, match="FindPatches can't be answered here"):
        engine.ask(tasks.FindPatches(), PIXELS)


def test_threads_that_ask_at_once_share_batches(engine: Engine) -> None:
    engine.preload()
    resident = engine.registry.resident("bare")
    assert resident is not None
    gate = threading.Event()
    held = resident.call(lambda: gate.wait(30))
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(engine.ask, tasks.Classify(), PIXELS) for _ in range(4)]
        while engine.lanes[0].batcher.waiting(0) < 4:  # type: ignore[arg-type]
            pass
        gate.set()
        assert {future.result(30).batch_size for future in asked} == {4}
    held.result(30)


def test_a_ticket_withdraws_the_work(engine: Engine) -> None:
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(Cancelled):
        engine.ask(tasks.Classify(), PIXELS, ticket=ticket)


def test_asked_within_a_running_loop_it_still_answers(engine: Engine) -> None:
    """As in a notebook, whose cells run inside one."""

    async def cell() -> Any:
        return engine.ask(tasks.Classify(), io.BytesIO(png(PIXELS)).getvalue())

    assert asyncio.run(cell()).card.id == "bare"


def test_closing_ends_what_is_under_way(settings: Settings) -> None:
    engine = Engine(settings)
    running = threading.Event()
    closing = threading.Thread(target=lambda: (running.wait(30), engine.close()))
    closing.start()
    with pytest.raises(ServiceStopping):
        engine.ask(
            explain.Occlusion(window=2, stride=1), PIXELS, progress=lambda step: running.set()
        )
    closing.join()
