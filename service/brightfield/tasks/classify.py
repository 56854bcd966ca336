"""Classification: which classes an image belongs to, and where in a large field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import expit

from brightfield.cards import ModelCard
from brightfield.errors import InvalidParameter, ModelFailed, Unexplainable, UnknownTarget, nearest
from brightfield.images.heat import Heat, HeatResult
from brightfield.images.windows import WindowGrid, accumulate
from brightfield.parameters import Commas, Extent
from brightfield.results import MapSpace, Raster, Result, ResultTable, finite, map_json
from brightfield.targets import EVERY, Aim, Kind, Target
from brightfield.tasks.kinds.whole import Whole
from brightfield.tasks.targets.model_output import ModelOutput
from brightfield.tensors import Logits

# No model has as many classes as a number this long; Python refuses to read much longer ones.
_DIGITS = 10


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

    formats: ClassVar[tuple[str, ...]] = ("json", "csv")
    predictions: tuple[Prediction, ...]

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {"predictions": [prediction.payload() for prediction in self.predictions]}

    def table(self) -> ResultTable:
        rows = [(p.label, p.class_id, p.score) for p in self.predictions]
        return ResultTable(("label", "class_id", "score"), rows)


@dataclass(frozen=True)
class ClassMap(ClassPredictions, HeatResult):
    """Also a probability map per class: `values` (k, rows, cols), one per window position."""

    formats: ClassVar[tuple[str, ...]] = ("json", "csv", "npy", "tiff", "png", "overlay")
    labels: tuple[str, ...]
    values: NDArray[np.float32]
    grid: WindowGrid
    origin: tuple[int, int]
    height: int
    width: int

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

    def heat(self) -> Heat:
        """The map of the best class."""
        rows, cols = self.grid.rows, self.grid.cols
        region = (
            self.origin[0] + cols[0][0],
            self.origin[1] + rows[0][0],
            cols[-1][1] - cols[0][0],
            rows[-1][1] - rows[0][0],
        )
        return Heat(self._in_image(0), signed=False, region=region)

    def _in_image(self, index: int) -> NDArray[np.float32]:
        within = accumulate(self.grid, self.values[index])
        full = np.zeros((self.height, self.width), np.float32)
        x, y = self.origin
        full[y : y + within.shape[0], x : x + within.shape[1]] = within
        return full


class Classify(Whole):
    """The classes of an image by descending score."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("classify",)
    result: ClassVar[type[Result]] = ClassPredictions
    explainable: ClassVar[bool] = True

    top_k: Annotated[int, Field(ge=1)] = 5
    """How many classes to name."""
    threshold: Annotated[float, Field(ge=0)] | None = None
    """Least score of a class that is named; left out: the card's, else none."""
    window: Extent | None = None
    """Slide the classifier over the field: the window's side, or height,width, in image pixels."""
    stride: Extent | None = None
    """Step of the window in image pixels; left out: half the window."""
    classes: Commas | None = None
    """Classes of the maps, by label or id; left out: the top_k by their maximum."""

    @model_validator(mode="after")
    def _of_a_window(self) -> Self:
        if self.window is None and (self.stride is not None or self.classes is not None):
            raise ValueError("stride and classes belong to a sliding window; give window, too")
        return self

    @classmethod
    def every_format(cls) -> tuple[str, ...]:
        return ClassMap.formats

    @property
    def formats(self) -> tuple[str, ...]:
        return ClassPredictions.formats if self.window is None else ClassMap.formats

    def postprocess(self, output: Logits, card: ModelCard) -> ClassPredictions:
        return ClassPredictions(tuple(self._predictions(class_scores(output, card)[0], card)))

    def map_of(
        self,
        whole: ClassPredictions,
        scores: NDArray[np.float32],
        grid: WindowGrid,
        card: ModelCard,
        origin: tuple[int, int],
        size: tuple[int, int],
    ) -> ClassMap:
        """Maps from the windows' scores (windows, K), in the grid's row-major order.

        `origin` (x, y) and `size` (height, width) place the grid in the whole image.
        """
        maxima = scores.max(axis=0)
        if self.classes is None:
            ids = [int(i) for i in np.argsort(-maxima, kind="stable")[: self.top_k]]
        else:
            ids = [class_id(name, card, len(maxima)) for name in self.classes]
        values = scores[:, ids].T.reshape(len(ids), len(grid.rows), len(grid.cols))
        return ClassMap(
            predictions=whole.predictions,
            labels=tuple(label(i, card) for i in ids),
            values=np.ascontiguousarray(values, np.float32),
            grid=grid,
            origin=origin,
            height=size[0],
            width=size[1],
        )

    def _predictions(self, scores: NDArray[np.float32], card: ModelCard) -> list[Prediction]:
        threshold = self.threshold if self.threshold is not None else card.output.threshold
        count = min(self.top_k, len(scores))
        best = (-scores).argsort(kind="stable")[:count].tolist()
        # "not below", so that a score that is not a number is shown as null instead of vanishing
        return [
            Prediction(label(i, card), i, float(scores[i]))
            for i in best
            if threshold is None or not scores[i] < threshold
        ]

    @classmethod
    def targets(cls, aim: Aim, seen: ModelOutput, kind: Kind | None) -> list[Target]:
        card, kind = seen.card, kind or "logit"
        _check_aim(aim, card, kind)
        logits = checked(seen.output, card)
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


