"""LitServe: decoding in the request, the network in batches."""

from __future__ import annotations

import sys
from typing import Any

import litserve
from handler import BATCH, WAIT_MS, Network, prepared


class Classifying(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self._network = Network()

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # a type is a parameter
        return prepared(request["image"].file.read())

    def batch(self, inputs: Any) -> Any:
        return inputs

    def predict(self, inputs: Any) -> Any:
        return self._network(inputs)

    def unbatch(self, output: Any) -> Any:
        return output

    def encode_response(self, output: Any) -> Any:
        return {"predictions": output}


if __name__ == "__main__":
    api = Classifying(max_batch_size=BATCH, batch_timeout=WAIT_MS / 1000)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning"
    )
