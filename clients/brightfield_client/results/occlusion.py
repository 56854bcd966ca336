"""The answer of /occlusion."""

from __future__ import annotations

from brightfield_client.arrays import FloatArray
from brightfield_client.results._answers import OcclusionResult
from brightfield_client.results.table import html_table


class Occlusion(OcclusionResult):
    """How the scores of the T targets change when a window hides a part of the image.

    `base` (T) are the scores of the whole image, `scores` (T x rows x cols) those with the window
    at each position, and `map` (T x H x W) the mean of `base - score` over the windows that cover
    a pixel: positive where the pixels support the target. `grid` is None for methods without one
    (RISE), whose `scores` are then empty. `most_probable` (rows x cols) is the class id of the
    target with the highest score at each position, None for a single target. `facts` holds the
    rest: baseline, sign, aggregation, the engine.
    """

    def plane(self, target: int = 0) -> FloatArray:
        """The H x W map of one target, by its place in `targets`."""
        if self.map is None:
            raise ValueError(
                "This answer holds no map: a what-if alone has none (ask without hide=), and JSON "
                'has none for many targets (ask with format="npy").'
            )
        return self.map if self.map.ndim == 2 else self.map[target]

    def _every(self) -> FloatArray:
        return self.plane() if self.map is None else self.map

    def _repr_html_(self) -> str:
        if (hidden := self.what_if) is None:
            return super()._repr_html_()
        rows = zip(hidden.targets, hidden.before, hidden.after, strict=True)
        told = ((each.label, f"{one:.4g}", f"{two:.4g}") for each, one, two in rows)
        return html_table(("score of", "before", "hidden"), told) + super()._repr_html_()

    def _title(self, target: int) -> str:
        label = self.targets[target].label if target < len(self.targets) else ""
        return f"occlusion: {label}"
