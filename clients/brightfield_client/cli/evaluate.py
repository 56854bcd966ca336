"""brightfield evaluate"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from brightfield_client.cli.command import REPEATED, Command, at_once, flag
from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, report
from brightfield_client.evaluating.plan import Evaluated

_SUFFIXES = (".html", ".csv", ".json", ".svg", ".png")
_HEADLINES = (
    *("accuracy", "balanced_accuracy", "auroc", "sensitivity", "specificity", "f1"),
    *("dice", "iou", "f1_at_0.5", "pq", "hd95", "ap", "ap50", "ap75", "psnr", "ssim"),
)


def run(args: argparse.Namespace) -> int:
    if args.model is None:
        raise Stop("Name the model with --model.")
    if args.out is not None and args.out.suffix.lower() not in _SUFFIXES:
        raise Stop(f"--out ends in one of {', '.join(_SUFFIXES)}, not in {args.out.suffix!r}.")
    with connect(args) as client:
        found = client.evaluate(
            args.data,
            args.model,
            run=args.name,
            truth=args.truth,
            options=_options(args.option),
            concurrency=args.concurrency,
            **dict(args.set),
        )
        if args.out is not None:
            title = f"{args.model}: {args.name}" if args.out.suffix.lower() == ".html" else None
            found.report.save(args.out, title=title)
    for item in found.errors:
        report(item)
    _print(found, args.out)
    return SOME_FAILED if found.errors else OK


def _options(given: list[tuple[str, str]]) -> dict[str, Any]:
    """Options as JSON has them; `ci.level=0.9` is a part of `ci`."""
    options: dict[str, Any] = {}
    for name, text in given:
        first, dot, second = name.partition(".")
        if dot:
            options.setdefault(first, {})[second] = _value(text)
        else:
            options[name] = _value(text)
    return options


def _value(text: str) -> Any:
    """A number, a truth value or a list where the text is JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _print(found: Evaluated, out: Path | None) -> None:
    for name in (f"{headline}{mean}" for headline in _HEADLINES for mean in ("", "_macro")):
        estimate = found.report.metrics.get(name)
        if estimate is not None and estimate.value is not None:
            print(f"{name:<20}{estimate}")
    for warning in found.report.warnings:
        print(f"note: {warning.detail}")
    where = "" if out is None else f"{out}: "
    counts = f"{found.report.n} counted, {found.report.raw['excluded_n']} left out"
    there = f"{found.there} of {found.total} already there"
    print(f"{where}{counts}, {len(found.errors)} failed; {there}; run {found.run.id}")


_DATA = (
    "a folder for each class; the folders images and labels; a CSV with path and label (or mask, "
    "reference); a COCO file; or images that are to be made smaller and enlarged"
)
_TRUTH = "masks or references that lie elsewhere; for a COCO file, its images"
_OPTION = "an option of the report, as operating_point=youden or ci.level=0.9; may be repeated"
_OUT = "FILE.html is a page, .csv the numbers, .json all, .svg and .png a plot"

EVALUATE = Command(
    "evaluate",
    "measure a model on a data set",
    run,
    (
        flag("--data PATH", _DATA, Path, required=True),
        flag("--run NAME", "name of the run", required=True, dest="name"),
        flag("--truth DIR", _TRUTH, Path),
        flag("--option NAME=VALUE", _OPTION, **REPEATED),
        at_once(4),
        flag("--out FILE", _OUT, Path),
    ),
    description="Ask a model about every image of a data set and report how good the answers are. "
    "Broken off, the same command goes on where it stopped.",
)
