"""Restoration and enlargement: how close images come to their references."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from brightfield.errors import InvalidRows
from brightfield.images.fidelity import squared_error, ssim
from brightfield.images.limits import Limits
from brightfield.images.luminance import luminance
from brightfield.metrics.chunks.kept_pairs import LeftOut
from brightfield.metrics.counted.cases import (
    CaseValue,
    Draws,
    MeanOfCases,
    Pooled,
    RatioOfSums,
    case_json,
    mean_line,
    pooled_line,
)
from brightfield.metrics.counted.segmented import total_digest
from brightfield.metrics.kinds.pairs_evaluation import PairsEvaluation
from brightfield.metrics.reading.pairs import Pair, group_codes
from brightfield.metrics.reading.pictures import read_image
from brightfield.metrics.reading.rows import digest
from brightfield.metrics.reports.notes import skipped, warned
from brightfield.metrics.reports.worst import largest
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Reason
from brightfield.metrics.statistics.family import MetricSpec, nested
from brightfield.progress import Progress

_NAMES = ("mse", "psnr", "ssim")
_GREATEST = 1e100
_CONVENTIONS = {
    "order": "pairs by id, else by content; the digest covers the digests of shape, reference and "
    "image as little-endian float64 in this order",
    "mse": "mean of (image - reference)^2 over what is compared",
    "psnr": "10 log10(L^2 / mse) in dB; undefined for identical images",
    "ssim": "Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5, population covariance, "
    "K1 = 0.01, K2 = 0.03, float64, mean over the valid region and the channels",
    "metrics": "mean over the pairs that have a value",
    "pooled": "over all pixels of all pairs; psnr of the pooled mse",
    "bootstrap": "pairs are drawn, or whole groups",
}
_LUMINANCE = "luma (16 L + 65.481 R + 128.553 G + 24.966 B) / 255 of ITU-R BT.601, not rounded"


@dataclass(frozen=True, eq=False)
class Restored:
    """What a pair of images gives; its pixels are gone."""

    pair: Pair
    sha256: str
    error: float
    count: int
    ssim: CaseValue
    peak: float

    def kept(self) -> dict[str, Any]:
        """What was measured; the peak is the run's."""
        return {"error": self.error, "count": self.count, "ssim": self.ssim}

    def values(self) -> dict[str, CaseValue]:
        mse = self.error / self.count
        psnr: CaseValue = "identical"
        if mse > 0:
            psnr = 20 * math.log10(self.peak) - 10 * math.log10(mse)
        return {"mse": mse, "psnr": psnr, "ssim": self.ssim}

    @property
    def order(self) -> tuple[str, str, str]:
        """By id, else by content and group."""
        return self.pair.id or "", self.sha256, self.pair.group or ""


class PooledPsnr(RatioOfSums):
    """10 log10(L^2 / pooled mse) in dB."""

    def __init__(self, peak: float) -> None:
        self._peak = peak

    def values(self, sample: Pooled, weighted: Batch) -> Mapping[str, Batch]:
        positive = np.where(weighted > 0, weighted, np.nan)
        return {"value": 20 * np.log10(self._peak) - 10 * np.log10(positive)}

    def undefined(self, sample: Pooled) -> Mapping[str, Reason]:
        if not any(sample.numerator) and any(sample.denominator):
            return {"value": "identical"}
        return super().undefined(sample)


