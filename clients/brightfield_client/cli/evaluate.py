"""brightfield evaluate"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, report
from brightfield_client.cli.flags import assignment, parameter_flags
from brightfield_client.evaluating.outcome import Evaluated
from brightfield_client.results.evaluation import Evaluation

_SUFFIXES = (".html", ".csv", ".json", ".svg", ".png")
_MEANS = ("", "_macro")
_HEADLINES = (
    *("accuracy", "balanced_accuracy", "auroc", "sensitivity", "specificity", "f1"),
    *("dice", "iou", "f1_at_0.5", "pq", "hd95", "ap", "ap50", "ap75", "psnr", "ssim"),
)


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate",
        parents=[parameter_flags(), connection_flags()],
        help="measure a model on a data set",
        description="Ask a model about every image of a data set and report how good the answers "
        "are. Broken off, the same command goes on where it stopped.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="PATH",
        help="a folder for each class; the folders images and labels; a CSV with path and label "
        "(or mask, reference); a COCO file; or images that are to be made smaller and enlarged",
    )
    parser.add_argument("--run", required=True, metavar="NAME", dest="name", help="name of the run")
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="DIR",
        help="masks or references that lie elsewhere; for a COCO file, its images",
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        type=assignment,
        metavar="NAME=VALUE",
        help="an option of the report, as operating_point=youden or ci.level=0.9; may be repeated",
    )
    parser.add_argument("--concurrency", type=int, default=4, help="calls at once (%(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="FILE.html is a page, .csv the numbers, .json all, .svg and .png a plot",
    )
    parser.set_defaults(run=run)


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
    for name, estimate in _headlines(found.report).items():
        print(f"{name:<20}{estimate}")
    for warning in found.report.warnings:
        print(f"note: {warning.detail}")
    where = "" if out is None else f"{out}: "
    left_out = len(found.errors)
    print(f"{where}{found.report.n} counted, {left_out} failed; run {found.run.id}")


def _headlines(report: Evaluation) -> dict[str, str]:
    """The main numbers that the report has."""
    names = [f"{name}{mean}" for name in _HEADLINES for mean in _MEANS]
    return {
        name: str(report.metrics[name])
        for name in names
        if name in report.metrics and report.metrics[name].value is not None
    }
