"""Which pixels of a segmenter are meant, and the mean over them, computed by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special
import torch
from scipy import ndimage
from skimage.draw import polygon2mask

from brightfield.cards import ModelCard
from brightfield.errors import InvalidParameter, InvalidRegion, UnknownTarget
from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Region
from brightfield.images.tiles import Tile
from brightfield.targets import Aim, Kind
from brightfield.tasks.kinds.dense import Scene
from brightfield.tasks.segment import Segment
from brightfield.tasks.targets.model_output import ModelOutput

from ..seeing import seen

H, W = 60, 80
SMOOTH = ndimage.gaussian_filter(
    np.random.default_rng(0).normal(size=(3, H, W)), (0, 3, 3)
).astype(np.float32) * 20 - 0.5  # fmt: skip


def card(labels: int = 2, **output: Any) -> ModelCard:
    names = [{"name": name} for name in ("cell", "dirt", "dust")]
    return ModelCard.model_validate(
        {
            "id": "x", "version": "1", "task": "segment", "licence": "-",
            "architecture": {"name": "-"}, "output": {"activation": "sigmoid", **output},
            "labels": names[:labels],
        }
    )  # fmt: skip


def looked(maps: Any = SMOOTH[:2], model: ModelCard | None = None) -> ModelOutput:
    return seen(torch.from_numpy(maps)[None], model or card(), (H, W))


def found(kind: Kind | None = "logit", look: ModelOutput | None = None, **aim: Any) -> list[Any]:
    return Segment.targets(Aim(**aim), look or looked(), kind)


def near(value: Any) -> Any:
    return pytest.approx(float(value), rel=1e-5)


CLASSES = np.where(SMOOTH[:2].max(0) >= 0, SMOOTH[:2].argmax(0) + 1, 0)


class TestPixels:
    def test_left_out_they_are_those_that_the_model_gives_to_the_class(self) -> None:
        for class_id, target in enumerate(found(target="cell,dirt")):
            inside = np.equal(CLASSES, class_id + 1)
            assert target.value == near(SMOOTH[class_id][inside].mean())
            assert (target.pixels, target.kind) == (inside.sum(), "logit")
        larger = int(np.bincount(CLASSES.ravel())[1:].argmax())
        assert found()[0].class_id == larger

    def test_they_are_fixed_by_the_whole_image(self) -> None:
        (target,) = found(target="dirt")
        other = np.random.default_rng(1).normal(size=(3, 2, H, W)).astype(np.float32)
        expected = other[:, 1][:, CLASSES == 2].mean(1)
        np.testing.assert_allclose(target.score(torch.from_numpy(other)), expected, rtol=1e-4)

    def test_within_a_rectangle_or_a_polygon(self) -> None:
        inside = np.zeros((H, W), bool)
        inside[20:30, 10:50] = True
        (target,) = found(within="10,20,40,10", target="1")
        assert target.value == near(SMOOTH[1][inside].mean())
        assert target.payload()["box"] == {"xmin": 10, "ymin": 20, "xmax": 50, "ymax": 30}
        corners = [(10, 5), (70, 20), (30, 55)]
        inside = polygon2mask((H, W), np.array(corners)[:, ::-1] - 0.5)
        (target,) = found(within="10,5;70,20;30,55", target="0")
        assert target.value == near(SMOOTH[0][inside].mean())

    def test_within_them_the_class_with_the_highest_mean(self) -> None:
        (target,) = found(within="10,20,40,10")
        assert target.class_id == SMOOTH[:2, 20:30, 10:50].mean((1, 2)).argmax()

    def test_of_an_object_as_segment_numbers_them(self) -> None:
        look = looked()
        scene = Scene(look.card, look.picture, look.field, None)
        canvas = Segment(mode="instance").canvas(scene)
        canvas.add(look.output, look.geometry, Tile(look.field, look.field))
        result = canvas.result()
        for item in result.objects[:4]:
            inside = result.labels == item.id
            y, x = np.argwhere(inside)[0]
            box = ",".join(str(edge) for edge in item.box.json().values())
            for aim in ({"object": item.id}, {"point": f"{x + 0.3},{y + 0.9}"}, {"box": box}):
                (target,) = found(**aim)
                assert target.payload()["object"] == item.id
                assert target.class_id == item.class_id
                assert target.value == near(SMOOTH[item.class_id][inside].mean())
            (other,) = found(object=item.id, target=str(1 - item.class_id))
            assert other.value == near(SMOOTH[1 - item.class_id][inside].mean())


class TestScales:
    def test_probabilities_are_averaged_after_the_activation(self) -> None:
        (target,) = found("probability", within="10,20,40,10", target="1")
        expected = scipy.special.expit(SMOOTH[1, 20:30, 10:50].astype(float)).mean()
        assert (target.value, target.kind) == (near(expected), "probability")
        assert target.payload()["measure"] == "mean probability of the class over the pixels"

    def test_under_softmax_the_first_map_is_the_background(self) -> None:
        look = looked(SMOOTH, card(activation="softmax"))
        (target,) = found("probability", look, within="0,0,80,60", target="dirt")
        assert target.value == near(scipy.special.softmax(SMOOTH.astype(float), 0)[2].mean())
        (target,) = found("logit", look, target="cell")
        assert target.value == near(SMOOTH[1][SMOOTH.argmax(0) == 1].mean())


class TestPlaces:
    def test_a_region_counts_in_the_whole_image(self) -> None:
        part = Region(100, 200, W, H)
        look = seen(torch.from_numpy(SMOOTH[:2])[None], card(), (400, 500), part)
        (target,) = found(look=look, within="110,220,40,10", target="1")
        assert target.value == near(SMOOTH[1, 20:30, 10:50].mean())
        assert target.payload()["box"]["xmin"] == 110

    def test_maps_coarser_than_the_image_count_by_its_pixels(self) -> None:
        """The cell of 4 x 4 pixels that a pixel's centre lies in."""
        coarse = SMOOTH[:2, :15, :20].copy()
        (target,) = found(look=looked(coarse), within="6,2,5,4", target="0")
        expected = coarse[0].repeat(4, 0).repeat(4, 1)[2:6, 6:11].mean()
        assert target.value == near(expected)

    def test_padding_is_never_looked_at(self) -> None:
        padded = np.full((2, 64, 96), 1e6, np.float32)
        padded[:, :H, :W] = SMOOTH[:2]
        geometry = Geometry(Axis.of(W, 0, W), Axis.of(H, 0, H)).windowed(0, 0, 64, 96)
        look = ModelOutput(torch.from_numpy(padded)[None], card(), looked().picture, geometry)
        for one, other in zip(found(look=look, target="0,1"), found(target="0,1"), strict=True):
            assert one.value == near(other.value)

    def test_the_gradient_is_the_share_of_each_pixel(self) -> None:
        (target,) = found(within="10,20,40,10", target="1")
        maps = torch.zeros(1, 2, H, W, requires_grad=True)
        (gradient,) = torch.autograd.grad(target.score(maps).sum(), maps)
        expected = np.zeros((2, H, W), np.float32)
        expected[1, 20:30, 10:50] = 1 / 400
        np.testing.assert_allclose(gradient[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("aim", "error", "says"),
    [
        ({"target": "cel"}, UnknownTarget, "Did you mean cell"),
        ({"object": 9999}, UnknownTarget, "no object 9999"),
        ({"within": "500,500,9,9"}, InvalidRegion, "x 0 to 80, y 0 to 60"),
        ({"within": "500,500,9,9", "target": "0"}, InvalidRegion, "x 0 to 80"),
        ({"box": "500,500,509,509"}, UnknownTarget, "finds no object in the box"),
        ({"point": "-3,5"}, UnknownTarget, "finds no object at -3,5"),
    ],
)
def test_what_is_not_there_is_refused(aim: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        found(**aim)


def test_a_class_without_pixels_is_refused() -> None:
    maps = SMOOTH[:2] - 100
    with pytest.raises(UnknownTarget, match="gives no pixel of the image to any class"):
        found(look=looked(maps))
    with pytest.raises(UnknownTarget, match="to dirt; name the pixels with within"):
        found(look=looked(maps), target="dirt")
    assert found(look=looked(maps), target="dirt", within="0,0,9,9")


def test_pixels_have_no_similarity() -> None:
    with pytest.raises(InvalidParameter, match="output=similarity"):
        found("similarity")
