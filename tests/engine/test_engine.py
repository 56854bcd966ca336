from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch

from brightfield.engine import Engine, View
from brightfield.errors import (
    BrightfieldError,
    Cancelled,
    InvalidParameter,
    InvalidRegion,
    TruncatedImage,
    UndecodableImage,
    UnfitImage,
    UnknownFormat,
    UnknownLayer,
    UnknownModel,
    UnknownTarget,
    UntrustedCode,
    WrongTask,
)
from brightfield.explain.gradient import GradientSaliency
from brightfield.explain.method import Step
from brightfield.explain.occlusion import Occlusion
from brightfield.explain.smoothgrad import SmoothGrad
from brightfield.images.selection import Selection
from brightfield.outages import DeadlineExceeded, ModelFailed, ServiceStopping
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.classify import Classify
from brightfield.tasks.embed import Embed

from ..toys.engines import NOT_DENSE, Bench, EngineOf, noise, npy, png

IMAGE = png(noise(30, 40))


def scores(bench: Bench, model: str, data: bytes = IMAGE) -> list[float]:
    """Of the classes in their order."""
    predictions = bench.answer(Classify(top_k=9), data, model).result.predictions  # type: ignore[attr-defined]
    return [p.score for p in sorted(predictions, key=lambda p: p.class_id)]


