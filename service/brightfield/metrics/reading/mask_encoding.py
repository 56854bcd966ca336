"""Which values of masks mean what."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import skimage
from numpy.typing import NDArray

from brightfield.errors import InvalidRows
from brightfield.metrics.reading.masks import ClassMask, ReadMask, overlap_refused
from brightfield.metrics.reading.rows import digest

_WHITE = 255
_GREATEST = (255, 65535)

MaskMark = Literal[
    "truth_in_one_value",
    "prediction_in_one_value",
    "perhaps_void",
    "several_values",
    "truth_turned",
    "prediction_turned",
]
"""What makes one doubt that masks mean what the options say."""


@dataclass(frozen=True, eq=False)
class MaskPair:
    """Two masks of one shape; pixels of `void` are out of everything, and the truth has no label in
    them. None where there is no void."""

    truth: ReadMask
    prediction: ReadMask
    void: NDArray[np.bool_] | None
    marks: tuple[MaskMark, ...]

    @property
    def sha256(self) -> str:
        """Of shape and labels; of objects that lie over one another of their encodings, in any
        order."""
        shape = np.array([self.truth.labels.ndim, *self.truth.labels.shape], np.float64)
        masks = (self.truth, self.prediction)
        own = digest(shape, *(mask.labels.astype(np.float64) for mask in masks))
        lists = [sorted(each.counts for each in mask.overlapping) for mask in masks]
        if self.void is None and not any(lists):
            return own
        void = "" if self.void is None else digest(self.void.astype(np.float64))
        return hashlib.sha256(f"{own}{void}{lists}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MaskEncoding:
    """Whether values are objects, else the labels of the classes (None: all but 0 are one), and
    which value is void."""

    instances: bool
    labels: Sequence[str] | None
    ignore: int | None

    def read(self, truth: ReadMask, prediction: ReadMask, row: int) -> MaskPair:
        """The pair with labels as they are counted. Raises `InvalidRows` for values that the
        options do not explain."""
        found = self._read(truth, prediction, row)
        return replace(found, marks=(*found.marks, *_turned(truth, prediction)))

    def _read(self, truth: ReadMask, prediction: ReadMask, row: int) -> MaskPair:
        void = None if self.ignore is None or truth.listed else truth.labels == self.ignore
        if void is None or not void.any():
            void = None
        else:
            truth = truth.with_labels(np.where(void, 0, truth.labels))
        if self.instances:
            return MaskPair(truth, prediction, void, self._marks(truth, prediction))
        if void is not None:
            prediction = prediction.with_labels(np.where(void, 0, prediction.labels))
        if self.labels is None:
            marks = _void_mark(truth) or _values_mark(truth, prediction)
            return MaskPair(_foreground(truth), _foreground(prediction), void, marks)
        truth, prediction = self._classes(truth, prediction, row)
        return MaskPair(truth, prediction, void, ())

    def _marks(self, truth: ReadMask, prediction: ReadMask) -> tuple[MaskMark, ...]:
        found: list[MaskMark] = []
        if _in_parts(truth):
            found.append("truth_in_one_value")
        if _in_parts(prediction):
            found.append("prediction_in_one_value")
        return (*found, *_void_mark(truth))

    def _classes(
        self, truth: ReadMask, prediction: ReadMask, row: int
    ) -> tuple[ReadMask, ReadMask]:
        assert self.labels is not None
        pictures = [_is_picture(mask.labels) for mask in (truth, prediction)]
        if len(self.labels) == 2 and pictures[1] and (pictures[0] or truth.labels.max() <= 1):
            # Pictures of two values, as programs that draw masks write them.
            sides = [_foreground(mask) for mask in (truth, prediction)]
        else:
            sides = [truth, prediction]
        for name, mask in zip(("truth", "prediction"), sides, strict=True):
            if mask.overlapping:
                raise overlap_refused(mask, name, row)
            self._check(mask.labels, name, row)
        return sides[0], sides[1]

    def _check(self, labels: ClassMask, name: str, row: int) -> None:
        assert self.labels is not None
        greatest = int(labels.max())
        if greatest < len(self.labels):
            return
        advice = "name all classes"
        if greatest == _WHITE and name == "truth" and self.ignore is None:
            advice = (
                "send ignore=255 if that is void, leave out `labels` if all but 0 is one class, or "
                "name all classes"
            )
        raise InvalidRows(
            f"`{name}` of pair {row} has the value {greatest}, and there are {len(self.labels)} "
            f"labels; {advice}.",
            errors=[{"location": f"pairs.{row}.{name}", "row": row}],
        )


def _turned(truth: ReadMask, prediction: ReadMask) -> tuple[MaskMark, ...]:
    own: tuple[tuple[MaskMark, ReadMask], ...] = (
        ("truth_turned", truth),
        ("prediction_turned", prediction),
    )
    return tuple(mark for mark, mask in own if mask.turned)


def _foreground(mask: ReadMask) -> ReadMask:
    """All values but 0 as one."""
    return mask.with_labels(np.minimum(mask.labels, 1))


def _is_picture(labels: ClassMask) -> bool:
    """Only 0 and 255, and some 255."""
    return bool(labels.max(initial=0) == _WHITE and np.isin(labels, (0, _WHITE)).all())


def _void_mark(truth: ReadMask) -> tuple[MaskMark, ...]:
    """Of the greatest value of 8 or 16 bits beside smaller ones, not the last of many objects."""
    greatest = int(truth.labels.max(initial=0))
    if truth.listed or greatest not in _GREATEST:
        return ()
    below = truth.labels[(truth.labels > 0) & (truth.labels < greatest)]
    return ("perhaps_void",) if below.size and int(below.max()) < greatest - 1 else ()


def _values_mark(truth: ReadMask, prediction: ReadMask) -> tuple[MaskMark, ...]:
    """Of a mask with several values, which may be classes or void."""
    return ("several_values",) if _several(truth) or _several(prediction) else ()


def _several(mask: ReadMask) -> bool:
    labels = mask.labels
    return not mask.listed and bool((labels[labels > 0] != labels.max(initial=0)).any())


def _in_parts(mask: ReadMask) -> bool:
    """Whether there are at least twice as many parts as values, as of classes, and not of
    objects."""
    values = mask.labels
    if mask.listed or not values.any():
        return False
    parts = skimage.measure.label(  # type: ignore[no-untyped-call]
        values, background=0, connectivity=values.ndim, return_num=True
    )[1]
    return bool(parts >= 2 * np.unique(values[values > 0]).size)
