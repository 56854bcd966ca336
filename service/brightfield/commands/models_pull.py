"""brightfield models pull"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from brightfield.commands.command import Command, read_settings
from brightfield.errors import UnknownModel


class ModelsPull(Command):
    """Fetch the weights that a card names: download them, or take them from a file."""

    help: ClassVar[str] = "download a model's weights, or take them from a file"

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        said = "id of a model that is served here, or its folder"
        parser.add_argument("id", metavar="ID", help=said)
        without = "the file of the weights, brought from another machine; no network is needed"
        parser.add_argument("--from", dest="source", type=Path, metavar="FILE", help=without)

    def run(self, args: argparse.Namespace) -> int:
        from brightfield import zoo
        from brightfield.card_folders import find_cards
        from brightfield.cards import CARD, read_card
        from brightfield.models.loading import weights

        settings = read_settings()
        try:
            if (Path(args.id) / CARD).is_file():
                card = read_card(Path(args.id))
            else:
                card = find_cards((zoo.folder(), *settings.model_folders)).card(args.id)
        except UnknownModel as fault:
            raise ValueError(f"{fault.detail} {_looked(settings.model_folders)}") from fault
        path = weights.pull(card, settings.data, _draw, args.source)
        print(f"{args.id}: {path}")
        return 0


def _looked(folders: Sequence[Path]) -> str:
    """Where models were looked for, which depends on the shell."""
    if not folders:
        return "BRIGHTFIELD_MODELS isn't set in this shell; name the model's folder, or set it."
    return f"BRIGHTFIELD_MODELS is {', '.join(map(str, folders))}; a folder may be named, too."


def _draw(done: int, total: int | None) -> None:
    """How much is there, in one line of a terminal."""
    if sys.stderr.isatty():
        most, end = (f" of {total >> 20}", "\n" if done == total else "") if total else ("", "")
        print(f"\r{done >> 20}{most} MiB", end=end, file=sys.stderr, flush=True)
