"""Channels by the names that a file and a model's card give them."""

from __future__ import annotations

from dataclasses import replace

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
    names = stack.channel_names
    count = stack.shape[stack.axes.index("C")] if "C" in stack.axes else 1
    count = len(names) if stack.samples_apart else count
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


def samples_of(choice: PlaneChoice, selection: Selection) -> ChannelFacts:
    """What is known of the channels of a format that has none but colours, as PNG: those that the
    caller's axes call C are images of their own."""
    return ChannelFacts(choice.separate, selection.channels is not None, (), choice.kept)


def facts_of(
    stack: Stack, choice: PlaneChoice, selection: Selection, *, grey: bool
) -> ChannelFacts:
    """What is known of the channels that are kept. The samples of a pixel are no colour if they
    are `grey` or the file's axes call them channels, unless the caller's axes say so."""
    facts = samples_of(choice, selection)
    if selection.axes is not None:
        return facts
    samples = choice.size("S")
    if samples > 1 and choice.size("C") == 1 and (grey or stack.samples_apart):
        facts = replace(facts, separate=True)
        return named(facts, stack.channel_names, samples) if stack.samples_apart else facts
    return facts if samples > 1 else named(facts, stack.channel_names, choice.size("C"))
