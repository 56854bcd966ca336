"""brightfield evaluate"""

from __future__ import annotations

import argparse
from pathlib import Path

from brightfield_client.cli.command import Command, at_once, flag
from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import SOME_FAILED, Stop, report
from brightfield_client.cli.reports import BASELINE, OPTIONS, TOLD, run_of, tell


def run(args: argparse.Namespace) -> int:
    if args.model is None:
        raise Stop("Name the model with --model.")
    with connect(args) as client:
        demands = {"require": args.require, "baseline": run_of(client, args.baseline)}
        found = client.evaluate(
            args.data,
            args.model,
            run=args.name,
            truth=args.truth,
            options=dict(args.option) | demands,
            concurrency=args.concurrency,
            **dict(args.set),
        )
        report(*found.errors)
        left_out, there = found.report.raw["excluded_n"], f"{found.there} of {found.total}"
        counts = f"{found.report.n} counted, {left_out} left out, {len(found.errors)} failed"
        code = tell(args, found.report, f"{counts}; {there} already there; run {found.run.id}")
    return code or (SOME_FAILED if found.errors else code)


_DATA = (
    "a folder for each class; the folders images and labels; a CSV with path and label (or mask, "
    "reference); a COCO file; or images that are to be made smaller and enlarged"
)
_TRUTH = "masks or references that lie elsewhere; for a COCO file, its images"

EVALUATE = Command(
    "evaluate",
    "measure a model on a data set",
    run,
    (
        flag("--data PATH", _DATA, Path, required=True),
        flag("--run NAME", "name of the run", required=True, dest="name"),
        flag("--truth DIR", _TRUTH, Path),
        OPTIONS,
        at_once(4),
        BASELINE,
        *TOLD,
    ),
    description="Ask a model about every image of a data set and report how good the answers are. "
    "Broken off, the same command goes on where it stopped.",
)
