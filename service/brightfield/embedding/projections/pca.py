"""PCA: the directions in which the vectors spread most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from brightfield.embedding.copies import Dtype
from brightfield.embedding.principal import Components, principal_components
from brightfield.embedding.projections.projection import Fitted, Projection
from brightfield.embedding.vectors import Points, Vectors
from brightfield.images.picture import Note
from brightfield.progress import Progress, Step

# Relative difference of variances up to which rounding decides on the directions.
_SAME_VARIANCE = 1e-6


class Pca(Projection):
    """Principal components: x -> (x - mean) W, with the leading eigenvectors of the covariance as
    the columns of W. Exact and the same at every call; new items are projected like the others.
    (Pearson 1901)"""

    title: ClassVar[str] = "PCA"
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "scikit-learn")
    metric_matters: ClassVar[bool] = False

    def fit(self, vectors: Vectors, progress: Progress, dtype: Dtype = "float32") -> Fitted:
        self.check(vectors)
        progress(Step(0, 1))
        # One more, which may have the variance of the last that is shown.
        count = min(self.dimensions + 1, *vectors.shape)
        found = principal_components(vectors, count, self.seed, dtype)
        shown = found.leading(self.dimensions)
        progress(Step(1, 1))
        arrays = {"mean": shown.mean, "components": shown.components}
        facts = {
            "explained_variance": [float(value) for value in shown.variance],
            "explained_variance_ratio": [float(value) for value in shown.ratio],
        }
        points = shown.project(vectors).astype(np.float32)
        return Fitted(points, arrays, facts, self._notes(found))

    @staticmethod
    def axes(facts: Mapping[str, Any]) -> tuple[str, str]:
        first, second = (
            f"PC {number} ({100 * ratio:.1f} % of the variance)"
            for number, ratio in enumerate(facts["explained_variance_ratio"][:2], 1)
        )
        return first, second

    def _notes(self, found: Components) -> list[Note]:
        if found.directions < self.dimensions:
            return [Note("few_directions", _FEW.format(found.directions, self.dimensions))]
        apart = np.abs(np.diff(found.variance)) > _SAME_VARIANCE * found.variance[:-1]
        if apart[: self.dimensions].all():
            return []
        return [Note("equal_directions", _EQUAL.format(1 + int(np.argmin(apart))))]

    def place(self, fitted: Fitted, vectors: Vectors, new: Vectors, progress: Progress) -> Points:
        placed = (new - fitted.arrays["mean"]) @ fitted.arrays["components"].T
        return np.asarray(placed, np.float32)


_FEW = (
    "Beyond rounding the vectors vary in {} of the map's {} directions; the coordinates in the "
    "others are 0."
)
_EQUAL = (
    "The vectors vary as much along component {0} as along the next, so any rotation of the two is "
    "as right: the same version of the libraries on the same kind of processor gives the same map, "
    "others may turn it."
)
