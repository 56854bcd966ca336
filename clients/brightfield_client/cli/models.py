"""brightfield models: what the service has, and what lies on this computer."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from brightfield_client.cli import local_models
from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK
from brightfield_client.models import Model

_COLUMNS = ("id", "version", "task", "state", "licence")


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "models",
        help="list, show, load, unload, check and pull models",
        description="list, show, load and unload ask the service; check and pull work on the "
        "files of this computer.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    flags = connection_flags()
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="all that the service says, as JSON")
    add_action = actions.add_parser
    add_action("list", parents=[as_json, flags], help="all models").set_defaults(run=list_models)
    for name, run, text in (
        ("show", show, "one model's card and state"),
        ("load", load, "load a model now"),
        ("unload", unload, "free a model's memory"),
    ):
        action = add_action(name, parents=[as_json, flags], help=text)
        action.add_argument("id", metavar="ID")
        action.set_defaults(run=run)
    _add_local(actions)


def _add_local(actions: Any) -> None:
    check = actions.add_parser("check", help="read the cards, verify the weights, build the models")
    check.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="FOLDER",
        help="a model, or a folder of them (default: the shipped ones and BRIGHTFIELD_MODELS)",
    )
    check.set_defaults(run=local_models.check)
    pull = actions.add_parser("pull", help="download a model's weights")
    pull.add_argument("id", metavar="ID")
    pull.set_defaults(run=local_models.pull)


def list_models(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = client.models()
    if args.json:
        print(json.dumps([model.raw for model in found], ensure_ascii=False, indent=2))
        return OK
    rows = [_COLUMNS, *(tuple(getattr(model, name) for name in _COLUMNS) for model in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    return OK


def show(args: argparse.Namespace) -> int:
    with connect(args) as client:
        _print(client.model(args.id), args.json)
    return OK


def load(args: argparse.Namespace) -> int:
    with connect(args) as client:
        _print(client.load_model(args.id), args.json)
    return OK


def unload(args: argparse.Namespace) -> int:
    with connect(args) as client:
        _print(client.unload_model(args.id), args.json)
    return OK


def _print(model: Model, as_json: bool) -> None:
    if as_json:
        print(json.dumps(model.raw, ensure_ascii=False, indent=2))
        return
    for name in _COLUMNS:
        print(f"{name:<12}{getattr(model, name)}")
    for name in ("description", "citation"):
        if model.raw.get(name):
            print(f"{name:<12}{model.raw[name]}")
    if model.labels:
        more = ", ..." if len(model.labels) > 10 else ""
        print(f"{'labels':<12}{len(model.labels)}: {', '.join(model.labels[:10])}{more}")
    for measured in model.raw.get("quality") or ():
        place = f"{measured.get('data')} {measured.get('split')}"
        print(f"{'quality':<12}{measured.get('metric')} {measured.get('value')} on {place}")
