"""Large fields and stacks: tile by tile the same as at once, in bounded memory."""

from __future__ import annotations

import io
import threading
import weakref
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from brightfield.engine import Answer, image_bytes_held
from brightfield.engine.tiling import tiled_inference
from brightfield.errors import (
    AmbiguousAxes,
    Cancelled,
    InvalidParameter,
    InvalidRegion,
    TooManyPixels,
    UnfitImage,
)
from brightfield.images.decode import decode
from brightfield.images.picture import Picture
from brightfield.outages import DeadlineExceeded
from brightfield.runtime.ahead import CHUNKS_AHEAD
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.detect import Detect
from brightfield.tasks.objects.objects import Objects
from brightfield.tasks.objects.segmentation import SegmentedObjects
from brightfield.tasks.objects.volume import Volume
from brightfield.tasks.segment import Segment
from brightfield.tasks.superresolve import Enlarged, Superresolve

from ...toys.engines import Bench, npy, png


def blobs(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """(height, width, 3): smooth light and dark places."""
    random = np.random.default_rng(seed).random((height, width, 3))
    smooth = ndimage.gaussian_filter(random, (3, 3, 0))
    return np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))


def codes(answer: Answer) -> list[str]:
    return [note.code for note in answer.notes]


def labels(answer: Answer) -> NDArray[Any]:
    assert isinstance(answer.result, SegmentedObjects)
    return answer.result.labels


def boxes(answer: Answer) -> NDArray[np.float64]:
    """Class, score and edges of each object, in an order of their own."""
    assert isinstance(answer.result, Objects)
    rows = [
        (found.class_id, found.score, *found.box.json().values()) for found in answer.result.objects
    ]
    return np.array(sorted(rows, key=lambda row: np.round(row, 3).tolist()), np.float64)


def pixels(answer: Answer) -> NDArray[Any]:
    assert isinstance(answer.result, Enlarged)
    return answer.result.pixels