class TestAnswers:
    def test_the_shipped_model_knows_the_cat(self, engine_of: EngineOf) -> None:
        file = Path(skimage.data.__file__).parent / "chelsea.png"
        bench = Bench(engine_of(default_models=""))
        answer = bench.answer(Classify(top_k=2), file.read_bytes())
        assert answer.card.id == "imagenet-lite0"
        labels = {p.label for p in answer.result.predictions}  # type: ignore[attr-defined]
        assert labels == {"tiger cat", "Egyptian cat"}
        assert (answer.picture.width, answer.picture.height) == (451, 300)

    def test_an_answer_tells_how_it_came_to_be(self, bench: Bench) -> None:
        answer = bench.answer(Classify(), IMAGE)
        assert (answer.task, answer.card.id, answer.tiles) == ("classify", "bare", 1)
        assert answer.batch_size == 1
        stages = ["decode", "preprocess", "queue", "forward", "postprocess"]
        assert [s for s in stages if s in answer.timing.seconds] == stages
        assert all(seconds >= 0 for seconds in answer.timing.seconds.values())
        explained = bench.answer(GradientSaliency(), IMAGE)
        assert explained.task == "saliency"
        assert "explain" in explained.timing.seconds

    def test_many_at_once_are_as_each_alone(self, bench: Bench) -> None:
        images = [png(noise(24, 24, seed)) for seed in range(12)]
        alone = [bench.answer(Classify(), data, "single").result for data in images]

        async def together() -> list[Any]:
            calls = (
                bench.engine.answer(Classify(), data, View(model="single"), Selection(), Ticket())
                for data in images
            )
            return [answer.result for answer in await asyncio.gather(*calls)]

        assert asyncio.run(together()) == alone

    def test_progress_is_told_while_an_explanation_runs(self, bench: Bench) -> None:
        steps: list[Step] = []
        answer = bench.answer(SmoothGrad(samples=3), IMAGE, "single", progress=steps.append)
        assert [(step.done, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
        assert steps[-1].result is answer.result

    def test_notes_of_decoding_and_preprocessing_come_along(self, bench: Bench) -> None:
        deep = npy(np.arange(600, dtype=np.uint16).reshape(20, 30))
        codes = [note.code for note in bench.answer(Classify(), deep).notes]
        assert len(codes) == 1
        scaling = bench.answer(Classify(), deep, intensity="range:0,599").scaling
        assert scaling is not None
        assert (scaling.low, scaling.high) == (0, 599)

    def test_layers_are_listed_with_their_shapes(self, bench: Bench) -> None:
        found = {
            layer.name: layer.output_shape for layer in asyncio.run(bench.engine.layers("bare"))
        }
        assert found["0"] == (1, 8, 24, 24)
        assert found["4"] == (1, 4)


class TestRawArrays:
    ARRAY = np.arange(40, dtype=np.float32).reshape(2, 4, 5)

    def test_they_go_in_as_they_are_sent(self, bench: Bench) -> None:
        answer = bench.answer(Occlusion(window=(4, 5), target="0,1"), npy(self.ARRAY), "raw")
        result: Any = answer.result
        assert result.base.tolist() == [190, 2 * 590]
        assert result.scores.ravel().tolist() == [0, 0]
        assert answer.scaling is None

    def test_their_saliency_is_on_their_own_grid(self, bench: Bench) -> None:
        result = bench.answer(GradientSaliency(target="dark"), npy(self.ARRAY), "raw").result
        assert np.array_equal(result.raster("image").array, np.full((4, 5), 2))

    def test_other_shapes_and_files_are_refused(self, bench: Bench) -> None:
        for unfit in (npy(self.ARRAY[0]), npy(self.ARRAY[:, :3]), IMAGE):
            with pytest.raises(UnfitImage):
                bench.answer(Classify(), unfit, "raw")


class TestNormalisedModels:
    def test_predictions_are_normalised_once(self, bench: Bench) -> None:
        """By the model's own end, or by the card's activation, but never by both."""
        expected = scores(bench, "bare")
        assert sum(expected) == pytest.approx(1)
        assert scores(bench, "softmax") == pytest.approx(expected, rel=1e-6)
        assert scores(bench, "activated") == pytest.approx(expected, rel=1e-6)
        assert scores(bench, "functional") == pytest.approx(expected, rel=1e-6)
        logits: Any = bench.answer(Embed(layer="logits"), IMAGE, "bare").result
        sigmoid = torch.from_numpy(logits.vector).sigmoid().tolist()
        assert scores(bench, "sigmoid") == pytest.approx(sigmoid, rel=1e-6)
        assert scores(bench, "functional-sigmoid") == pytest.approx(sigmoid, rel=1e-6)

    @pytest.mark.parametrize(
        "model", ["softmax", "sigmoid", "activated", "functional", "functional-sigmoid"]
    )
    @pytest.mark.parametrize("method", [GradientSaliency(target="c"), Occlusion(target="c")])
    def test_explanations_look_before_the_end(self, bench: Bench, model: str, method: Any) -> None:
        found, expected = (
            bench.answer(method, IMAGE, name).result.raster("input").array
            for name in (model, "bare")
        )
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
        assert np.ptp(expected) > 0

    @pytest.mark.parametrize("model", ["bare", "softmax", "sigmoid", "activated"])
    def test_probabilities_are_those_of_the_prediction(self, bench: Bench, model: str) -> None:
        method = Occlusion(window=24, target="a,b,c,d", output="probability")
        result: Any = bench.answer(method, IMAGE, model).result
        assert result.base.tolist() == pytest.approx(scores(bench, model), rel=1e-6)
        hidden = png(np.full((24, 24, 3), 127.5).astype(np.uint8))
        np.testing.assert_allclose(result.scores[:, 0, 0], scores(bench, model, hidden), rtol=0.02)


class TestModels:
    def test_defaults_are_shipped_set_or_borrowed(self, engine_of: EngineOf) -> None:
        tasks = ("classify", "embed", "saliency", "occlusion")
        shipped = engine_of(default_models="")
        assert {shipped.default_model(task) for task in tasks} == {"imagenet-lite0"}
        dense = ("detect", "segment", "superresolve")
        assert [shipped.default_model(task) for task in dense] == [
            "blood-cells", "nuclei", "photo-x2",
        ]  # fmt: skip
        lab = engine_of(default_models="classify=bare,saliency=single")
        assert [lab.default_model(task) for task in tasks] == ["bare", "bare", "single", "bare"]
        with pytest.raises(UnknownModel, match="name one with `model`"):
            lab.default_model("recolour")

    def test_preloading_makes_them_resident(self, engine_of: EngineOf) -> None:
        engine = engine_of(default_models=f"classify=bare,embed=single,{NOT_DENSE}")
        assert engine.registry.state("bare") == "available"
        engine.preload()
        assert engine.ready
        assert engine.registry.state("bare") == "resident"
        assert engine.registry.state("single") == "resident"
        with pytest.raises(UnknownModel):
            engine_of(default_models=f"classify=absent,{NOT_DENSE}").preload()

    def test_new_cards_are_found_on_a_rescan(
        self, engine_of: EngineOf, models: Path, tmp_path: Path
    ) -> None:
        bench = Bench(engine_of(models=str(tmp_path)))
        with pytest.raises(UnknownModel):
            bench.answer(Classify(), IMAGE, "bare")
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "card.toml").write_text("id = 1", encoding="utf-8")
        (tmp_path / "bare").symlink_to(models / "bare")
        bench.engine.rescan()
        assert bench.answer(Classify(), IMAGE, "bare").card.id == "bare"
        assert list(bench.engine.card_faults) == ["broken"]

    def test_one_device_named_twice_has_two_lanes(self, engine_of: EngineOf) -> None:
        bench = Bench(engine_of(device="cpu,cpu"))
        first, second = bench.engine.lanes
        answers = {name: scores(bench, name) for name in ("bare", "single")}
        residents = [bench.engine.registry.resident(name) for name in answers]
        assert {resident.lane for resident in residents if resident} == {first, second}
        assert answers["bare"] == answers["single"]


class TestFaults:
    def test_a_model_for_another_task(self, bench: Bench) -> None:
        with pytest.raises(WrongTask, match="bright is for 'segment', not for 'classify'"):
            bench.answer(Classify(), IMAGE, "bright")
        with pytest.raises(BrightfieldError, match="no score that can be explained"):
            bench.answer(GradientSaliency(), IMAGE, "repeat-x2")

    @pytest.mark.parametrize(
        ("error", "work", "data", "more"),
        [
            (UnknownModel, Classify(), IMAGE, {"model": "bear"}),
            (TruncatedImage, Classify(), IMAGE[:-300], {}),
            (UndecodableImage, Classify(), IMAGE[:60] + b"x" * 40 + IMAGE[100:], {}),
            (UnknownFormat, Classify(), b"no image", {}),
            (InvalidRegion, Classify(), IMAGE, {"region": (30, 20, 20, 5)}),
            (InvalidParameter, Classify(window=31), IMAGE, {}),
            (InvalidParameter, Classify(window=8, classes="e"), IMAGE, {}),
            (UnknownTarget, GradientSaliency(target="e"), IMAGE, {}),
            (UnknownTarget, Occlusion(target="a,e"), IMAGE, {}),
            (InvalidRegion, Occlusion(hide="50,0,10,10"), IMAGE, {}),
            (UnknownLayer, Embed(layer="9"), IMAGE, {}),
            (UnfitImage, Classify(), npy(np.zeros((8, 8, 5))), {"axes": "YXC"}),
            (ModelFailed, Classify(), IMAGE, {"model": "fragile"}),
        ],
    )
    def test_each_fault_has_its_error(
        self, bench: Bench, error: type[BrightfieldError], work: Any, data: bytes, more: Any
    ) -> None:
        with pytest.raises(error) as fault:
            bench.answer(work, data, **more)
        assert fault.value.detail.endswith((".", "?"))

    def test_near_names_are_told(self, bench: Bench) -> None:
        with pytest.raises(UnknownModel, match="Did you mean bare"):
            bench.answer(Classify(), IMAGE, "bear")

    def test_one_failing_image_is_alone_in_failing(self, bench: Bench) -> None:
        black = png(np.zeros((8, 8, 3), np.uint8))

        async def together() -> list[Any]:
            calls = (
                bench.engine.answer(Classify(), data, View(model="fragile"), Selection(), Ticket())
                for data in (black, IMAGE, black, black)
            )
            return await asyncio.gather(*calls, return_exceptions=True)

        failed = [isinstance(answer, ModelFailed) for answer in asyncio.run(together())]
        assert failed == [False, True, False, False]

    def test_withdrawn_and_late_requests(self, bench: Bench) -> None:
        ticket = Ticket()
        ticket.cancel()
        for work in (Classify(), Classify(window=8), GradientSaliency(), Occlusion()):
            with pytest.raises(Cancelled):
                bench.answer(work, IMAGE, ticket=ticket)
            with pytest.raises(DeadlineExceeded):
                bench.answer(work, IMAGE, ticket=Ticket(-1))

    def test_a_ticket_withdrawn_in_the_middle_ends_the_work(self, bench: Bench) -> None:
        for work in (SmoothGrad(), Occlusion(window=3), Classify(window=4, stride=1)):
            ticket, steps = Ticket(), []

            def leave(step: Step, ticket: Ticket = ticket, steps: list[int] = steps) -> None:
                steps.append(step.done)
                ticket.cancel()

            with pytest.raises(Cancelled):
                bench.answer(work, IMAGE, "single", ticket=ticket, progress=leave)
            assert len(steps) < 8

    def test_untrusted_code_is_not_run(self, engine_of: EngineOf) -> None:
        with pytest.raises(UntrustedCode):
            Bench(engine_of(trust_model_code=False)).answer(Classify(), IMAGE, "bare")

    def test_a_device_that_is_none_stops_the_start(self, engine_of: EngineOf) -> None:
        before = threading.active_count()
        with pytest.raises(ValueError, match="'abacus' is none of"):
            engine_of(device="cpu,abacus")
        assert threading.active_count() <= before


class TestClosing:
    def test_it_leaves_no_thread(self, engine_of: EngineOf) -> None:
        before = set(threading.enumerate())
        bench = Bench(engine_of(device="cpu,cpu"))
        bench.answer(Classify(window=8), IMAGE)
        bench.answer(GradientSaliency(), IMAGE)
        assert set(threading.enumerate()) > before
        bench.engine.close()
        assert set(threading.enumerate()) <= before
        assert not bench.engine.ready

    def test_what_is_under_way_is_refused(self, engine_of: EngineOf) -> None:
        engine: Engine = engine_of()
        running = threading.Event()

        async def explained() -> None:
            method = Occlusion(window=2, stride=1)
            await engine.answer(
                method, IMAGE, View(), Selection(), Ticket(), lambda step: running.set()
            )

        closing = threading.Thread(target=lambda: (running.wait(30), engine.close()))
        closing.start()
        with pytest.raises(ServiceStopping):
            asyncio.run(explained())
        closing.join()

    def test_closed_it_refuses_what_comes(self, engine_of: EngineOf) -> None:
        bench = Bench(engine_of())
        bench.engine.close()
        with pytest.raises(ServiceStopping):
            bench.answer(Classify(), IMAGE)
