"""Flags that several commands share, and those that are an endpoint's parameters."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from brightfield_client.calls import _parameters
from brightfield_client.client import Client


def image_flags() -> argparse.ArgumentParser:
    """The flags of commands that take many images, as a parent parser."""
    flags = argparse.ArgumentParser(add_help=False)
    add_files(flags)
    flags.add_argument("--concurrency", type=int, default=8, help="calls at once (%(default)s)")
    flags.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep answers in FILE and go on from there"
    )
    return flags


def add_files(parser: argparse.ArgumentParser) -> None:
    """Images, and folders of them."""
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="image files; a folder: all within it"
    )


def parameter_flags() -> argparse.ArgumentParser:
    """The flags for the model and for any parameter of the endpoint, as a parent parser."""
    flags = argparse.ArgumentParser(add_help=False)
    flags.add_argument("--model", help="id of the model (default: the service's)")
    flags.add_argument(
        "--set",
        action="append",
        default=[],
        type=assignment,
        metavar="NAME=VALUE",
        help="any other parameter of the endpoint, as region=0,0,256,256; may be repeated",
    )
    return flags


def add_parameters(parser: Any, endpoint: str, names: Iterable[str]) -> None:
    """A flag for each of these parameters of an endpoint, with what the service says of it."""
    kinds = getattr(_parameters, f"{endpoint.capitalize()}Parameters").__annotations__
    said = getattr(Client, endpoint).__doc__
    for name in names:
        written = str(getattr(kinds.get(name), "__forward_arg__", "bool"))
        options: dict[str, Any] = {"help": _help(said, name)}
        if written.startswith("bool"):
            options |= {"action": "store_true", "default": None}
        elif choices := re.fullmatch(r"Literal\[((?:'[^']*'(?:, )?)+)\] \| None", written):
            options |= {"choices": re.findall("'([^']*)'", choices[1])}
        else:
            convert = {"int | None": int, "float | None": float}.get(written, str)
            options |= {"type": convert, "metavar": name.upper()}
        dashes = "-" if len(name) == 1 else "--"
        parser.add_argument(f"{dashes}{name.replace('_', '-')}", dest=name, **options)


def _help(documentation: str, name: str) -> str:
    """What the text of a call says of one parameter."""
    found = re.search(rf"^ +{name}: (.*?)(?=^ +\w+: |^$)", documentation, re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()).replace("%", "%%") if found else ""


def given_parameters(
    args: argparse.Namespace, names: Iterable[str] = (), **others: Any
) -> dict[str, Any]:
    """The command's own parameters and those of --set; the latter win."""
    own = {name: getattr(args, name) for name in names}
    return {"model": args.model, **own, **others, **dict(args.set)}


def assignment(text: str) -> tuple[str, str]:
    """`NAME=VALUE` as a pair."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value
