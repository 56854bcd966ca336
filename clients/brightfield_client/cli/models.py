"""brightfield models and doctor: what the service has, and whether it is well."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial

from brightfield_client.cli.command import CONNECTION, Command, flag
from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import OK, SOME_FAILED, UNREACHABLE
from brightfield_client.models import Model
from brightfield_client.results.value import Value

_COLUMNS = ("id", "version", "task", "state", "licence")


def show_list(args: argparse.Namespace, columns: Sequence[str], things: Sequence[Value]) -> None:
    """A line for each thing with those of its attributes, or with --json all of it."""
    if args.json:
        print(json.dumps([each.to_dict() for each in things], ensure_ascii=False, indent=2))
        return
    rows = [columns, *([str(getattr(each, name) or "") for name in columns] for each in things)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def list_models(args: argparse.Namespace) -> int:
    with connect(args) as client:
        show_list(args, _COLUMNS, client.models())
    return OK


def _about_one(call: str, args: argparse.Namespace) -> int:
    """What a call about a model says of it."""
    with connect(args) as client:
        model: Model = getattr(client, call)(args.id)
    if args.json:
        print(json.dumps(model.raw, ensure_ascii=False, indent=2))
    else:
        _print(model)
    return OK


def _print(model: Model) -> None:
    for name in _COLUMNS:
        print(f"{name:<12}{getattr(model, name)}")
    for name in ("card_on_disk", "description", "citation"):
        if model.raw.get(name):
            print(f"{name:<12}{model.raw[name]}")
    if model.labels:
        more = ", ..." if len(model.labels) > 10 else ""
        print(f"{'labels':<12}{len(model.labels)}: {', '.join(model.labels[:10])}{more}")
    for measured in model.raw.get("quality") or ():
        place = f"{measured.get('data')} {measured.get('split')}"
        print(f"{'quality':<12}{measured.get('metric')} {measured.get('value')} on {place}")


def doctor(args: argparse.Namespace) -> int:
    with connect(args) as client:
        report = client.doctor()
    if report.ok:
        return OK
    return SOME_FAILED if report.checks[0].ok else UNREACHABLE


_ID, _JSON = flag("id ID"), flag("--json", "all that the service says, as JSON")


def _action(name: str, text: str, call: str) -> Command:
    return Command(name, text, partial(_about_one, call), (_ID, _JSON), shared=CONNECTION)


MODELS = Command(
    "models",
    "list, show, load, unload, check and pull models",
    description="list, show, load and unload ask the service; check and pull work on the files of "
    "this computer.",
    shared=(),
    actions=(
        Command("list", "all models", list_models, (_JSON,), shared=CONNECTION),
        _action("show", "one model's card and state", "model"),
        _action("load", "load a model now", "load_model"),
        _action("unload", "free a model's memory", "unload_model"),
    ),
)

DOCTOR = Command(
    "doctor", "check the connection, the models and one sample image", doctor, shared=CONNECTION
)
