"""Whether an image's channels are those that a model takes, and how they become so."""

from __future__ import annotations

import numpy as np
from PIL import Image

from brightfield.cards import InputSpec
from brightfield.errors import UnfitImage
from brightfield.images.bands import in_bands
from brightfield.images.channels import ChannelFacts
from brightfield.images.picture import Note
from brightfield.tensors import Pixels
from brightfield_painting.luma import LUMA


def check_channels(present: int, facts: ChannelFacts, spec: InputSpec) -> None:
    """Raises `UnfitImage` for channels that aren't, and don't become, those that a model takes.

    Three separate channels are no colour, unless the caller chose them or the card names three.
    """
    wanted = spec.channels
    colours = wanted == 3 and len(spec.channel) != wanted
    undecided = colours and facts.separate and not facts.chosen
    if present == wanted and not undecided:
        return
    if (present, wanted) == (1, 3) or ((present, wanted) == (3, 1) and not facts.separate):
        return
    raise UnfitImage(
        f"{_present(present, facts)} and the model takes {_taken(spec)}; {_way_out(present, spec)}."
    )


def _present(count: int, facts: ChannelFacts) -> str:
    apart = " separate" if facts.separate else ""
    names = f" ({facts.shown()})" if facts.names else ""
    return f"The image has {count}{apart} channel{'s' if count > 1 else ''}{names}"


def _taken(spec: InputSpec) -> str:
    if spec.channel:
        return ", ".join(channel.name for channel in spec.channel)
    return {1: "1", 3: "one, or red, green and blue"}.get(spec.channels, str(spec.channels))


def _way_out(present: int, spec: InputSpec) -> str:
    """What would be accepted of the image, else of any."""
    wanted = spec.channels
    ways = ["channels=0"] if wanted in (1, 3) else []
    if present >= wanted > 1:
        ways.append(f"channels={','.join(str(index) for index in range(wanted))}")
    if not ways:
        return f"send an image with {wanted} channels"
    return f"choose them with channels=, for example {' or '.join(ways)} (0 to {present - 1})"


def match_channels(
    pixels: Pixels, facts: ChannelFacts, spec: InputSpec
) -> tuple[Pixels, tuple[Note, ...]]:
    """Colour weighed to grey for one channel; grey for three stays one until the very end."""
    present, wanted = pixels.shape[2], spec.channels
    if present == wanted or (present, wanted) == (1, 3):
        return pixels, _assumed(present, facts, spec)
    in_8_bits = pixels.dtype == np.uint8
    grey = in_bands(pixels, _luminance) if in_8_bits else (pixels @ LUMA)[:, :, None]
    detail = "The model takes grey images; the colours were weighed by ITU-R BT.601."
    return grey, (Note("converted_to_grey", detail),)


def _assumed(present: int, facts: ChannelFacts, spec: InputSpec) -> tuple[Note, ...]:
    """What is to be known of several separate channels that are taken by their order alone."""
    if present == 1 or not facts.separate:
        return ()
    if len(spec.channel) == present:
        if facts.chosen:
            return ()
        wanted = ", ".join(channel.name for channel in spec.channel)
        detail = (
            f"The file's channels ({facts.shown() or 'without names'}) aren't called as the "
            f"card's; they were taken in its order: {wanted}."
        )
        return (Note("channel_order_assumed", detail),)
    if present != 3:
        return ()
    detail = (
        f"Three separate channels ({facts.shown() or ', '.join(map(str, facts.indices))}) were "
        "taken for red, green and blue, each with its own intensity limits."
    )
    return (Note("channels_as_colours", detail),)


def _luminance(pixels: Pixels) -> Pixels:
    grey: Pixels = np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]
    return grey
