"""brightfield models check"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from brightfield.commands.command import Command, read_settings

if TYPE_CHECKING:
    from brightfield.card_folders import FoundCards
    from brightfield.cards import ModelCard
    from brightfield.engine.model_check import ModelCheck
    from brightfield.settings import Settings


class ModelsCheck(Command):
    """Load every model, examine it and say whether it is well, as the service does when it loads
    one; weights not fetched yet are not a fault."""

    help: ClassVar[str] = "read the cards, verify the weights, run the models and examine them"

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        said = "a model, or a folder of them (default: the shipped ones and BRIGHTFIELD_MODELS)"
        parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help=said)

    def run(self, args: argparse.Namespace) -> int:
        settings = read_settings()
        found = _found(settings, args.folder)
        if not found.cards and not found.faults:
            raise ValueError(f"There is no model folder (one with a card.toml) in {args.folder}.")
        for folder, fault in found.faults.items():
            print(f"FAIL {folder}: {fault.detail}")
        from brightfield.engine.model_check import model_check

        with model_check(settings) as check:
            results = [_check(card, check) for card in found.cards.values()]
        return 0 if all(results) and not found.faults else 1


def _check(card: ModelCard, check: ModelCheck) -> bool:
    from brightfield.cards import UNLICENSED
    from brightfield.errors import BrightfieldError
    from brightfield.outages import MissingWeights

    try:
        found = check(card)
    except BrightfieldError as fault:
        download = card.weights is not None and card.weights.torchvision is not None
        absent = download and isinstance(fault, MissingWeights)
        print(f"{'pull' if absent else 'FAIL'} {card.id}: {fault.detail}")
        return absent
    print(f"ok   {card.id} {card.version} ({card.task}, {card.licence})")
    if card.licence == UNLICENSED:
        print(
            "     remark no_licence: the card has no `licence`; say under which others may use it"
        )
    for kind, notes in (("warning", found.warnings), ("remark", found.remarks)):
        for note in notes:
            print(f"     {kind} {note.code}: {note.detail}")
    told = {note.detail for note in found.warnings}
    for name, ability in found.abilities.items():
        if ability.holds is False and ability.reason not in told:
            print(f"     not {name}: {ability.reason or 'see the warnings'}")
    return True


def _found(settings: Settings, folder: Path | None) -> FoundCards:
    """The cards of a model, or of a folder of them; default: the shipped ones and the lab's."""
    from brightfield import zoo
    from brightfield.card_folders import find_cards

    return find_cards((zoo.folder(), *settings.model_folders) if folder is None else [folder])
