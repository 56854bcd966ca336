"""Whether some of the objects lie beyond the limits that the model saw the image with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brightfield.images.picture import Note
from brightfield.scaling import Scaling


def outshining_notes(
    means: Sequence[tuple[float | None, ...]] | None, scaling: Scaling | None
) -> tuple[Note, ...]:
    """A warning with the number of objects whose mean lies beyond the limits that `signal` found.

    These limits enclose all but a few pixels, so such objects are far brighter (or darker) than
    all others: debris, clumps of stain and dead cells, but mitoses, too. `means` has a value for
    each channel, in the image's own values.
    """
    if not means or scaling is None or scaling.mode != "signal":
        return ()
    values = np.array(means, np.float64)
    pairs = scaling.channels or ((scaling.low, scaling.high),) * values.shape[1]
    low, high = np.array(pairs, np.float64).T
    beyond = int(((values < low) | (values > high)).any(axis=1).sum())
    if not beyond:
        return ()
    limits = ", ".join(f"{least:.6g} to {most:.6g}" for least, most in dict.fromkeys(pairs))
    detail = (
        f"{beyond} of {len(values)} objects have a mean beyond the limits that all others set "
        f"({limits}), as debris and dead cells have. To leave them out, drop those whose "
        "mean_intensity lies beyond these limits."
    )
    return (Note("objects_outshine", detail),)
