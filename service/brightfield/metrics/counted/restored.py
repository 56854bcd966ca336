"""One pair of images, measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.fidelity import absolute_error, squared_error, ssim, volume_ssim
from brightfield.metrics.counted.cases import CaseValue, Pooled, RatioOfSums
from brightfield.metrics.reading.pairs import Pair
from brightfield.metrics.reading.value_range import ValueRange
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Reason

RESTORED = ("mse", "rmse", "mae", "psnr", "ssim")


@dataclass(frozen=True, eq=False)
class Restored:
    """What a pair of images gives; its pixels are gone. `error` and `absolute` are sums over
    `count` values."""

    pair: Pair
    sha256: str
    error: float
    absolute: float | None
    count: int
    ssim: CaseValue
    bounds: ValueRange
    greatest: float | None = None
    """The greatest absolute value of both images; earlier versions didn't keep it."""
    turned: tuple[bool, bool] = (False, False)
    """Whether the file of the reference, and that of the image, said that it is to be turned."""

    @classmethod
    def of_kept(
        cls, pair: Pair, sha256: str, kept: Mapping[str, Any], stated: ValueRange | None
    ) -> Restored:
        """From what `kept` gave; an earlier version had the range among the options alone, and no
        absolute error."""
        bounds = ValueRange(*kept["range"]) if "range" in kept else stated
        if bounds is None:
            raise ValueError("no range of values")
        error, count = float(kept["error"]), int(kept["count"])
        absolute, greatest = kept.get("absolute"), kept.get("greatest")
        reference, image = kept.get("turned", (False, False))
        turned = (reference, image)
        return cls(pair, sha256, error, absolute, count, kept["ssim"], bounds, greatest, turned)

    def kept(self) -> dict[str, Any]:
        """What was measured."""
        return {
            "error": self.error,
            "absolute": self.absolute,
            "count": self.count,
            "ssim": self.ssim,
            "range": [self.bounds.low, self.bounds.high, self.bounds.assumed],
            "greatest": self.greatest,
            "turned": list(self.turned),
        }

    def values(self) -> dict[str, CaseValue]:
        """The numbers of `RESTORED`."""
        mse = self.error / self.count
        psnr: CaseValue = "identical"
        if mse > 0:
            psnr = 20 * math.log10(self.bounds.span) - 10 * math.log10(mse)
        mae: CaseValue = "not_kept" if self.absolute is None else self.absolute / self.count
        return {"mse": mse, "rmse": math.sqrt(mse), "mae": mae, "psnr": psnr, "ssim": self.ssim}

    @property
    def order(self) -> tuple[str, str, str]:
        """By id, else by content and group."""
        return self.pair.id or "", self.sha256, self.pair.group or ""


def restored(
    pair: Pair,
    sha256: str,
    reference: NDArray[Any],
    image: NDArray[Any],
    bounds: ValueRange,
) -> Restored:
    """Measure two images or volumes of one shape."""
    similar = volume_ssim if reference.ndim == 4 else ssim
    similarity = similar(image, reference, bounds.span)
    return Restored(
        pair,
        sha256,
        squared_error(image, reference),
        absolute_error(image, reference),
        reference.size,
        "too_small" if math.isnan(similarity) else similarity,
        bounds,
    )


@dataclass(frozen=True)
class PooledPsnr(RatioOfSums):
    """10 log10(L^2 / pooled mse) in dB."""

    span: float = 1.0

    def values(self, sample: Pooled, weighted: Batch) -> Mapping[str, Batch]:
        positive = np.where(weighted > 0, weighted, np.nan)
        return {"value": 20 * np.log10(self.span) - 10 * np.log10(positive)}

    def undefined(self, sample: Pooled) -> Mapping[str, Reason]:
        if not any(sample.numerator) and any(sample.denominator):
            return {"value": "identical"}
        return super().undefined(sample)


class PooledRoot(RatioOfSums):
    """The root of the pooled mse."""

    def values(self, sample: Pooled, weighted: Batch) -> Mapping[str, Batch]:
        return {"value": np.sqrt(weighted)}
