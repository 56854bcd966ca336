"""brightfield models pull"""

from __future__ import annotations

import argparse
import sys
from typing import ClassVar

from brightfield.commands.command import Command, read_settings
from brightfield.errors import UnknownModel


class ModelsPull(Command):
    """Download the weights that a card names."""

    help: ClassVar[str] = "download a model's weights"

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID", help="id of the model")

    def run(self, args: argparse.Namespace) -> int:
        from brightfield import zoo
        from brightfield.card_folders import find_cards
        from brightfield.models.loading import weights

        settings = read_settings()
        try:
            card = find_cards((zoo.folder(), *settings.model_folders)).card(args.id)
        except UnknownModel as fault:
            raise ValueError(fault.detail) from fault
        path = weights.pull(card, settings.data, _draw)
        print(f"{args.id}: {path}")
        return 0


def _draw(done: int, total: int | None) -> None:
    """How much is there, in one line of a terminal."""
    if sys.stderr.isatty():
        most, end = (f" of {total >> 20}", "\n" if done == total else "") if total else ("", "")
        print(f"\r{done >> 20}{most} MiB", end=end, file=sys.stderr, flush=True)
