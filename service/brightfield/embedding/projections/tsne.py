"""t-SNE: a map on which neighbours stay neighbours."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray
from openTSNE import TSNEEmbedding, initialization
from openTSNE.affinity import Affinities, joint_probabilities_nn
from pydantic import Field
from scipy.sparse import csr_matrix
from sklearn.neighbors import NearestNeighbors

from brightfield.embedding.principal import Components, principal_components
from brightfield.embedding.projections.projection import Fitted, Projection
from brightfield.embedding.vectors import Points, Vectors
from brightfield.errors import InvalidParameter
from brightfield.progress import STILL_WANTED, Progress, Step, no_progress

_PERPLEXITY = 30.0
_EARLY, _EXAGGERATION = 250, 12.0
_FEW_STEPS, _MANY_STEPS = 500, 750
_EVERY = 25
# Points from which steps are many, and forces interpolated on a grid, which two dimensions alone
# allow.
_LARGE = 10_000
# Of new points: neighbours that place them, and the perplexity of what moves them.
_PLACING, _PLACING_PERPLEXITY = 25, 5.0


class Tsne(Projection):
    """t-SNE by openTSNE. Neighbourhoods are kept; distances between groups and the sizes of groups
    mean little. New items move among points that don't. (van der Maaten and Hinton 2008;
    Policar, Strazar and Zupan 2019)"""

    libraries: ClassVar[tuple[str, ...]] = ("numpy", "openTSNE", "scikit-learn")

    perplexity: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    """About how many neighbours count, at most a third of the items. Default: 30, or that third if
    it is less."""
    iterations: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Steps after the 250 of early exaggeration. Default: 500, or 750 from 10,000 items on, which
    take longer to settle."""
    components: Annotated[int, Field(ge=0, le=1000)] = 256
    """Principal components to which longer vectors are reduced first; 0: no reduction. Fewer are
    faster, but the usual 50 lose neighbours of vectors with many independent features."""
    min_gain: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Stop early when 25 steps lower the divergence by less than this fraction; 0: never."""

    def check(self, vectors: Vectors) -> None:
        super().check(vectors)
        if 0 < self.components < self.dimensions:
            raise InvalidParameter(
                f"{self.components} components have no map of {self.dimensions} dimensions; ask "
                "for more, or for 0, which reduces nothing.",
                errors=[{"location": "components", "received": self.components}],
            )
        most = len(vectors) / 3
        if self.perplexity is not None and self.perplexity > most:
            raise InvalidParameter(
                f"A perplexity of {self.perplexity:g} is more than a third of the {len(vectors)} "
                f"items; lower it to {int(most)} or less, or add items.",
                errors=[
                    {
                        "location": "perplexity",
                        "expected": f"at most {most:.1f}",
                        "received": self.perplexity,
                    }
                ],
            )

    def fit(self, vectors: Vectors, progress: Progress) -> Fitted:
        self.check(vectors)
        perplexity = self.perplexity or min(_PERPLEXITY, len(vectors) / 3)
        further = self.iterations or (_MANY_STEPS if len(vectors) >= _LARGE else _FEW_STEPS)
        total = _EARLY + further
        progress(Step(0, total))
        reduction = self._reduction(vectors)
        reduced = vectors if reduction is None else reduction.project(vectors)
        affinities = _Affinities(reduced, perplexity, progress)
        # From the principal components, made small (Kobak and Berens 2019); reduced vectors have
        # them in front.
        leading = self._leading(vectors) if reduction is None else reduced
        start = initialization.rescale(leading[:, : self.dimensions].astype(np.float64))
        map_ = self._embedding(start, affinities)
        watch = _Watch(progress, total, self.min_gain)
        self._optimize(map_, further, watch)
        progress(Step(total, total))
        arrays = {} if reduction is None else {
            "mean": reduction.mean, "components": reduction.components
        }  # fmt: skip
        facts = {
            "perplexity": perplexity,
            "kl_divergence": _rounded(map_.kl_divergence),
            "iterations": watch.stopped or total,
        }
        return Fitted(np.asarray(map_, np.float32), arrays, facts)

    def place(self, fitted: Fitted, vectors: Vectors, new: Vectors, progress: Progress) -> Points:
        progress(Step(0, 1))
        arrays = fitted.arrays
        if "mean" in arrays:
            vectors, new = (
                (some - arrays["mean"]) @ arrays["components"].T for some in (vectors, new)
            )
        affinities = _Affinities(vectors, None)
        map_ = self._embedding(fitted.points.astype(np.float64), affinities)
        perplexity = min(_PLACING_PERPLEXITY, len(vectors) / 3)
        placed = map_.transform(
            new, perplexity=perplexity, k=min(_PLACING, len(vectors)), initialization="median"
        )
        return np.asarray(placed, np.float32)

    def _optimize(self, map_: TSNEEmbedding, further: int, watch: _Watch) -> None:
        options = {"inplace": True, "callbacks": watch, "callbacks_every_iters": _EVERY}
        map_.optimize(_EARLY, exaggeration=_EXAGGERATION, **options)
        watch.enter(_EARLY)
        map_.optimize(further, **options)

    def _reduction(self, vectors: Vectors) -> Components | None:
        if not 0 < self.components < min(vectors.shape):
            return None
        return principal_components(vectors, self.components, self.seed)

    def _leading(self, vectors: Vectors) -> NDArray[Any]:
        found = principal_components(vectors, self.dimensions, self.seed)
        return found.project(vectors)

    def _embedding(self, points: NDArray[np.float64], affinities: _Affinities) -> TSNEEmbedding:
        grid = self.dimensions == 2 and len(points) >= _LARGE
        method = "fft" if grid else "bh"
        # Each thread sums up for points of its own, so their number does not change the map.
        return TSNEEmbedding(
            points,
            affinities,
            negative_gradient_method=method,
            n_jobs=cpu_count(),
            random_state=self.seed,
        )


class _Affinities(Affinities):  # type: ignore[misc]
    """Likenesses from exact nearest neighbours, to as many as three times the perplexity.

    Without a perplexity there are none among the vectors themselves, only those of new vectors to
    them. `before` is called between the parts.
    """

    def __init__(
        self,
        vectors: NDArray[Any],
        perplexity: float | None,
        progress: Progress = no_progress,
    ) -> None:
        self.n_jobs = 1
        self._index = NearestNeighbors(algorithm="brute").fit(vectors)
        self.P = csr_matrix((len(vectors), len(vectors)))
        if perplexity is not None:
            k = min(len(vectors) - 1, int(3 * perplexity))
            distances, neighbors = self._index.kneighbors(n_neighbors=k)
            progress(STILL_WANTED)
            self.P = joint_probabilities_nn(neighbors, distances, [perplexity], n_jobs=1)
            progress(STILL_WANTED)

    def to_new(self, data: NDArray[Any], perplexity: float, return_distances: bool = False) -> Any:
        known = self._index.n_samples_fit_
        k = min(known, max(int(3 * perplexity), _PLACING))
        distances, neighbors = self._index.kneighbors(data, n_neighbors=k)
        likeness = joint_probabilities_nn(
            neighbors,
            distances,
            [perplexity],
            symmetrize=False,
            normalization="point-wise",
            n_reference_samples=known,
            n_jobs=1,
        )
        return (likeness, neighbors, distances) if return_distances else likeness


class _Watch:
    """Tells how far the map is, and ends it where nothing is gained any more."""

    def __init__(self, progress: Progress, total: int, min_gain: float) -> None:
        self._progress, self._total, self._min_gain = progress, total, min_gain
        self._begun = 0
        self._last = float("inf")
        self.stopped: int | None = None

    def enter(self, begun: int) -> None:
        """The steps after exaggeration begin: from here the divergence is comparable."""
        self._begun = begun
        self._last = float("inf")

    def __call__(self, iteration: int, divergence: float, points: Any) -> bool:
        done = self._begun + iteration
        self._progress(Step(done, self._total))
        divergence = _rounded(divergence)
        gain = 1 - divergence / self._last
        self._last = divergence
        if self._begun and gain < self._min_gain:
            self.stopped = done
        return self.stopped is not None


def _rounded(divergence: float) -> float:
    """Without the last digits, which depend on the number of threads."""
    return float(f"{divergence:.9g}")
