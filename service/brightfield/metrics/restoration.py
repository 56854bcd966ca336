"""Restoration and enlargement: how close images come to their references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from brightfield.errors import ConflictingParameter, InvalidRows
from brightfield.images.limits import Limits
from brightfield.images.luminance import luminance
from brightfield.images.picture import Note
from brightfield.metrics.chunks.kept_pairs import LeftOut
from brightfield.metrics.counted.cases import (
    Draws,
    MeanOfCases,
    Pooled,
    RatioOfSums,
    case_json,
    mean_line,
    pooled_line,
    without_value,
)
from brightfield.metrics.counted.restored import (
    RESTORED,
    PooledPsnr,
    PooledRoot,
    Restored,
    restored,
)
from brightfield.metrics.counted.segmented import total_digest
from brightfield.metrics.kinds.pairs_evaluation import PairsEvaluation
from brightfield.metrics.reading.pairs import Pair, group_codes, group_count
from brightfield.metrics.reading.pictures import ImageAxes, ReadImage, read_image
from brightfield.metrics.reading.rows import digest
from brightfield.metrics.reading.value_range import (
    DataRange,
    ValueRange,
    check_within,
    range_notes,
    range_of,
)
from brightfield.metrics.reports.interval_words import interval_conventions
from brightfield.metrics.reports.notes import bits_assumed, skipped, turned_upright, warned
from brightfield.metrics.reports.worst import largest
from brightfield.metrics.statistics.estimate import Estimate
from brightfield.metrics.statistics.family import MetricPath, MetricSpec, nested
from brightfield.progress import Progress

_GREATEST = 1e100
_CONVENTIONS = {
    "order": "pairs by id, else by content; the digest covers the digests of shape, reference and "
    "image as little-endian float64 in this order",
    "mse": "mean of (image - reference)^2 over what is compared; rmse its root, mae the mean of "
    "|image - reference|",
    "psnr": "10 log10(L^2 / mse) in dB, L the span of the data range; undefined for identical "
    "images",
    "ssim": "Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5, population covariance, "
    "K1 = 0.01, K2 = 0.03, float64, mean over the valid region and the channels; of volumes with a "
    "window of 11 x 11 x 11",
    "metrics": "mean over the pairs that have a value",
    "pooled": "over all pixels of all pairs; psnr and rmse of the pooled mse",
}
_LUMINANCE = "luma (16 L + 65.481 R + 128.553 G + 24.966 B) / 255 of ITU-R BT.601, not rounded"


class Restoration(PairsEvaluation):
    """Images against the references that they should come close to."""

    images: ClassVar[tuple[str, str]] = ("reference", "image")
    settled: ClassVar[tuple[str, ...]] = ("luminance", "border", "axes")

    data_range: DataRange | None = None
    """Least and greatest value that images may have: `1` (from 0), or `-1,1`. Default: what
    integers of 8 or 16 bits hold; other numbers need it."""
    bits: Annotated[int, Field(ge=1, le=32)] | None = None
    """Another way to say it: values from 0 to 2^bits - 1."""
    axes: ImageAxes | None = None
    """Axes of the images where their files don't say: ZYX is a volume. Default: H x W (x C)."""
    luminance: bool = False
    """Compare the luminance of colour or grey images (ITU-R BT.601, 16 to 235 of 255), the
    convention for super-resolution."""
    border: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Pixels along each side that are ignored; by the same convention, the scale."""

    @property
    def stated(self) -> ValueRange | None:
        """The range of values that the options state."""
        if self.data_range is not None:
            return ValueRange(*self.data_range)
        return None if self.bits is None else ValueRange(0.0, float(2**self.bits - 1))

    def agree(self) -> None:
        if self.data_range is not None and self.bits is not None:
            raise ConflictingParameter(
                "`bits` and `data_range` both say which values images have; send one of them.",
                errors=[{"location": "bits"}],
            )
        if self.luminance and self.data_range is not None and self.data_range[0] != 0:
            raise ConflictingParameter(
                "`luminance` is of values from 0 on; leave it out, or send another data_range.",
                errors=[{"location": "luminance"}],
            )

    def measured(self, pair: Pair, limits: Limits) -> Restored | LeftOut:
        reference = read_image(pair.truth, "reference", pair.row, limits, self.axes)
        image = read_image(pair.judged, "image", pair.row, limits, self.axes)
        sides = (reference.pixels, image.pixels)
        if reference.pixels.shape != image.pixels.shape:
            raise _unfit(
                f"The images of pair {pair.row} are of {sides[0].shape} and {sides[1].shape}; send "
                "images of one size and number of channels.",
                pair.row,
            )
        sha256 = digest(np.array(sides[0].shape, np.float64), *map(_wide, sides))
        if not all(map(_measurable, sides)):
            return LeftOut(pair.bare, sha256, "not_finite")
        bounds = self._bounds(reference, image, pair.row)
        compared = [self._compared(each, bounds, pair.row) for each in sides]
        greatest = max(float(np.abs(_wide(each)).max()) for each in sides)
        found = restored(pair.bare, sha256, compared[0], compared[1], bounds)
        return replace(found, greatest=greatest, turned=(reference.turned, image.turned))

    def _bounds(self, reference: ReadImage, image: ReadImage, row: int) -> ValueRange:
        """The range of values, which neither image leaves."""
        bounds = self.stated or range_of(reference, image, row)
        check_within(reference.pixels, bounds, "reference", row)
        check_within(image.pixels, bounds, "image", row)
        return bounds

    def agreed(self, cases: Sequence[Restored]) -> dict[str, Any]:
        """All images have one range of values. Raises `InvalidRows` for the first that has not."""
        found = self._range(cases)
        for case in cases:
            if case.bounds != found:
                raise _unfit(
                    f"The images of pair {case.pair.row} have values from {case.bounds.low:g} to "
                    f"{case.bounds.high:g}, and others from {found.low:g} to {found.high:g}; send "
                    "data_range, or pairs of one type.",
                    case.pair.row,
                )
        return {"data_range": [found.low, found.high] if cases else None}

    def _range(self, cases: Sequence[Restored]) -> ValueRange:
        """That of the cases; without any the stated one, or 0 to 1."""
        return cases[0].bounds if cases else self.stated or ValueRange(0.0, 1.0)

    def recalled(self, pair: Pair, sha256: str, kept: Mapping[str, Any]) -> Restored:
        return Restored.of_kept(pair, sha256, kept, self.stated)

    def _compared(self, image: NDArray[Any], bounds: ValueRange, row: int) -> NDArray[Any]:
        """(H, W, C) or (D, H, W, C) what is looked at of an image."""
        *sides, channels = image.shape
        if min(sides) <= 2 * self.border:
            shown = " x ".join(map(str, sides))
            raise _unfit(
                f"The images of pair {row} have {shown} pixels and a `border` of {self.border} "
                "leaves none of them; lower it.",
                row,
            )
        if self.luminance and (channels not in (1, 3) or len(sides) > 2 or bounds.low):
            raise _unfit(
                f"The images of pair {row} have {channels} channels, {len(sides)} axes and values "
                f"from {bounds.low:g} on, and `luminance` is of pictures in colour (3) or grey (1) "
                "with values from 0 on; leave it out, or send others.",
                row,
            )
        inner = image[tuple(slice(self.border, side - self.border) for side in sides)]
        return luminance(inner, bounds.high)[..., None] if self.luminance else inner

    def report(self, cases: Sequence[Restored], progress: Progress) -> dict[str, Any]:
        """The report about cases in canonical order."""
        values = [case.values() for case in cases]
        draws = self._draws(cases, progress)
        lines = self.lines(cases)
        found = draws.estimates(lines)
        errors = np.array([case.error / case.count for case in cases], np.float64)
        bounds = self._range(cases)
        return {
            "task": "restoration",
            "n": len(cases),
            "groups": group_count(cases),
            "data_range": [bounds.low, bounds.high],
            "luminance": self.luminance,
            "border": self.border,
            **_numbers(found),
            "cases": [
                {**case.pair.name(), **case_json(own)}
                for case, own in zip(cases, values, strict=True)
            ],
            "worst": [
                {**cases[place].pair.name(), "error": float(errors[place]), "of": "mse"}
                for place in largest(errors, self.worst)
            ],
            "warnings": warned(
                [
                    *bits_assumed(bounds.assumed),
                    *self._range_notes(cases),
                    *_turned(cases),
                    *without_value(lines),
                    *skipped(found),
                    *draws.few(found),
                ]
            ),
            "conventions": {
                **_CONVENTIONS,
                **interval_conventions(self.ci, "cases", clustered=draws.groups is not None),
                "compared": self._what(),
                "peak": bounds.span,
                "ci": self.ci.model_dump(),
            },
            "input_sha256": total_digest([case.sha256 for case in cases]),
        }

    def _range_notes(self, cases: Sequence[Restored]) -> list[Note]:
        greatest = [case.greatest for case in cases]
        return range_notes(self._range(cases), greatest, stated=self.stated is not None)

    def numbers(self, cases: Sequence[Restored], progress: Progress) -> dict[str, Any]:
        """The numbers of the report alone."""
        return _numbers(self._draws(cases, progress).estimates(self.lines(cases)))

    def _draws(self, cases: Sequence[Restored], progress: Progress) -> Draws:
        return Draws(len(cases), group_codes([c.pair for c in cases]), self.ci, progress)

    def _what(self) -> str:
        what = _LUMINANCE if self.luminance else "all channels"
        return f"{what}; without {self.border} pixels along each side" if self.border else what

    def lines(self, cases: Sequence[Restored]) -> list[MetricSpec[Any]]:
        """Every number of the report."""
        means, sums, values = MeanOfCases(), RatioOfSums(), [case.values() for case in cases]
        counts = [case.count for case in cases]
        errors = Pooled([case.error for case in cases], counts)
        absolute = Pooled([case.absolute or 0.0 for case in cases], counts)
        psnr = PooledPsnr(span=self._range(cases).span)
        return [
            *(mean_line(("metrics", name), [v[name] for v in values], means) for name in RESTORED),
            pooled_line(("pooled", "mse"), [errors], sums),
            pooled_line(("pooled", "rmse"), [errors], PooledRoot()),
            pooled_line(("pooled", "mae"), [absolute], sums),
            pooled_line(("pooled", "psnr"), [errors], psnr),
        ]


def _numbers(found: dict[MetricPath, Estimate]) -> dict[str, Any]:
    return {"metrics": nested(found, ("metrics",)), "pooled": nested(found, ("pooled",))}


def _turned(cases: Sequence[Restored]) -> list[Note]:
    counts = [sum(case.turned[side] for case in cases) for side in (0, 1)]
    return turned_upright(counts, ("reference images", "images"), len(cases))


def _unfit(message: str, row: int) -> InvalidRows:
    return InvalidRows(message, errors=[{"location": f"pairs.{row}", "row": row}])


def _measurable(image: NDArray[Any]) -> bool:
    """Whether every value is finite, and so is its square."""
    return bool(np.all(np.abs(_wide(image)) < _GREATEST))


def _wide(image: NDArray[Any]) -> NDArray[np.float64]:
    return image.astype(np.float64)
