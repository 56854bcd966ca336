"""Loading and examining models one by one, without a service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from brightfield import tasks
from brightfield.cards import ModelCard
from brightfield.engine.devices import devices
from brightfield.models.examination.examination import Examination
from brightfield.runtime.acceleration.kept_batch_sizes import KeptBatchSizes
from brightfield.runtime.lane import Lane, LaneWatch
from brightfield.runtime.loading import ModelLoader
from brightfield.runtime.safeguards import Safeguards
from brightfield.runtime.telemetry import Telemetry
from brightfield.settings import Settings


class ModelCheck:
    """Does with a card what the service does when it loads the model, and lets the model go."""

    def __init__(self, lane: Lane, loader: ModelLoader) -> None:
        self._lane = lane
        self._loader = loader

    def __call__(self, card: ModelCard) -> Examination:
        """What was found out. Raises what the service would say of the model."""
        examination = self._loader.examined(card, lambda size: self._lane).examination
        assert examination is not None
        return examination


@contextmanager
def model_check(settings: Settings) -> Iterator[ModelCheck]:
    """A check on the first device of the settings; its threads end with the block."""
    safeguards = Safeguards(lane_timeout=settings.lane_timeout)
    lane = Lane(devices(settings.device)[0], Telemetry(), settings.threads, safeguards)
    watch = LaneWatch([lane], min(1.0, settings.lane_timeout / 10))
    loader = ModelLoader(
        data=settings.data,
        trust_model_code=settings.trust_model_code,
        contracts=tasks.catalog(),
        batch_sizes=KeptBatchSizes(settings.data / "backends", settings.threads),
    )
    try:
        yield ModelCheck(lane, loader)
    finally:
        watch.close()
        lane.stop(10)
