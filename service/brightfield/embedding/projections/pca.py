"""PCA: the directions in which the vectors spread most."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from brightfield.embedding.principal import principal_components
from brightfield.embedding.projections.projection import Fitted, Projection
from brightfield.embedding.vectors import Points, Vectors
from brightfield.progress import Progress, Step


class Pca(Projection):
    """Principal components: x -> (x - mean) W, with the leading eigenvectors of the covariance as
    the columns of W. Exact and the same at every call; new items are projected like the others.
    (Pearson 1901)"""

    libraries: ClassVar[tuple[str, ...]] = ("numpy", "scikit-learn")
    metric_matters: ClassVar[bool] = False

    def fit(self, vectors: Vectors, progress: Progress) -> Fitted:
        self.check(vectors)
        progress(Step(0, 1))
        found = principal_components(vectors, self.dimensions, self.seed)
        progress(Step(1, 1))
        arrays = {"mean": found.mean, "components": found.components}
        facts = {
            "explained_variance": [float(value) for value in found.variance],
            "explained_variance_ratio": [float(value) for value in found.ratio],
        }
        return Fitted(found.project(vectors).astype(np.float32), arrays, facts)

    def place(self, fitted: Fitted, vectors: Vectors, new: Vectors, progress: Progress) -> Points:
        placed = (new - fitted.arrays["mean"]) @ fitted.arrays["components"].T
        return np.asarray(placed, np.float32)
