"""A command as a row: its name, its flags and what it does. Flags come from the service's words."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from brightfield_client.calls import _parameters
from brightfield_client.calls._parameters import ImageParameters
from brightfield_client.calls.endpoints import any_endpoint
from brightfield_client.client import Client
from brightfield_client.connection import TIMEOUT

Flag = Callable[[Any], object]
"""Adds itself to a parser or to a group of one."""


def flag(
    spec: str, text: str | None = None, kind: Callable[[str], Any] = str, **options: Any
) -> Flag:
    """`--name VALUE` takes a value of a kind, `--name` is a switch, `name VALUE` is positional."""
    name, _, value = spec.partition(" ")
    shape = {"type": kind, "metavar": value} if value else {"action": "store_true"}
    return lambda parser: parser.add_argument(name, help=text, **(shape | options))


def one_of(*flags: Flag, required: bool = False) -> Flag:
    """Flags of which one at most is given; if `required`, exactly one."""

    def add(parser: Any) -> None:
        group = parser.add_mutually_exclusive_group(required=required)
        for each in flags:
            each(group)

    return add


def assignment(text: str) -> tuple[str, str]:
    """`NAME=VALUE` as a pair."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


REPEATED: dict[str, Any] = {"kind": assignment, "action": "append", "default": []}
FILES = flag("files FILE", "image files; a folder: all within it", Path, nargs="+")
CONNECTION = (
    one_of(
        flag("--url URL", "where the service is (BRIGHTFIELD_URL, else port 8000 here)"),
        flag("--local", "no service: run the models in this process (needs brightfield[service])"),
    ),
    flag("--header NAME=VALUE", "sent with every call, as a proxy wants it", **REPEATED),
    flag("--timeout SECONDS", "for one answer (%(default)g)", float, default=TIMEOUT),
)
"""The flags of all commands that ask a service."""
QUESTION = (
    flag("--model MODEL", "id of the model (default: the service's)"),
    flag(
        "--set NAME=VALUE",
        "any other parameter of the endpoint, as region=0,0,256,256; may be repeated",
        **REPEATED,
    ),
    *CONNECTION,
)
"""The flags of commands that ask an endpoint about images."""


def at_once(calls: int) -> Flag:
    """How many calls run side by side."""
    return flag("--concurrency N", "calls at once (%(default)s)", int, default=calls)


@dataclass(frozen=True)
class Command:
    """What `brightfield NAME` does: `run` takes the parsed flags and returns the exit code.

    Every parameter of its `endpoints` (names with blanks between) is a flag, where none of `flags`
    has its name; `shared` are the flags of all commands of the kind. `formats` are what is written,
    by suffix. A command with `actions` has others below it.
    """

    name: str
    help: str
    run: Callable[[argparse.Namespace], int] | None = None
    flags: Sequence[Flag] = ()
    endpoints: str = ""
    formats: Mapping[str, str | None] = field(default_factory=dict)
    description: str = ""
    shared: Sequence[Flag] = QUESTION
    actions: Sequence[Command] = ()

    def add(self, commands: Any) -> None:
        """Make the command known."""
        said = self.description or f"{self.help[0].upper()}{self.help[1:]}."
        parser = commands.add_parser(
            self.name, help=self.help, description=said, conflict_handler="resolve"
        )
        own = [parameter(endpoint, name) for name, endpoint in self.parameters.items()]
        for add in (*own, *self.flags, *self.shared):
            add(parser)
        parser.set_defaults(command=self)
        below = parser.add_subparsers(metavar="ACTION", required=True) if self.actions else None
        for action in self.actions:
            action.add(below)

    @property
    def parameters(self) -> dict[str, str]:
        """The endpoint of each parameter, the first one that has it."""
        every = reversed(self.endpoints.split())
        return {name: endpoint for endpoint in every for name in _own(endpoint)}

    def given(self, args: argparse.Namespace) -> dict[str, Any]:
        """The values of its own parameters."""
        return {name: getattr(args, name) for name in self.parameters}


def given(args: argparse.Namespace, **others: Any) -> dict[str, Any]:
    """The command's own parameters, `others`, and those of --set, which win."""
    return {"model": args.model, **args.command.given(args), **others, **dict(args.set)}


def parameter(endpoint: str, name: str) -> Flag:
    """The flag of an endpoint's parameter, with its type and what the service says of it."""
    spec = f"{'-' if len(name) == 1 else '--'}{name.replace('_', '-')}"
    kinds, text = get_args(_hints(endpoint)[name]), _help(endpoint, name)
    if bool in kinds:
        return flag(spec, text, dest=name, default=None)
    exact = next((kind for kind in (int, float) if set(kinds) == {kind, type(None)}), str)
    named = choices(endpoint, name)
    limits = {"choices": named, "metavar": None} if named else {}
    return flag(f"{spec} {name.upper()}", text, exact, dest=name, **limits)


def choices(endpoint: str, name: str) -> tuple[str, ...]:
    """The words that a parameter can be; none where it can be more."""
    first, *others = get_args(_hints(endpoint)[name])
    named = get_origin(first) is Literal and others == [type(None)]
    return get_args(first) if named else ()


@cache
def _hints(endpoint: str) -> Mapping[str, Any]:
    """The types of the parameters; those that make another answer are switches."""
    types = getattr(_parameters, f"{endpoint.capitalize()}Parameters")
    switches = dict.fromkeys(any_endpoint(endpoint).variants, bool | None)
    return {**switches, **get_type_hints(types)}


def _own(endpoint: str) -> list[str]:
    """The parameters that not every endpoint has."""
    return [name for name in _hints(endpoint) if name not in ImageParameters.__annotations__]


def _help(endpoint: str, name: str) -> str:
    """What the text of a call says of one parameter."""
    text, part = getattr(Client, endpoint).__doc__, rf"^ +{name}: (.*?)(?=^ +\w+: |^$)"
    found = re.search(part, text, re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()).replace("%", "%%") if found else ""
