"""Classification: which classes an image belongs to, and where in a large field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard, InvalidParameter, Unexplainable
from brightfield.images.bars import full_bar, with_bars
from brightfield.images.heat import Heat, HeatResult
from brightfield.images.legend import PictureLegend, with_legend
from brightfield.images.outlines import mixed
from brightfield.images.picture import Note
from brightfield.images.windows import WindowGrid, accumulate, winners
from brightfield.models.architecture import Candidates
from brightfield.models.examination.gaps import Gap
from brightfield.models.examination.outputs import described
from brightfield.palette import Color, distinct
from brightfield.parameters import Commas
from brightfield.results import MapSpace, Raster, Result, ResultTable, finite, map_json
from brightfield.targets import EVERY, Aim, Kind, Target
from brightfield.tasks.closeness.classes import compared_classes
from brightfield.tasks.kinds.sliding import PlacedGrid, SlidingWindow
from brightfield.tasks.targets.labels import (
    activate,
    best_first,
    checked,
    class_id,
    class_scores,
    find_class,
    label,
)
from brightfield.tasks.targets.model_output import ModelOutput
from brightfield.tensors import Logits, Pixels


@dataclass(frozen=True, slots=True)
class Prediction:
    """A class and its score in [0, 1] (unbounded where the card has no activation)."""

    label: str
    class_id: int
    score: float

    def payload(self) -> dict[str, Any]:
        return {"label": self.label, "class_id": self.class_id, "score": finite(self.score)}


@dataclass(frozen=True)
class ClassPredictions(Result):
    """The predicted classes, best first."""

    formats: ClassVar[tuple[str, ...]] = ("json", "csv", "overlay")
    uses: ClassVar[Mapping[str, tuple[str, ...]]] = {"legend": ("overlay",)}
    predictions: tuple[Prediction, ...]
    unnamed: int = field(default=0, kw_only=True)
    """How many further classes reach the least score."""

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {"predictions": [prediction.payload() for prediction in self.predictions]}

    def table(self) -> ResultTable:
        rows = [(p.label, p.class_id, p.score) for p in self.predictions]
        return ResultTable(("label", "class_id", "score"), rows)

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        """The image with a bar for each score beside it."""
        return with_bars(picture, [(p.label, p.score) for p in self.predictions])

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        scores = [prediction.score for prediction in self.predictions]
        bars = f"the highest scores; a full bar is {full_bar(scores):.3g}"
        said = bars if scores else "no class reaches the threshold"
        return with_legend(picture, PictureLegend((*title, said)))


@dataclass(frozen=True)
class ClassMap(HeatResult, ClassPredictions):
    """Also a probability map per class: `values` (k, rows, cols), one per window position."""

    formats: ClassVar[tuple[str, ...]] = ("json", "csv", "npy", "tiff", "png", "overlay")
    uses: ClassVar[Mapping[str, tuple[str, ...]]] = HeatResult.uses
    labels: tuple[str, ...]
    values: NDArray[np.float32]
    grid: WindowGrid
    origin: tuple[int, int]
    height: int
    width: int

    @property
    def about(self) -> dict[str, str]:
        return {"target": self.labels[0]}

    def payload(self, space: MapSpace) -> dict[str, Any]:
        raster = self.raster(space)
        grid = {
            "rows": len(self.grid.rows),
            "cols": len(self.grid.cols),
            "y": [
                [start + self.origin[1], stop + self.origin[1]] for start, stop in self.grid.rows
            ],
            "x": [
                [start + self.origin[0], stop + self.origin[0]] for start, stop in self.grid.cols
            ],
        }
        maps = map_json(raster.array, signed=False)
        scores = {"labels": list(self.labels), **maps, "grid": grid}
        return {**super().payload(space), "map": scores}

    def raster(self, space: MapSpace) -> Raster:
        if space == "input":
            return Raster(self.values, "CYX")
        return Raster(np.stack([self._in_image(index) for index in range(len(self.labels))]), "CYX")

    @property
    def reading(self) -> str:
        return f"by the mean score in {self.grid.told}"

    def heat(self) -> Heat:
        """The map of the best class."""
        x, y, width, height = self.grid.covered
        region = (self.origin[0] + x, self.origin[1] + y, width, height)
        return Heat(self._in_image(0), signed=False, region=region)

    def _in_image(self, index: int) -> NDArray[np.float32]:
        return self._whole(accumulate(self.grid, self.values[index]), 0)

    def _whole(self, within: NDArray[Any], outside: int) -> NDArray[Any]:
        """A map of the grid's field as one of the image."""
        full = np.full((self.height, self.width), outside, within.dtype)
        x, y = self.origin
        full[y : y + within.shape[0], x : x + within.shape[1]] = within
        return full


