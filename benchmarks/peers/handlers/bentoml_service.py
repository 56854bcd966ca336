"""BentoML: a batchable service for the network behind one that decodes, as documented."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import bentoml
import numpy as np
from bentoml.validators import ContentType
from handler import BATCH, THREADS, Network, prepared


@bentoml.service(workers=1, traffic={"timeout": 60})
class Classifying:
    def __init__(self) -> None:
        self._network = Network()

    @bentoml.api(batchable=True, max_batch_size=BATCH, max_latency_ms=60_000)
    def classify(self, rows: np.ndarray) -> list[Any]:  # type: ignore[type-arg]
        return self._network(rows)


@bentoml.service(workers=1, threads=THREADS, traffic={"timeout": 60})
class Decoding:
    network = bentoml.depends(Classifying)

    @bentoml.api
    async def predict(self, image: Annotated[Path, ContentType("image/jpeg")]) -> Any:
        row = prepared(image.read_bytes())
        found = await self.network.to_async.classify(row[None])
        return {"predictions": found[0]}
