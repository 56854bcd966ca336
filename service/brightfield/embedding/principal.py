"""Principal components of many vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from brightfield.embedding.vectors import Vectors

# Values of a vector up to which the covariance matrix is made.
_COVARIANCE = 4096
# Values in all up to which everything is computed in float64.
_EXACT = 2**24


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """`components` (c, D), the mean (D,), the variance along each and its share of the whole."""

    mean: NDArray[Any]
    components: NDArray[Any]
    variance: NDArray[Any]
    ratio: NDArray[Any]

    def project(self, vectors: Vectors) -> NDArray[Any]:
        """(N, D) to (N, c)."""
        return np.asarray((vectors - self.mean) @ self.components.T)


def principal_components(vectors: Vectors, count: int, seed: int = 0) -> Components:
    """The `count` leading components; scikit-learn's, so their signs are those of its rule.

    By eigenvectors of the covariance or singular values, exactly; from 4096 values a vector, where
    there are that many vectors, by randomised singular values. (Halko, Martinsson and Tropp 2011)
    """
    rows, dim = vectors.shape
    if min(rows, dim) <= 512:
        solver = "full" if rows <= 8 * dim else "covariance_eigh"
    else:
        solver = "covariance_eigh" if dim <= _COVARIANCE else "randomized"
    exact = vectors.astype(np.float64) if vectors.size <= _EXACT else vectors
    found = PCA(count, svd_solver=solver, random_state=seed).fit(exact)
    return Components(
        found.mean_, found.components_, found.explained_variance_, found.explained_variance_ratio_
    )
