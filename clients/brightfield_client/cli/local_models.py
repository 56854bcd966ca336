"""brightfield models check and pull: the model folders of this computer, without a service."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, needs_service
from brightfield_client.progress import ProgressBar

if TYPE_CHECKING:
    from brightfield.card_folders import FoundCards
    from brightfield.cards import ModelCard
    from brightfield.settings import Settings


def check(args: argparse.Namespace) -> int:
    """Build every model and say whether it is well; weights not fetched yet are not a fault."""
    with needs_service("`models check`"):
        from brightfield.settings import Settings
    settings = Settings()
    found = _found(settings, args.folder)
    if not found.cards and not found.faults:
        raise Stop(f"There is no model folder (one with a card.toml) in {args.folder}.")
    for folder, fault in found.faults.items():
        print(f"FAIL {folder}: {fault.detail}")
    results = [_check(card, settings) for card in found.cards.values()]
    return OK if all(results) and not found.faults else SOME_FAILED


def pull(args: argparse.Namespace) -> int:
    """Download the weights that a card names."""
    with needs_service("`models pull`"):
        from brightfield.errors import BrightfieldError
        from brightfield.models.loading import weights
        from brightfield.settings import Settings
    settings = Settings()
    try:
        card = _found(settings, None).card(args.id)
    except BrightfieldError as fault:
        raise Stop(fault.detail) from fault
    with ProgressBar(f"{card.id}, bytes") as bar:
        try:
            path = weights.pull(card, settings.data, bar.update)
        except BrightfieldError as fault:
            raise Stop(fault.detail, SOME_FAILED) from fault
    print(f"{card.id}: {path}")
    return OK


def _check(card: ModelCard, settings: Settings) -> bool:
    from brightfield.errors import BrightfieldError, MissingWeights
    from brightfield.models.loading.build import build

    try:
        build(card, trust_model_code=settings.trust_model_code, data=settings.data)
    except BrightfieldError as fault:
        download = card.weights is not None and card.weights.torchvision is not None
        absent = download and isinstance(fault, MissingWeights)
        print(f"{'pull' if absent else 'FAIL'} {card.id}: {fault.detail}")
        return absent
    print(f"ok   {card.id} {card.version} ({card.task}, {card.licence})")
    return True


def _found(settings: Settings, folder: Path | None) -> FoundCards:
    """The cards of a model, or of a folder of them; default: the shipped ones and the lab's."""
    from brightfield import zoo
    from brightfield.card_folders import find_cards

    return find_cards((zoo.folder(), *settings.model_folders) if folder is None else [folder])
