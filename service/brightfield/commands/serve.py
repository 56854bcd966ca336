"""brightfield serve"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from brightfield.commands.command import Command, flag_of, read_settings

if TYPE_CHECKING:
    from brightfield.serving.worker_process import WorkerProcess

_SWITCH: dict[str, Any] = {"action": argparse.BooleanOptionalAction}


class Serve(Command):
    """Start the service and stay until it is stopped."""

    help: ClassVar[str] = "start the service"
    description: ClassVar[str] = (
        "Start the service. Each flag is also a variable, as BRIGHTFIELD_PORT."
    )

    _begun: WorkerProcess | None = None

    def main(self, words: Sequence[str], arguments: Sequence[str]) -> int:
        """As any command; but a worker begins to import before the settings are read, whose own
        imports take two thirds of the time until then."""
        if _needs_worker(arguments):
            from brightfield.serving.worker_process import WorkerProcess

            self._begun = WorkerProcess()
        try:
            return super().main(words, arguments)
        finally:
            if self._begun is not None and not self._begun.over:
                self._begun.end()

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """A flag for every setting, with its documentation and default."""
        from brightfield.settings import Settings

        for name, field in Settings.model_fields.items():
            default = field.get_default()
            shown = default != "" and isinstance(default, str | int | float)
            text = (field.description or "").replace("%", "%%")
            parser.add_argument(
                flag_of(name),
                help=text + (f" (default: {default})" if shown else ""),
                default=argparse.SUPPRESS,
                **(_SWITCH if field.annotation is bool else {"metavar": name.upper()}),
            )

    def run(self, args: argparse.Namespace) -> int:
        settings = read_settings(**vars(args))
        if settings.engine == "ray":
            from brightfield.cluster import start as cluster

            return cluster.serve(settings)
        from brightfield.cluster.checks import check_plain
        from brightfield.serving import start

        check_plain(settings)
        return start.serve(settings, self._begun)


def _needs_worker(arguments: Sequence[str]) -> bool:
    """Whether a service of its own is likely to be started, and neither help shown nor Ray."""
    others = {"-h", "--help", "ray", "--engine=ray"}
    return others.isdisjoint((*arguments, os.environ.get("BRIGHTFIELD_ENGINE", "")))