def of_one_partition(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two label images are the same but for the numbers."""
    pairs = np.unique(np.stack([one.reshape(-1), other.reshape(-1)]), axis=1)
    each = (len(np.unique(one)), len(np.unique(other)), pairs.shape[1])
    return len(set(each)) == 1 and bool(((pairs[0] == 0) == (pairs[1] == 0)).all())


FIELDS = [(173, 211, (64, 64)), (130, 97, (61, 80)), (40, 300, (200, 70))]


class TestTiledEqualsUntiled:
    @pytest.mark.parametrize(("height", "width", "tile"), FIELDS)
    @pytest.mark.parametrize("model", ["strided-2", "strided-4", "coarse", "bright"])
    @pytest.mark.parametrize("mode", ["semantic", "instance"])
    def test_segments(
        self, bench: Bench, model: str, mode: Any, height: int, width: int, tile: tuple[int, int]
    ) -> None:
        image = png(blobs(height, width))
        whole = bench.answer(Segment(mode=mode), image, model)
        tiled = bench.answer(Segment(mode=mode, tile=tile), image, model)
        assert (whole.tiles, codes(whole), codes(tiled)) == (1, [], [])
        assert tiled.tiles > 2
        assert 0.05 < (labels(whole) > 0).mean() < 0.95
        assert of_one_partition(labels(whole), labels(tiled))

    @pytest.mark.parametrize(("height", "width", "tile"), FIELDS)
    def test_objects_told_apart_by_the_cards_rules(
        self, bench: Bench, height: int, width: int, tile: tuple[int, int]
    ) -> None:
        image = png(blobs(height, width))
        whole = bench.answer(Segment(), image, "touching")
        tiled = bench.answer(Segment(tile=tile), image, "touching")
        assert labels(whole).max() > 10
        assert of_one_partition(labels(whole), labels(tiled))

    @pytest.mark.parametrize("scale", [0.37, 0.5, 1.7])
    @pytest.mark.parametrize("model", ["strided-4", "touching"])
    def test_at_another_size(self, bench: Bench, model: str, scale: float) -> None:
        image = npy(blobs(273, 311).astype(np.float32) / 255)
        more: dict[str, Any] = {"scale": scale, "intensity": "dtype", "region": (11, 3, 290, 260)}
        whole = bench.answer(Segment(), image, model, **more)
        tiled = bench.answer(Segment(tile=(64, 96)), image, model, **more)
        assert (whole.tiles, codes(tiled), whole.scale, tiled.scale) == (1, [], scale, scale)
        assert tiled.tiles > 1
        assert 0.05 < (labels(whole) > 0).mean() < 0.95
        assert ((labels(whole) > 0) != (labels(tiled) > 0)).mean() < 1e-3
        assert labels(whole).max() == labels(tiled).max()

    @pytest.mark.parametrize(("height", "width", "tile"), FIELDS)
    @pytest.mark.parametrize("model", ["cells-2", "cells-4", "stamps"])
    def test_detections(
        self, bench: Bench, model: str, height: int, width: int, tile: tuple[int, int]
    ) -> None:
        if model == "stamps":
            tile = (max(tile[0], 112), max(tile[1], 112))
        image = png(blobs(height, width))
        task: dict[str, Any] = {"threshold": 0.6, "max_detections": 100_000}
        whole = bench.answer(Detect(**task), image, model)
        tiled = bench.answer(Detect(tile=tile, **task), image, model)
        assert (whole.tiles, tiled.tiles > 1, codes(tiled)) == (1, True, [])
        assert len(boxes(whole)) > 3
        assert boxes(whole).shape == boxes(tiled).shape
        assert np.allclose(boxes(whole), boxes(tiled), atol=2e-3)

    @pytest.mark.slow
    @pytest.mark.parametrize(("height", "width", "tile"), FIELDS)
    @pytest.mark.parametrize("model", ["smooth-x2", "smooth-x4"])
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
    def test_enlargements(
        self, bench: Bench, model: str, dtype: str, height: int, width: int, tile: tuple[int, int]
    ) -> None:
        image = npy(blobs(height, width).astype(dtype) * (3 if dtype == "uint8" else 200))
        whole = bench.answer(Superresolve(), image, model)
        tiled = bench.answer(Superresolve(tile=tile), image, model)
        assert "tiles_blended" not in codes(tiled) and tiled.tiles > 1
        apart = np.abs(pixels(whole).astype(np.float64) - pixels(tiled).astype(np.float64))
        assert apart.max() <= (1 if dtype != "float32" else 1e-3)

    def test_a_region_is_tiled_like_an_image_of_its_own(self, bench: Bench) -> None:
        image = blobs(150, 140)
        whole = bench.answer(Segment(), png(image), "strided-4", region=(13, 7, 101, 120))
        tiled = bench.answer(Segment(tile=64), png(image), "strided-4", region=(13, 7, 101, 120))
        cut = bench.answer(Segment(), png(image[7:127, 13:114]), "strided-4")
        assert tiled.tiles > 2
        assert np.array_equal(labels(whole), labels(tiled))
        assert np.array_equal(labels(whole)[7:127, 13:114], labels(cut))
        assert labels(whole).sum() == labels(cut).sum()


class TestBlending:
    """Where the model looks at everything."""

    def test_the_answer_says_so_and_has_no_seams(self, bench: Bench) -> None:
        image = blobs(120, 260)
        image[:, 130:] //= 2  # so that the tiles' own means differ
        task = Superresolve(tile=64, overlap=40)
        answer = bench.answer(task, png(image), "faded-x2")
        assert codes(answer) == ["tiles_blended"]
        assert "share 40 pixels" in answer.notes[0].detail
        whole = pixels(bench.answer(Superresolve(), png(image), "smooth-x2")).astype(float)
        added = (pixels(answer).astype(float) - whole).mean(axis=(0, 2))
        assert 0.5 < np.ptp(added) < 5.2  # at most 2 % of 255
        assert np.abs(np.diff(ndimage.uniform_filter1d(added, 9))).max() < 0.5
        hard = bench.answer(Superresolve(tile=64, overlap=0), png(image), "faded-x2")
        assert "share 0 pixels" in hard.notes[0].detail

    @pytest.mark.parametrize("tile", [(40, 40), (37, 90)])
    def test_a_constant_stays_constant(self, bench: Bench, tile: tuple[int, int]) -> None:
        image = png(blobs(101, 133))
        answer = bench.answer(Segment(tile=tile), image, "constant")
        assert codes(answer) == ["constant_answer", "tiles_blended"]
        (found,) = answer.result.objects  # type: ignore[attr-defined]
        assert (labels(answer) == 1).all()
        assert found.score == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)
        enlarged = bench.answer(Superresolve(tile=tile), image, "flat-x2")
        assert (pixels(enlarged) == 128).all()

    def test_maps_differ_by_no_more_than_the_tiles_do(self, bench: Bench) -> None:
        image = png(blobs(150, 150))
        whole = bench.answer(Segment(), image, "everywhere")
        tiled = bench.answer(Segment(tile=64), image, "everywhere")
        assert (codes(whole), codes(tiled)) == ([], ["tiles_blended"])
        assert (labels(whole) == labels(tiled)).mean() > 0.8

    def test_a_narrow_overlap_is_blended_a_wide_one_is_not(self, bench: Bench) -> None:
        image = png(blobs(150, 150))
        for overlap, expected in ((4, ["tiles_blended"]), (48, [])):
            answer = bench.answer(Segment(tile=96, overlap=overlap), image, "strided-4")
            assert codes(answer) == expected

    def test_a_model_that_resizes_sees_each_tile_as_an_image(self, bench: Bench) -> None:
        answer = bench.answer(Segment(tile=32, overlap=0), png(blobs(64, 96)), "resized")
        assert (answer.tiles, codes(answer)) == (6, ["tiles_blended"])
        assert bench.answer(Segment(), png(np.zeros((2000, 1000), np.uint8)), "resized").tiles == 1


class TestLargeFields:
    def test_they_are_cut_by_themselves(self, bench: Bench) -> None:
        image = np.zeros((1100, 1300), np.uint8)
        image[::50, ::50] = 255
        seen = []
        answer = bench.answer(
            Segment(mode="instance"), png(image), "bright",
            progress=lambda step: seen.append((step.done, step.total)),
        )  # fmt: skip
        assert labels(answer).max() == 22 * 26
        assert answer.tiles > 1
        assert seen == [(done, answer.tiles) for done in range(1, answer.tiles + 1)]
        assert answer.batch_size == 1

    def test_maps_beyond_the_memory_are_refused(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from brightfield.tasks.objects import maps

        monkeypatch.setattr(maps, "_MOST_VALUES", 5000)
        with pytest.raises(TooManyPixels, match="region="):
            bench.answer(Segment(), png(blobs(80, 80)), "bright")

    @pytest.mark.parametrize("region", [(0, 0, 3000, 3000), (-1, 0, 5, 5), (3, 3, 0, 5)])
    def test_a_region_outside_is_told_before_anything_is_cut(
        self, bench: Bench, region: tuple[int, int, int, int]
    ) -> None:
        with pytest.raises(InvalidRegion):
            bench.answer(Superresolve(), png(blobs(40, 40)), "repeat-x2", region=region)

    def test_raw_arrays_are_not_cut(self, bench: Bench) -> None:
        array = np.zeros((1200, 1201), np.float32)
        array[5, 6] = 1
        answer = bench.answer(Segment(), npy(array), "raw-bright")
        assert (answer.tiles, labels(answer).sum(), answer.scaling) == (1, 1, None)
        with pytest.raises(InvalidParameter, match="leave `tile` out"):
            bench.answer(Segment(tile=64), npy(array), "raw-bright")
        with pytest.raises(UnfitImage, match="as they are"):
            bench.answer(Segment(volume=True), npy(array), "raw-bright")


class TestEnds:
    def test_a_withdrawn_ticket_ends_it_between_two_tiles(self, bench: Bench) -> None:
        ticket, seen = Ticket(), []

        def leave(step: Any) -> None:
            seen.append(step.done)
            ticket.cancel()

        with pytest.raises(Cancelled):
            bench.answer(
                Segment(tile=32), png(blobs(200, 200)), "bright", ticket=ticket, progress=leave
            )
        assert len(seen) <= CHUNKS_AHEAD < 49

    def test_a_deadline_ends_it_too(self, bench: Bench) -> None:
        ticket = Ticket()

        def expire(step: Any) -> None:
            ticket.deadline = 0.0

        with pytest.raises(DeadlineExceeded):
            bench.answer(
                Segment(tile=32), png(blobs(200, 200)), "bright", ticket=ticket, progress=expire
            )

    def test_nothing_is_left_behind(self, bench: Bench) -> None:
        ticket = Ticket()
        bench.engine.start()
        before = threading.active_count()
        with pytest.raises(Cancelled):
            bench.answer(
                Segment(tile=32), png(blobs(200, 200)), "bright", ticket=ticket,
                progress=lambda _: ticket.cancel(),
            )  # fmt: skip
        resident = bench.engine.registry.resident("bright")
        assert resident is not None
        resident.call(lambda: None).result(30)  # by then what was withdrawn is dropped
        assert bench.engine.lanes[0].batcher.backlog() == 0
        assert threading.active_count() <= before + 2  # the pool's own


def stack_of(planes: NDArray[Any], axes: str = "ZYX") -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, planes, imagej=True, metadata={"axes": axes})
    return buffer.getvalue()


def two_rods(depth: int = 5, dtype: str = "uint8") -> NDArray[Any]:
    """One drifts to the right through every plane, the other is in planes 1 to 2 alone."""
    planes = np.zeros((depth, 40, 60), dtype)
    for z in range(depth):
        planes[z, 5:15, 5 + 3 * z : 17 + 3 * z] = 255
    planes[1:3, 25:35, 30:50] = 255
    return planes


class TestVolumes:
    def test_objects_go_on_from_plane_to_plane(self, bench: Bench) -> None:
        planes, steps = two_rods(), []
        answer = bench.answer(
            Segment(volume=True, mode="instance"), stack_of(planes), "bright", pixel_size=0.5,
            progress=lambda step: steps.append((step.done, step.total)),
        )  # fmt: skip
        volume = answer.result
        assert isinstance(volume, Volume)
        parts, count = ndimage.label(planes)  # 6-connected: the rods touch from plane to plane
        assert count == 2
        assert of_one_partition(volume.labels.reshape(5, -1), parts.reshape(5, -1))
        drifting, resting = volume.objects
        assert (drifting.zmin, drifting.zmax, drifting.voxels) == (0, 5, 5 * 120)
        assert drifting.edges == (5, 5, 29, 15)
        assert (resting.zmin, resting.zmax, resting.centroid) == (1, 3, (40, 30, 2))
        assert (answer.tiles, steps) == (5, [(done, 5) for done in range(1, 6)])
        assert answer.picture.pixel_size == 0.5

    def test_link_says_how_much_must_overlap(self, bench: Bench) -> None:
        def count(link: float) -> int:
            task = Segment(volume=True, mode="instance", link=link)
            return len(bench.answer(task, stack_of(two_rods()), "bright").result.objects)  # type: ignore[attr-defined]

        assert (count(0.6), count(0.61)) == (2, 6)  # 9 of 15 columns are shared: 0.6

    def test_classes_keep_their_numbers(self, bench: Bench) -> None:
        planes = two_rods()
        planes[planes > 0] = 140  # the first class alone: above 0.25, below 0.75
        planes[:, 36:38] = 255
        answer = bench.answer(Segment(volume=True, mode="semantic"), stack_of(planes), "levels")
        volume = answer.result
        assert isinstance(volume, Volume)
        expected = np.where(planes == 0, 0, 1)
        assert np.array_equal(volume.labels, expected)
        assert [found.label for found in volume.objects] == ["first"]

    def test_pages_and_a_single_plane_are_volumes_too(self, bench: Bench) -> None:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, two_rods(3), photometric="minisblack")
        paged = bench.answer(Segment(volume=True), buffer.getvalue(), "bright").result
        single = bench.answer(Segment(volume=True), png(two_rods()[0]), "bright").result
        assert isinstance(paged, Volume) and isinstance(single, Volume)
        assert (paged.labels.shape, single.labels.shape) == ((3, 40, 60), (1, 40, 60))

    def test_each_plane_may_be_tiled_and_be_a_region(self, bench: Bench) -> None:
        body, mode = stack_of(two_rods()), "instance"
        region = (3, 2, 50, 36)
        plain = bench.answer(Segment(volume=True, mode=mode), body, "bright", region=region)
        tiled = bench.answer(
            Segment(volume=True, mode=mode, tile=20), body, "bright", region=region
        )
        assert tiled.tiles == 5 * 6
        assert np.array_equal(plain.result.labels, tiled.result.labels)  # type: ignore[attr-defined]

    def test_only_one_plane_is_decoded_at_a_time(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alive: weakref.WeakSet[Any] = weakref.WeakSet()
        most = []

        class Traced(np.ndarray):  # type: ignore[type-arg]
            """An array that can be seen to go."""

        def traced(*args: Any, **options: Any) -> Picture:
            most.append(len(alive))
            picture = decode(*args, **options)
            traced_pixels = picture.pixels.view(Traced)
            alive.add(traced_pixels)
            return Picture(traced_pixels, picture.sha256, picture.format, picture.source_axes)

        # Weak sets compare by value, arrays cannot: they are known by their identity.
        monkeypatch.setattr(Traced, "__hash__", object.__hash__)
        monkeypatch.setattr(Traced, "__eq__", object.__eq__)
        monkeypatch.setattr(image_bytes_held, "decode", traced)
        bench.answer(Segment(volume=True), stack_of(two_rods(6)), "bright")
        # The first is looked at for the limits of all; later it is kept, for the answer's facts.
        assert most == [0, 0, 1, 1, 1, 1, 1]

    def test_what_else_is_open_is_asked_for(self, bench: Bench) -> None:
        body = stack_of(np.zeros((2, 3, 9, 9), np.uint8), "TZYX")
        with pytest.raises(AmbiguousAxes, match=r"add t=0 \(0 to 1\)"):
            bench.answer(Segment(volume=True), body, "bright")
        found = bench.answer(Segment(volume=True), body, "bright", t=1).result
        assert isinstance(found, Volume) and found.labels.shape == (3, 9, 9)
        with pytest.raises(AmbiguousAxes, match="add z=0"):  # without `volume` as ever
            bench.answer(Segment(), body, "bright", t=1)

    @pytest.mark.parametrize("mode", ["semantic", "instance"])
    def test_planes_of_unequal_size_are_refused(self, bench: Bench, mode: Any) -> None:
        buffer = io.BytesIO()
        with tifffile.TiffWriter(buffer) as writer:
            writer.write(np.zeros((20, 30), np.uint8), photometric="minisblack")
            writer.write(np.zeros((20, 31), np.uint8), photometric="minisblack")
        with pytest.raises(UnfitImage, match="differ in size"):
            bench.answer(Segment(volume=True, mode=mode), buffer.getvalue(), "bright")

    def test_too_many_voxels_are_refused_at_the_first_plane(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tiled_inference, "_MOST_VOXELS", 5 * 40 * 60 - 1)
        steps: list[Any] = []
        with pytest.raises(TooManyPixels, match="5 planes of 60 x 40"):
            bench.answer(
                Segment(volume=True), stack_of(two_rods()), "bright", progress=steps.append
            )
        assert steps == []


def test_progress_of_channels_counts_all_of_them(bench: Bench) -> None:
    steps: list[tuple[int, int]] = []
    image = npy(np.random.default_rng(0).random((5, 40, 50)).astype(np.float32))
    bench.answer(
        Superresolve(tile=32), image, "smooth-x2", axes="CYX",
        progress=lambda step: steps.append((step.done, step.total)),
    )  # fmt: skip
    assert steps[-1][0] == steps[-1][1] == len(steps)
    assert all(one[0] + 1 == other[0] for one, other in pairwise(steps))
