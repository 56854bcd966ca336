"""Finding model cards in folders: the good ones, and what is wrong with the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from brightfield.cards import CARD, ModelCard, read_card, stated_id
from brightfield.errors import InvalidCard, UnknownModel, nearest

CardOnDisk = Literal["same", "changed", "removed", "faulty"]


@dataclass(frozen=True, slots=True)
class FoundCards:
    """The good cards by id; what is wrong with the others, by folder name as `faults` and by the id
    that they state as `unusable`."""

    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    faults: Mapping[str, InvalidCard] = field(default_factory=dict)
    unusable: Mapping[str, InvalidCard] = field(default_factory=dict)

    def card(self, name: str) -> ModelCard:
        """The card of a model.

        Raises `InvalidCard` with the reason if its card is faulty (it may then be named by its
        folder, too), and `UnknownModel` with the nearest names if there is none.
        """
        if name in self.cards:
            return self.cards[name]
        fault = self.unusable.get(name) or self.faults.get(name)
        if fault is not None:
            raise InvalidCard(fault.detail)
        known = sorted(self.cards)
        hint = nearest(name, known) or f" Known: {', '.join(known)}."
        raise UnknownModel(f"There is no model {name!r}.{hint}")

    def compared(self, card: ModelCard) -> CardOnDisk:
        """What has become of a card that was read before."""
        there = self.cards.get(card.id)
        if there is not None:
            return "same" if there.same_as(card) else "changed"
        return "faulty" if card.id in self.unusable else "removed"


def find_cards(folders: Iterable[Path]) -> FoundCards:
    """Every model folder directly below `folders`; a folder that is itself one counts as one.

    A later folder's card replaces an earlier one of the same id, so a lab's own version of a
    shipped model wins; if that later card is faulty, the model can't be used, because the earlier
    one isn't what the lab means. Several folders of one id within a folder are a fault that names
    them all. A broken card never hides the others, and a folder that isn't there is a fault under
    its own name.
    """
    cards: dict[str, ModelCard] = {}
    faults: dict[str, InvalidCard] = {}
    unusable: dict[str, InvalidCard] = {}
    for folder in folders:
        found = _within(folder)
        for name in (*found.cards, *found.unusable):
            cards.pop(name, None)
            unusable.pop(name, None)
        cards.update(found.cards)
        unusable.update(found.unusable)
        faults.update({_free(name, folder, faults): f for name, f in found.faults.items()})
    return FoundCards(cards, faults, unusable)


def _within(folder: Path) -> FoundCards:
    """The cards of one folder of model folders."""
    if not folder.is_dir():
        absent = InvalidCard(f"The model folder {folder.name!r} is not there.")
        return FoundCards(faults={folder.name: absent})
    cards: dict[str, ModelCard] = {}
    faults: dict[str, InvalidCard] = {}
    unusable: dict[str, InvalidCard] = {}
    places: defaultdict[str, list[Path]] = defaultdict(list)
    for place in _model_folders(folder):
        try:
            card = read_card(place)
        except InvalidCard as fault:
            name = stated_id(place) or place.name
            faults[place.name] = unusable[name] = fault
        else:
            name = card.id
            cards[name] = card
        places[name].append(place)
    for name, same in places.items():
        if len(same) > 1:
            unusable[name] = _shared(name, same)
            for place in same:
                faults.setdefault(place.name, unusable[name])
    good = {name: card for name, card in cards.items() if name not in unusable}
    return FoundCards(good, faults, unusable)


def _model_folders(folder: Path) -> Iterator[Path]:
    if (folder / CARD).is_file():
        yield folder
    yield from (file.parent for file in sorted(folder.glob(f"*/{CARD}")))


def _shared(name: str, places: Sequence[Path]) -> InvalidCard:
    return InvalidCard(
        f"{len(places)} folders have the id {name!r}: {', '.join(place.name for place in places)}. "
        "Give each version that shall be served an id of its own, or move the others out of the "
        "model folder."
    )


def _free(name: str, folder: Path, taken: Mapping[str, object]) -> str:
    """The folder's name, with that of its own folder if another has the same."""
    return name if name not in taken else f"{folder.name}/{name}"