@dataclass(frozen=True)
class PaintedClasses(ClassMap):
    """The same, drawn as the most probable class of every pixel, in the classes' colours.

    `winners` (H, W) has class ids, -1 where no class reaches the threshold.
    """

    winners: NDArray[np.int64]
    card: ModelCard

    @property
    def about(self) -> dict[str, str]:
        return {"target": "the most probable class"}

    @property
    def colors(self) -> dict[str, str]:
        return {"classes": ", ".join(name for name, _ in self._classes())}

    def image(self) -> Pixels:
        return self._painted(np.zeros((self.height, self.width, 3), np.uint8))

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        return mixed(picture, self._painted(picture), alpha)

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        legend = PictureLegend((*title, self.reading), classes=tuple(self._classes()))
        return with_legend(picture, legend)

    def _painted(self, ground: NDArray[np.uint8]) -> NDArray[np.uint8]:
        found = self._whole(self.winners, -1)
        drawn = ground.copy()
        for number, color in self._colored.items():
            drawn[found == number] = color
        return drawn

    def _classes(self) -> list[tuple[str, Color]]:
        return [(label(number, self.card), color) for number, color in self._colored.items()]

    @cached_property
    def _colored(self) -> dict[int, Color]:
        """A colour for each class that wins somewhere, no two alike; the largest first."""
        ids, areas = np.unique(self.winners[self.winners >= 0], return_counts=True)
        ordered = [int(ids[place]) for place in np.argsort(-areas, kind="stable")]
        return distinct({number: self.card.color(number) for number in ordered})


class Classify(SlidingWindow):
    """The classes of an image by descending score."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("classify",)
    result: ClassVar[type[Result]] = ClassPredictions
    default_model: ClassVar[str | None] = "imagenet-lite0"
    explainable: ClassVar[bool] = True
    output_axes: ClassVar[int | None] = 2

    top_k: Annotated[int, Field(ge=1)] = 5
    """How many classes to name."""
    threshold: Annotated[float, Field(ge=0)] | None = None
    """Least score of a class that is named. Default: the card's, else none."""
    classes: Commas | None = None
    """Classes of the maps, by label or id. Default: the top_k by their maximum."""

    paint: Literal["score", "class"] = "score"
    """What pictures of a sliding window show: the scores of the best class, or the most probable of
    all classes at every pixel, in the classes' colours; nothing where none reaches `threshold`."""

    of_formats: ClassVar[Mapping[str, tuple[str, ...]]] = {"paint": ("png", "overlay")}

    @model_validator(mode="after")
    def _of_a_window(self) -> Self:
        given = self.stride is not None or self.classes is not None or self.paint == "class"
        if self.window is None and given:
            raise ValueError(
                "stride, classes and paint belong to a sliding window; give window, too"
            )
        return self

    @classmethod
    def examined(cls, output: Any, card: ModelCard, shape: tuple[int, int, int]) -> Sequence[Note]:
        if not isinstance(output, torch.Tensor) or output.dim() != 2:
            raise InvalidCard(
                f"The model {card.id} classifies, so its network should put out a score for each "
                f"class (images, classes); it puts out {described(output)}.{_advice(output)}"
            )
        labels, count = len(card.label_names), output.shape[1]
        if labels and count != labels and (count, labels) != (1, 2):
            raise InvalidCard(
                f"The card of {card.id} names {labels} labels, and its network has {count} "
                "outputs; name a label for each output, in their order."
            )
        return ()

    @classmethod
    def compared(cls, expected: Any, found: Any, card: ModelCard) -> Sequence[Gap]:
        return compared_classes(expected, found, card)

    @classmethod
    def every_format(cls) -> tuple[str, ...]:
        return ClassMap.formats

    @property
    def formats(self) -> tuple[str, ...]:
        return ClassPredictions.formats if self.window is None else ClassMap.formats

    @property
    def uses(self) -> Mapping[str, tuple[str, ...]]:
        return ClassPredictions.uses if self.window is None else ClassMap.uses

    def postprocess(self, output: Logits, card: ModelCard) -> ClassPredictions:
        scores, least = class_scores(output, card)[0], self._least(card)
        found = tuple(self._predictions(scores, card))
        reaching = 0 if least is None else int((scores >= least).sum())
        return ClassPredictions(found, unnamed=max(0, reaching - len(found)))

    def notes_on(self, result: ClassPredictions) -> Sequence[Note]:
        if not result.unnamed:
            return ()
        named = len(result.predictions)
        return (
            Note(
                "classes_cut",
                f"{named + result.unnamed} classes reach the threshold, and the best {named} are "
                f"named: top_k is {self.top_k}. Raise it to name all.",
            ),
        )

    def window_scores(self, output: Logits, card: ModelCard) -> NDArray[np.float32]:
        return class_scores(output, card)

    def map_of(
        self,
        whole: ClassPredictions,
        scores: NDArray[np.float32],
        placed: PlacedGrid,
        card: ModelCard,
    ) -> ClassMap:
        grid = placed.grid
        maxima = scores.max(axis=0)
        if self.classes is None:
            ids = [int(i) for i in np.argsort(-maxima, kind="stable")[: self.top_k]]
        else:
            ids = [class_id(name, card, len(maxima)) for name in self.classes]
        values = scores[:, ids].T.reshape(len(ids), len(grid.rows), len(grid.cols))
        found = ClassMap(
            predictions=whole.predictions,
            unnamed=whole.unnamed,
            labels=tuple(label(i, card) for i in ids),
            values=np.ascontiguousarray(values, np.float32),
            grid=grid,
            origin=placed.origin,
            height=placed.size[0],
            width=placed.size[1],
        )
        if self.paint == "score":
            return found
        every = scores.T.reshape(-1, len(grid.rows), len(grid.cols))
        wanted = self._least(card)
        least = -np.inf if wanted is None else wanted
        own = {each.name: getattr(found, each.name) for each in fields(found)}
        return PaintedClasses(**own, winners=winners(grid, every, least), card=card)

    def _least(self, card: ModelCard) -> float | None:
        """The least score of a class that is named."""
        return self.threshold if self.threshold is not None else card.output.threshold

    def _predictions(self, scores: NDArray[np.float32], card: ModelCard) -> list[Prediction]:
        threshold = self._least(card)
        count = min(self.top_k, len(scores))
        return [
            Prediction(label(i, card), i, float(scores[i]))
            for i in best_first(scores, count)
            if threshold is None or scores[i] >= threshold
        ]

    @classmethod
    def targets(cls, aim: Aim, model_output: ModelOutput, kind: Kind | None) -> list[Target]:
        card, kind = model_output.card, kind or "logit"
        _check_aim(aim, card, kind)
        logits = checked(model_output.output, card)
        if kind == "logit":
            _refuse_normalised(logits, card)
        shown = activate(logits, card) if kind == "probability" else logits
        ids = _target_ids(aim.target, logits, card)
        return [
            Target(
                label(i, card),
                i,
                ClassScore(i, card if kind == "probability" else None),
                float(shown[0, i]),
                kind=kind,
            )
            for i in ids
        ]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """The score of one class: its logit, or with a card its probability."""

    class_id: int
    card: ModelCard | None = None

    def __call__(self, output: Logits) -> torch.Tensor:
        scores = output if self.card is None else activate(output, self.card)
        return scores[:, self.class_id]


