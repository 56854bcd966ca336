"""TorchServe: a handler of batches, which its archiver packs."""

from __future__ import annotations

from typing import Any

from handler import Network, prepared


class Classifying:
    def initialize(self, context: Any) -> None:
        self._network = Network()

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[Any]:
        bodies = [bytes(each.get("data") or each.get("body")) for each in data]
        found = self._network([prepared(body) for body in bodies])
        return [{"predictions": each} for each in found]