class Restoration(PairsEvaluation):
    """Images against the references that they should come close to."""

    images: ClassVar[tuple[str, str]] = ("reference", "image")
    settled: ClassVar[tuple[str, ...]] = ("bits", "luminance", "border")

    bits: Annotated[int, Field(ge=1, le=32)] = 8
    """Bits of a value: the peak L is 2^bits - 1."""
    luminance: bool = False
    """Compare the luminance of colour or grey images (ITU-R BT.601, 16 to 235 of 255), the
    convention for super-resolution."""
    border: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Pixels along each side that are ignored; by the same convention, the scale."""

    @property
    def peak(self) -> float:
        return float(2**self.bits - 1)

    def measured(self, pair: Pair, limits: Limits) -> Restored | LeftOut:
        reference = self._image(pair.truth, "reference", pair.row, limits)
        image = self._image(pair.judged, "image", pair.row, limits)
        if reference.shape != image.shape:
            raise _unfit(
                f"The images of pair {pair.row} are of {reference.shape} and {image.shape}; send "
                "images of one size and number of channels.",
                pair.row,
            )
        sha256 = digest(np.array(reference.shape, np.float64), _wide(reference), _wide(image))
        if not (_measurable(reference) and _measurable(image)):
            return LeftOut(pair.bare, sha256, "not_finite")
        reference, image = (self._compared(each, pair.row) for each in (reference, image))
        similarity = ssim(image, reference, self.peak)
        return Restored(
            pair.bare,
            sha256,
            squared_error(image, reference),
            reference.size,
            "too_small" if math.isnan(similarity) else similarity,
            self.peak,
        )

    def recalled(self, pair: Pair, sha256: str, kept: Mapping[str, Any]) -> Restored:
        error, count = float(kept["error"]), int(kept["count"])
        return Restored(pair, sha256, error, count, kept["ssim"], self.peak)

    def _compared(self, image: NDArray[Any], row: int) -> NDArray[Any]:
        """(H, W, C) what is looked at of an image."""
        height, width, channels = image.shape
        if min(height, width) <= 2 * self.border:
            raise _unfit(
                f"The images of pair {row} have {height} x {width} pixels and a `border` of "
                f"{self.border} leaves none of them; lower it.",
                row,
            )
        if self.luminance and channels not in (1, 3):
            raise _unfit(
                f"The images of pair {row} have {channels} channels, and `luminance` is of colour "
                "(3) or grey (1); leave it out, or send other channels.",
                row,
            )
        inner = image[self.border : height - self.border, self.border : width - self.border]
        return luminance(inner, self.peak)[..., None] if self.luminance else inner

    def _image(self, value: Any, name: str, row: int, limits: Limits) -> NDArray[Any]:
        image = read_image(value, name, row, limits)
        if image.dtype.kind in "iu" and image.max(initial=0) > self.peak:
            raise InvalidRows(
                f"`{name}` of pair {row} has the value {image.max()}, which {self.bits} bits do "
                "not hold; send `bits`.",
                errors=[{"location": f"pairs.{row}.{name}", "row": row, "expected": self.peak}],
            )
        return image

    def report(self, cases: Sequence[Restored], progress: Progress) -> dict[str, Any]:
        """The report about cases in canonical order."""
        values = [case.values() for case in cases]
        draws = Draws(len(cases), group_codes([c.pair for c in cases]), self.ci, progress)
        found = draws.estimates(self.lines(cases))
        errors = np.array([case.error / case.count for case in cases], np.float64)
        return {
            "task": "restoration",
            "n": len(cases),
            "bits": self.bits,
            "luminance": self.luminance,
            "border": self.border,
            "metrics": nested(found, ("metrics",)),
            "pooled": nested(found, ("pooled",)),
            "cases": [
                {**case.pair.name(), **case_json(own)}
                for case, own in zip(cases, values, strict=True)
            ],
            "worst": [
                {**cases[place].pair.name(), "error": float(errors[place]), "of": "mse"}
                for place in largest(errors, self.worst)
            ],
            "warnings": warned(skipped(found)),
            "conventions": {
                **_CONVENTIONS,
                "compared": self._what(),
                "peak": self.peak,
                "ci": self.ci.model_dump(),
            },
            "input_sha256": total_digest([case.sha256 for case in cases]),
        }

    def _what(self) -> str:
        what = _LUMINANCE if self.luminance else "all channels"
        return f"{what}; without {self.border} pixels along each side" if self.border else what

    def lines(self, cases: Sequence[Restored]) -> list[MetricSpec[Any]]:
        """Every number of the report."""
        means, sums, values = MeanOfCases(), RatioOfSums(), [case.values() for case in cases]
        errors = Pooled([case.error for case in cases], [case.count for case in cases])
        lines = [mean_line(("metrics", name), [v[name] for v in values], means) for name in _NAMES]
        lines.append(pooled_line(("pooled", "mse"), [errors], sums))
        lines.append(pooled_line(("pooled", "psnr"), [errors], PooledPsnr(self.peak)))
        return lines


def _unfit(message: str, row: int) -> InvalidRows:
    return InvalidRows(message, errors=[{"location": f"pairs.{row}", "row": row}])


def _measurable(image: NDArray[Any]) -> bool:
    """Whether every value is finite, and so is its square."""
    return bool(np.all(np.abs(_wide(image)) < _GREATEST))


def _wide(image: NDArray[Any]) -> NDArray[np.float64]:
    return image.astype(np.float64)