def activate(logits: Logits, card: ModelCard) -> torch.Tensor:
    """From logits to scores, by the card's activation."""
    match card.output.activation:
        case "softmax":
            return logits.softmax(dim=1)
        case "sigmoid":
            return logits.sigmoid()
        case _:
            return logits


def class_scores(output: Any, card: ModelCard) -> NDArray[np.float32]:
    """The activated scores (n, K) of a model's output.

    `activate` in NumPy: this runs on the event loop's thread, where every call of PyTorch would
    let go of the interpreter's lock and wait for it again.
    """
    logits = checked(output, card)
    values: NDArray[np.float32] = (
        logits if logits.dtype == torch.float32 else logits.float()
    ).numpy()
    match card.output.activation:
        case "softmax":
            raised: NDArray[np.float32] = np.exp(values - values.max(axis=1, keepdims=True))
            raised /= raised.sum(axis=1, keepdims=True)
            return raised
        case "sigmoid":
            return np.asarray(expit(values))
        case _:
            return values


def checked(output: Any, card: ModelCard) -> Logits:
    """The output, if it is one row of class scores per image (as many as the card has labels)."""
    labels = len(card.label_names)
    if not isinstance(output, torch.Tensor) or output.dim() != 2:
        raise ModelFailed(
            f"The model {card.id} is no classifier: its output is not (batch, classes)."
        )
    if labels and output.shape[1] != labels:
        raise ModelFailed(
            f"The card of {card.id} names {labels} labels, and the model has {output.shape[1]} "
            "outputs."
        )
    return output


def label(index: int, card: ModelCard) -> str:
    names = card.label_names
    return names[index] if names else str(index)


def class_id(name: str, card: ModelCard, count: int) -> int:
    """The class of a label or an id written in digits. Raises `InvalidParameter`."""
    try:
        return find_class(name, card, count)
    except UnknownTarget as fault:
        raise InvalidParameter(fault.detail) from None


def _target_ids(names: Sequence[str], logits: Logits, card: ModelCard) -> Sequence[int]:
    if tuple(names) == (EVERY,):
        return range(logits.shape[1])
    return [_target_id(name, logits, card) for name in names]


def _target_id(name: str, logits: Logits, card: ModelCard) -> int:
    if name == "top":
        return int(logits[0].argmax())
    return find_class(name, card, logits.shape[1])


def find_class(name: str, card: ModelCard, count: int) -> int:
    """The class of a label or an id written in digits. Raises `UnknownTarget`."""
    names = card.label_names
    if name in names:
        return names.index(name)
    alike = [i for i, known in enumerate(names) if known.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise UnknownTarget(f"{name!r} may be {' or '.join(names[i] for i in alike)}; write which.")
    if name.isdecimal() and len(name) < _DIGITS and int(name) < count:
        return int(name)
    hint = nearest(name, names) or f" Class ids go from 0 to {count - 1}."
    raise UnknownTarget(f"The model {card.id} has no class {name!r}.{hint}")


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
