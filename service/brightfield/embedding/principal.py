"""Principal components of many vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.copies import Dtype, rounding_of
from brightfield.embedding.one_thread import one_thread
from brightfield.embedding.vectors import Vectors

# Values of a vector up to which the covariance matrix is made.
_COVARIANCE = 4096
# Values in all up to which everything is computed in float64.
_EXACT = 2**24
# Values of a component that differ by less are as large.
_TIED = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """`components` (c, D), the mean (D,), the variance along each and its share of the whole.

    Beyond the first `directions` the vectors vary by no more than rounding: those components are 0,
    and so is their variance.
    """

    mean: NDArray[Any]
    components: NDArray[Any]
    variance: NDArray[Any]
    ratio: NDArray[Any]
    directions: int

    def project(self, vectors: Vectors) -> NDArray[Any]:
        """(N, D) to (N, c)."""
        with one_thread():
            return np.asarray((vectors - self.mean) @ self.components.T)

    def leading(self, count: int) -> Components:
        """The first `count` components alone."""
        some = slice(count)
        return Components(
            self.mean,
            self.components[some],
            self.variance[some],
            self.ratio[some],
            min(self.directions, count),
        )


def principal_components(
    vectors: Vectors, count: int, seed: int = 0, dtype: Dtype = "float32"
) -> Components:
    """The `count` leading components of vectors that were stored with a dtype; scikit-learn's. A
    component's first of the largest values is positive.

    By eigenvectors of the covariance or singular values, exactly; from 4096 values a vector, where
    there are that many vectors, by randomised singular values. (Halko, Martinsson and Tropp 2011)
    """
    from sklearn.decomposition import PCA  # large, and slow to import

    rows, dim = vectors.shape
    if min(rows, dim) <= 512:
        solver = "full" if rows <= 8 * dim else "covariance_eigh"
    else:
        solver = "covariance_eigh" if dim <= _COVARIANCE else "randomized"
    exact = vectors.astype(np.float64) if vectors.size <= _EXACT else vectors
    with one_thread():
        found = PCA(count, svd_solver=solver, random_state=seed).fit(exact)
    components, variance = _signed(found.components_), found.explained_variance_
    noise = np.square(components) @ _noise(vectors, dtype)
    least = noise + np.finfo(exact.dtype).eps * dim * variance[0]
    # They fall, and what follows the first that is too small is noise as well.
    directions = int(np.cumprod(variance > least).sum())
    there = np.arange(len(variance)) < directions
    return Components(
        found.mean_,
        np.where(there[:, None], components, 0),
        np.where(there, variance, 0),
        np.where(there, found.explained_variance_ratio_, 0),
        directions,
    )


def _signed(components: NDArray[Any]) -> NDArray[Any]:
    """Each with the sign that makes its largest value positive; the first of values that differ
    by no more than rounding, which would choose between them."""
    sizes = np.abs(components)
    largest = np.argmax(sizes >= sizes.max(axis=1, keepdims=True) * (1 - _TIED), axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    return np.asarray(components * signs[:, None])


def _noise(vectors: Vectors, dtype: Dtype) -> NDArray[np.float64]:
    """(D,): the mean square of what rounding may have done to each value."""
    squares = np.einsum("ij,ij->j", vectors, vectors, dtype=np.float64) / len(vectors)
    return np.asarray(rounding_of(dtype) ** 2 * squares)