def _advice(output: Any) -> str:
    if isinstance(output, Candidates):
        return ' Set task = "detect" on the card.'
    if isinstance(output, torch.Tensor) and output.dim() == 4:
        return ' Set task = "segment" on the card, or let the network average its maps.'
    return ""


def _target_ids(names: Sequence[str], logits: Logits, card: ModelCard) -> Sequence[int]:
    if tuple(names) == (EVERY,):
        return range(logits.shape[1])
    return [_target_id(name, logits, card) for name in names]


def _target_id(name: str, logits: Logits, card: ModelCard) -> int:
    if name == "top":
        return int(logits[0].argmax())
    return find_class(name, card, logits.shape[1])


def _check_aim(aim: Aim, card: ModelCard, kind: Kind) -> None:
    """A classifier's scores are of the whole image."""
    if aim.place is not None:
        raise InvalidParameter(
            f"{aim.place} belongs to models that find or segment objects, and {card.id} classifies "
            "whole images; name one of those with `model`, or leave it out.",
            errors=[{"location": aim.place}],
        )
    if kind == "similarity":
        raise InvalidParameter(
            "output=similarity is for models that find boxes, and for a reference; this model "
            "classifies: take logit or probability.",
            errors=[{"location": "output"}],
        )


def _refuse_normalised(logits: Logits, card: ModelCard) -> None:
    """A normalised score saturates, and its gradient says little: never explain one in silence."""
    if logits.shape[1] > 1 and (_sums_to_one(logits) or _sums_to_one(logits.exp())):
        raise Unexplainable(
            f"The model {card.id} puts out probabilities, and only unnormalised scores are "
            "explained; leave the softmax out of its architecture, and let the card's activation "
            "apply it."
        )


def _sums_to_one(scores: torch.Tensor) -> bool:
    """Whether each row is a distribution."""
    return bool(((scores >= 0).all(dim=1) & ((scores.sum(dim=1) - 1).abs() < 1e-4)).all())
