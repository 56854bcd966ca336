"""The answer of /embed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from brightfield_client.results._answers import EmbeddingResult


class Embedding(EmbeddingResult):
    """A feature vector: the activations of `layer`, of length 1 (L2) when `normalized`."""

    @property
    def dim(self) -> int:
        return int(self.vector.size)

    def __len__(self) -> int:
        return self.dim

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return np.array(self.vector, dtype=dtype) if copy else self.vector.astype(dtype or "f4")

    def _repr_html_(self) -> str:
        return f"<code>{self.dim} values of {self.layer}</code><br>{self._caption()}"
