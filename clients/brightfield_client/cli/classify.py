"""brightfield classify"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from brightfield_client.cli.asking import ask_many
from brightfield_client.cli.connect import connection_flags
from brightfield_client.cli.files import expand, numbered, write_answer
from brightfield_client.cli.flags import (
    add_parameters,
    given_parameters,
    image_flags,
    parameter_flags,
)
from brightfield_client.results.classification import Classification

Write = Callable[[Path, Classification], object]


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "classify",
        parents=[image_flags(), parameter_flags(), connection_flags()],
        help="name the classes of images",
        description="Name the most probable classes of images.",
    )
    add_parameters(parser, "classify", ("top_k",))
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one line of JSON per image")
    form.add_argument("--csv", action="store_true", help="a table: file,rank,label,class_id,score")
    form.add_argument("--out", type=Path, metavar="DIR", help="a JSON file per image in DIR")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    files = expand(args.files)
    given = given_parameters(args, ("top_k",))
    return ask_many(args, "classify", files, given, _writer(args, files))


def _writer(args: argparse.Namespace, files: list[Path]) -> Write:
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        return _to_folder(args.out, numbered(files, lambda path: f"{path.name}.json", _numbered))
    if args.csv:
        return _as_table()
    return _as_json if args.json else _as_text


def _numbered(name: str, number: int) -> str:
    return f"{name.removesuffix('.json')}-{number}.json"


def _to_folder(folder: Path, names: dict[Path, str]) -> Write:
    return lambda path, answer: write_answer(folder / names[path], answer)


def _as_table() -> Write:
    table = csv.writer(sys.stdout)
    table.writerow(("file", "rank", "label", "class_id", "score"))

    def write(path: Path, answer: Classification) -> None:
        for rank, found in enumerate(answer, start=1):
            table.writerow((path, rank, found.label, found.class_id, found.score))

    return write


def _as_json(path: Path, answer: Classification) -> None:
    print(json.dumps({"file": str(path), **answer.raw}, ensure_ascii=False))


def _as_text(path: Path, answer: Classification) -> None:
    print(path)
    for found in answer:
        print(f"  {found.score:.4f}  {found.label}")
    for warning in answer.warnings:
        print(f"brightfield: {path}: {warning.detail}", file=sys.stderr)
