"""FoundLimits that ask for a signal first, and what is to be said of limits that don't."""

from __future__ import annotations

from math import isfinite

from brightfield.images.picture import Note
from brightfield.images.signal import Judgement
from brightfield.images.values import Group

PERCENTILES = (1.0, 99.8)
"""What becomes 0 and 1 where these percentiles are a signal's."""
# A field of noise fills one part in sixteen of the range, or less: no shipped model finds objects
# in that. In standard deviations of blocks.
_NOISE_SPAN = 90.0
# Percentiles beyond the level of the bulk by this factor are those of a few pixels.
_FAR, _ROOM = 3.0, 1.2
# Specks at one part in eight of the range are no objects to any shipped model.
_OVER_SPECKS = 8.0

FoundLimits = tuple[float, float, tuple[Note, ...]]


def signal_limits(group: Group) -> FoundLimits:
    """The percentiles 1 and 99.8, unless they aren't those of what is to be seen.

    Without a signal the upper limit is raised until the noise is dark; a signal that percentiles
    don't see sets the limit itself; a few pixels far beyond all others set none.
    """
    low, high = group.percentiles(*PERCENTILES)
    found = group.judgement()
    if found is None:
        return low, high, ()
    if found.verdict == "signal":
        return _seen(low, high, found)
    if found.verdict == "sparse":
        return _sparse(low, high, found)
    raised = max(high, low + _NOISE_SPAN * found.noise)
    return low, raised, () if raised == high else (_low_contrast(low, high, raised),)


def doubts(group: Group, low: float, high: float) -> tuple[Note, ...]:
    """What is to be known of percentiles that a caller or a card asks for."""
    found = group.judgement()
    if found is None or not low < high or not isfinite(high - low):
        return ()
    if found.verdict == "signal":
        better = _seen(low, high, found)[:2]
        return () if better == (low, high) else (_outshone(low, high, *better),)
    raised = low + _NOISE_SPAN * found.noise
    if high >= raised:
        return ()
    detail = (
        f"The percentiles {low:g} and {high:g} lie within the noise, so what is found may be "
        "noise. Compare with a field that has nothing in it, and choose one range for all, for "
        f"example {_range(low, raised)}."
    )
    return (Note("low_contrast", detail),)


def _seen(low: float, high: float, found: Judgement) -> FoundLimits:
    """Percentiles of a signal, without the few pixels that lie far beyond it on either side."""
    least, greatest = low, high
    if found.specks and found.upward:
        greatest = found.top + _OVER_SPECKS * found.level
        detail = (
            f"All that rises above the noise are specks smaller than an object; {low:g} to "
            f"{greatest:g} became 0 to 1, where they stay dark. If they are what you look for, say "
            f"{_range(low, high)}."
        )
        return low, greatest, (Note("few_bright_pixels", detail),)
    if found.strong:
        if high - found.top > _FAR * found.level:
            greatest = found.top + _ROOM * found.level
        if found.bottom - low > _FAR * found.level:
            least = found.bottom - _ROOM * found.level
    if (least, greatest) != (low, high):
        return least, greatest, (_left_out(low, high, least, greatest),)
    if not found.upward:
        return low, high, ()
    # A signal in few blocks: what it doesn't reach is noise, which the percentiles may show.
    dark = min(low + _NOISE_SPAN * found.noise, found.top + found.level)
    return low, max(high, dark) if found.strong else high, ()


def _sparse(low: float, high: float, found: Judgement) -> FoundLimits:
    """A signal in less than one part in 500 of the field."""
    least, greatest = low, high
    if found.upward:
        greatest = max(high, found.top + found.level, low + _NOISE_SPAN * found.noise)
    else:
        least = min(low, found.bottom - found.level, high - _NOISE_SPAN * found.noise)
    if (least, greatest) == (low, high):
        return low, high, ()
    detail = (
        f"Less than 0.2 % of the field rises above the noise; its level became a limit ({least:g} "
        f"to {greatest:g}). If these pixels are debris, the field is empty; to see what is in the "
        f"noise, say {_range(low, high)}."
    )
    return least, greatest, (Note("few_bright_pixels", detail),)


def _low_contrast(low: float, high: float, raised: float) -> Note:
    return Note(
        "low_contrast",
        f"Nothing rises above the noise of the field ({low:g} to {high:g}), so it was not "
        f"stretched: {low:g} to {raised:g} became 0 to 1. If there is something to see, say which "
        f"values are black and white, for example {_range(low, high)}.",
    )


def _left_out(low: float, high: float, least: float, greatest: float) -> Note:
    return Note(
        "few_bright_pixels",
        f"A few pixels lie far beyond all others ({low:g} to {high:g}), like debris or hot pixels; "
        f"the limits leave them out ({least:g} to {greatest:g}). To include them, say "
        f"{_range(low, high)}.",
    )


def _outshone(low: float, high: float, least: float, greatest: float) -> Note:
    return Note(
        "few_bright_pixels",
        f"The percentiles {low:g} and {high:g} are those of a few pixels, and all others lie "
        f"close together. To see these, say {_range(least, greatest)}.",
    )


def _range(low: float, high: float) -> str:
    return f"intensity=range:{low:.9g},{high:.9g}"
