"""mosec: decoding in a stage of its own, before the network's."""

from __future__ import annotations

from typing import Any

from handler import BATCH, THREADS, WAIT_MS, Network, prepared
from mosec import Server, Worker


class Decoding(Worker):
    def deserialize(self, data: bytes) -> bytes:
        return data

    def forward(self, data: bytes) -> Any:
        return prepared(data)


class Classifying(Worker):
    def __init__(self) -> None:
        super().__init__()
        self._network = Network()

    def forward(self, data: list[Any]) -> Any:
        return [{"predictions": found} for found in self._network(data)]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Decoding, num=THREADS)
    server.append_worker(Classifying, num=1, max_batch_size=BATCH, max_wait_time=WAIT_MS)
    server.run()
