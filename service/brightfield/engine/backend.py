"""The devices, models and threads that an engine answers with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from brightfield.card_folders import FoundCards
from brightfield.engine.devices import memory_budget
from brightfield.runtime.lane import Lane
from brightfield.runtime.loading import ModelLoader
from brightfield.runtime.registry import Registry
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.worker_pool import WorkerPool
from brightfield.settings import Settings


class Backend:
    """A lane per device with the models on them, decoders, and threads for long work.

    Its threads start with it and end with `close`.
    """

    def __init__(
        self,
        settings: Settings,
        devices: Sequence[torch.device],
        found: FoundCards,
        telemetry: Telemetry,
    ) -> None:
        threads = settings.threads or os.cpu_count() or 1
        self.lanes = [Lane(device, telemetry, threads) for device in devices]
        self.registry = Registry(
            found,
            ModelLoader(data=settings.data, trust_model_code=settings.trust_model_code),
            {lane: settings.memory_budget or memory_budget(lane.device) for lane in self.lanes},
            telemetry,
            settings.load_timeout,
        )
        self.decoders = WorkerPool(threads, "decode")
        self.explaining = ThreadPoolExecutor(settings.explanations, thread_name_prefix="explain")
        self.evaluating = ThreadPoolExecutor(settings.evaluations, thread_name_prefix="evaluate")

    def close(self) -> None:
        """End every thread; what waits is refused."""
        self.decoders.close()
        for lane in self.lanes:
            lane.stop()
        self.explaining.shutdown(cancel_futures=True)
        self.evaluating.shutdown(cancel_futures=True)
        self.registry.close()
