"""Exact incremental occlusion: only what a hidden patch can have changed is computed again.

    plan = trace(module, sample)               once per model and input size, or a `Refusal`
    schedule = plan.schedule(rows, cols)       once per grid of windows: which crop at which layer
    base = schedule.base(image)                once per image: the activations it rests on
    for chunk in schedule.chunks:
        rows = chunk.run(base, fill)           the model's output for the chunk's positions

Source: Nakandala, Kumar and Papakonstantinou, "Incremental and approximate inference for faster
occlusion-based deep CNN explanations", SIGMOD 2019.
"""

from brightfield.models.incremental.base import Base
from brightfield.models.incremental.choice import CostEstimate, counted, estimate, probe_chunks
from brightfield.models.incremental.plan import IncrementalPlan, Refusal, trace
from brightfield.models.incremental.schedule import Schedule, WindowChunk
from brightfield.models.incremental.work import OperationCount

__all__ = [
    "Base",
    "CostEstimate",
    "IncrementalPlan",
    "OperationCount",
    "Refusal",
    "Schedule",
    "WindowChunk",
    "counted",
    "estimate",
    "probe_chunks",
    "trace",
]
