"""The devices, models and threads that an engine answers with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from brightfield.card_folders import FoundCards
from brightfield.engine.devices import memory_budget
from brightfield.engine.preloads import Preloads
from brightfield.runtime.acceleration.accelerator import Accelerator
from brightfield.runtime.acceleration.kept_batch_sizes import KeptBatchSizes
from brightfield.runtime.acceleration.wanted import Wanted
from brightfield.runtime.context_threads import ContextThreads
from brightfield.runtime.ending import TimeLeft, within
from brightfield.runtime.examining.output_read import OutputContract
from brightfield.runtime.lane import Lane, LaneWatch
from brightfield.runtime.loading import ModelLoader
from brightfield.runtime.registry import Registry
from brightfield.runtime.safeguards import Safeguards
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.worker_pool import WorkerPool
from brightfield.settings import Settings


class Backend:
    """A lane per device with the models on them, decoders, and threads for long work.

    Its threads start with it and end with `close`. Raises `UnknownModel` if it is to serve a model
    that isn't there.
    """

    def __init__(
        self,
        settings: Settings,
        devices: Sequence[torch.device],
        found: FoundCards,
        telemetry: Telemetry,
        safeguards: Safeguards,
        contracts: Mapping[str, OutputContract],
    ) -> None:
        threads = settings.threads or torch.get_num_threads()
        self.lanes = [Lane(device, telemetry, threads, safeguards) for device in devices]
        self._batch_sizes = KeptBatchSizes(settings.data / "backends", threads)
        loader = ModelLoader(
            data=settings.data,
            trust_model_code=settings.trust_model_code,
            contracts=contracts,
            batch_sizes=self._batch_sizes,
        )
        self.registry = Registry(
            found,
            loader,
            {lane: settings.memory_budget or memory_budget(lane.device) for lane in self.lanes},
            telemetry,
            settings.load_timeout,
            safeguards,
            loader.measure,
            settings.served,
        )
        self._watch_plans(telemetry)
        for lane in self.lanes:
            lane.on_hang = self.registry.forget
        self._accelerator = Accelerator(
            settings.data,
            settings.trust_model_code,
            threads,
            Wanted(settings.backend, settings.precision),
            contracts,
            safeguards.quarantine.struck,
            self.registry.grow,
        )
        self.registry.tell_loaded(self._accelerator.offer)
        self._watch = LaneWatch(self.lanes, min(1.0, safeguards.lane_timeout / 10))
        # With one alone, an image that takes long to read would hold up all others.
        self.decoders = WorkerPool(max(2, threads), "decode")
        self.explaining = ContextThreads(settings.explanations, thread_name_prefix="explain")
        self.evaluating = ContextThreads(settings.evaluations, thread_name_prefix="evaluate")

    def _watch_plans(self, telemetry: Telemetry) -> None:
        """Count the bytes of what backends keep for the next pass."""
        residents = self.registry.residents
        telemetry.watch_cache(
            "plans",
            lambda: sum(each.kept_bytes for each in residents()),
            lambda: sum(each.most_kept_bytes for each in residents()),
        )

    def begin_preload(self, names: Iterable[str]) -> Preloads:
        """Begin to load models. They serve as they are, so what could run them faster waits."""
        self._accelerator.hold()
        return Preloads(self.registry, names, self._accelerator.resume)

    def close(self, timeout: float) -> None:
        """End every thread within so many seconds; what waits is refused.

        A thread that does not return is left behind: it is the process that has to end.
        """
        left = TimeLeft(timeout)
        self._watch.close(left.seconds)
        self._accelerator.close()
        for lane in self.lanes:
            lane.refuse()  # so nobody below waits for one
        for resident in self.registry.residents():
            self._batch_sizes.keep(resident)
        for pool in (self.explaining, self.evaluating):
            pool.shutdown(wait=False, cancel_futures=True)
        self.decoders.close(left.seconds)
        for lane in self.lanes:
            lane.stop(left.seconds)
        for end in (self.explaining.shutdown, self.evaluating.shutdown, self.registry.close):
            within(left.seconds, end)
