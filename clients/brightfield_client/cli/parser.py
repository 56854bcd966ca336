"""The client's commands, and the parser of all."""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib.metadata import version

from brightfield import commands
from brightfield_client.cli.about_each import ABOUT_EACH
from brightfield_client.cli.command import Command
from brightfield_client.cli.embed import EMBED
from brightfield_client.cli.evaluate import EVALUATE
from brightfield_client.cli.models import DOCTOR, MODELS
from brightfield_client.cli.reembed import REEMBED
from brightfield_client.cli.runs import METRICS, RUNS
from brightfield_client.cli.to_file import TO_FILE

COMMANDS = (MODELS, *ABOUT_EACH, EMBED, REEMBED, *TO_FILE, EVALUATE, METRICS, RUNS, DOCTOR)

_EPILOG = """\
exit codes: 0 all is well, 1 some items failed, 2 wrong usage, 3 the service cannot be reached,
            4 a requirement is not met, 5 significantly worse than the baseline, 6 a required
            number has no value

Without --url the service is BRIGHTFIELD_URL, else http://127.0.0.1:8000.
"""


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        prog="brightfield",
        description="Run imaging models over HTTP, and see which pixels an answer rests on.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"brightfield {version('brightfield')}")
    below_top = top.add_subparsers(metavar="COMMAND", required=True)
    # The names of the service's commands, too, which read their flags themselves.
    table = {command.name: command for command in COMMANDS}
    for (first, *below), command in commands.catalog().items():
        name = Command((first, *below)[-1], command.help, shared=())
        group = table.get(first) or Command(first, f"work on the service's {first}", shared=())
        table[first] = replace(group, actions=(*group.actions, name)) if below else name
    for each in table.values():
        each.add(below_top)
    return top
