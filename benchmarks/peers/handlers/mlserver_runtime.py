"""MLServer: adaptive batching of requests in the V2 protocol."""

from __future__ import annotations

import base64
import json

from handler import Network, prepared
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Classifying(MLModel):
    async def load(self) -> bool:
        self._network = Network()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        data = payload.inputs[0].data
        images = [base64.b64decode(each) for each in getattr(data, "root", data)]
        found = [json.dumps(each) for each in self._network([prepared(each) for each in images])]
        output = ResponseOutput(
            name="predictions", shape=[len(found), 1], datatype="BYTES", data=found
        )
        return InferenceResponse(model_name=self.name, outputs=[output])
