"""Tasks that read the maps of a layer, and where its places lie in the image."""

from __future__ import annotations

from abc import abstractmethod

import torch

from brightfield.results import Result
from brightfield.tasks.task import Task
from brightfield.tasks.units.inside import Inside, Placed


class LayerReading(Inside, Task):
    """A task that answers from what a layer makes of one image."""

    @abstractmethod
    def postprocess(self, maps: torch.Tensor, placed: Placed) -> Result:
        """From the maps (1, U, h, w) of the units asked for, on the CPU, to the result.

        Runs on the event loop, so it must be quick.
        """
