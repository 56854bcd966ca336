"""Channels by the names that a file and a model's card give them."""

from __future__ import annotations

from brightfield.images.channels import ChannelFacts, ReadingNeeds, named
from brightfield.images.picture import Note
from brightfield.images.planes import PlaneChoice
from brightfield.images.selection import Selection
from brightfield.images.stack import Stack


def by_name(
    stack: Stack, selection: Selection, needs: ReadingNeeds
) -> tuple[Selection, tuple[Note, ...]]:
    """The selection with the channels that a model names, and a note; as it is where the caller
    picks channels or names the axes, and where the file hasn't got each of them exactly once."""
    if selection.channels is not None or selection.axes is not None:
        return selection, ()
    count = stack.shape[stack.axes.index("C")] if "C" in stack.axes else 1
    names = stack.channel_names
    places = needs.pick(names) if len(names) == count else None
    if places is None:
        return selection, ()
    wanted = ", ".join(channel.name for channel in needs.channels)
    chosen = ", ".join(f"{place} ({names[place]})" for place in places)
    note = Note(
        "channel_chosen",
        f"The model takes {wanted}; of {count} channels it was given {chosen}, by name. Say "
        f"channels={','.join(map(str, places))} to choose it yourself, or other ones.",
    )
    return selection.model_copy(update={"channels": places}), (note,)


def facts_of(
    stack: Stack, choice: PlaneChoice, selection: Selection, *, apart: bool
) -> ChannelFacts:
    """What is known of the channels that are kept; `apart`: samples of a pixel are no colour."""
    separate = choice.separate or (apart and choice.size("S") > 1 and choice.size("C") == 1)
    facts = ChannelFacts(separate, selection.channels is not None, (), choice.kept)
    if selection.axes is not None or choice.size("S") > 1:
        return facts
    return named(facts, stack.channel_names, choice.size("C"))
